#!/usr/bin/env python3
"""Reads the machine code of the AVX-512 kernels for what GCC has silently done before: kernel_code.py BUILD_FOLDER

1. Accumulators cleared or copied in memory, where a loop over them was not unrolled: 'rep stos' or a call of memset in a
   function that holds its sums in registers.
2. Sums spilled to the stack and loaded again, vector by vector, for the same reason or because a kernel's epilogue looks at
   what its stores might have changed.
3. Prefetches dropped, where a function of nothing else was taken for pure.
No result shows either; steps only take longer. Exits with 1 and names the functions. For GCC on x86-64.
"""
import collections
import pathlib
import re
import subprocess
import sys

IN_REGISTERS = ["sum_rows<", "run_tile<", "cross_tile<", "update_row<"]
# Of all functions with the name together, at least so many.
PREFETCHES = {"decode_user": 100, "predict": 50, "aggregate_of": 6, "aggregate_backward": 3, "build_table": 2,
              "dense_backward": 50, "cross_": 4, "SparseRows": 12, "square_sum": 1, "update": 16}


def functions(path):
    """Name and instructions of every function."""
    text = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", str(path)], stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    for part in re.split(r"\n(?=[0-9a-f]+ <.*>:\n)", text)[1:]:
        head, code = part.split("\n", 1)
        yield head[head.index("<") + 1:-2].replace("gcmc::(anonymous namespace)::", ""), code


def main():
    paths = list(pathlib.Path(sys.argv[1]).glob("src/**/isa_avx512.cpp.o"))
    if len(paths) != 1:
        sys.exit(f"{sys.argv[1]}: {len(paths)} files isa_avx512.cpp.o, not one")
    faults, seen, prefetches = [], collections.Counter(), collections.Counter()
    for name, code in functions(paths[0]):
        for hot in IN_REGISTERS:
            if name.split("(")[0].removeprefix("void ").startswith(hot):
                seen[hot] += 1
                if re.search(r"rep stos|call.*mem(set|cpy)", code):
                    faults.append(f"clears or copies sums in memory: {name}")
                elif (spills := len(re.findall(r"\(%r[sb]p\),[^\n]*%zmm", code))) > 8:
                    faults.append(f"loads {spills} vectors from the stack: {name}")
        for word in PREFETCHES:
            if word in name:
                prefetches[word] += len(re.findall(r"\tprefetch", code))
    faults += [f"no function {hot}...> to look at" for hot in ("sum_rows<", "run_tile<") if not seen[hot]]
    faults += [f"{prefetches[word]} prefetches in {word}, not {least} or more" for word, least in PREFETCHES.items()
               if prefetches[word] < least]
    if faults:
        sys.exit("\n".join(faults[:10] + ([f"... {len(faults)} faults"] if len(faults) > 10 else [])))
    print(f"{sum(seen.values())} kernels sum in registers; {sum(prefetches.values())} prefetches")


if __name__ == "__main__":
    main()
