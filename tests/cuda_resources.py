"""What ptxas says of every kernel: python3 tests/cuda_resources.py [--write docs/cuda.md] [architecture...]
Compiles src/cuda/*.cu for the architectures (80 90), fails if a kernel spills registers, and prints a table of registers,
shared memory and stack, or puts it between the markers of the file."""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- made by tests/cuda_resources.py -->\n", "<!-- end -->\n"


def compile_file(file, architecture):
    """ptxas's report of one file: {kernel: (registers, shared bytes, stack bytes, spilled bytes)}."""
    command = ["nvcc", "-std=c++20", "-O3", f"-arch=sm_{architecture}", "--expt-relaxed-constexpr",
               "--diag-suppress=554", "-Werror=all-warnings", "-Xptxas=-v", f"-I{ROOT}/include", "-cubin",
               "-o", "/dev/null", str(file)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{file} does not compile for sm_{architecture}:\n{run.stderr}")
    return parse(subprocess.run(["c++filt"], input=run.stderr, capture_output=True, text=True, check=True).stdout)


def parse(report):
    found, kernel = {}, None
    for line in report.splitlines():
        if match := re.search(r"Compiling entry function '(.+)' for", line):
            kernel = short(match.group(1))
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            stack, stores, loads = map(int, match.groups())
        elif match := re.search(r"Used (\d+) registers", line):
            shared = re.search(r"(\d+) bytes smem", line)
            found[kernel] = (int(match.group(1)), int(shared.group(1)) if shared else 0, stack, stores + loads)
    return found


def short(name):
    name = re.sub(r"gcmc::|kernels::|\(anonymous namespace\)::|\b(void) ", "", name)
    depth, out = 0, ""
    for c in name:  # without the parameters, which stand outside the template's brackets
        depth += (c == "<") - (c == ">")
        if c == "(" and depth == 0:
            break
        out += c
    return out


def table(architectures, results):
    heads = "".join(f" sm_{a}: registers | shared bytes |" for a in architectures)
    lines = [f"| kernel |{heads}", "|---|" + "---|---|" * len(architectures)]
    for kernel in sorted(results[architectures[0]]):
        cells = "".join(f" {results[a][kernel][0]} | {results[a][kernel][1]} |" for a in architectures)
        lines.append(f"| `{kernel}` |{cells}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("architectures", nargs="*", default=["80", "90"])
    arguments = parser.parse_args()
    files = sorted((ROOT / "src/cuda").glob("*.cu"))
    tasks = [(file, a) for a in arguments.architectures for file in files]
    results = {a: {} for a in arguments.architectures}
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for (_, a), found in zip(tasks, pool.map(lambda task: compile_file(*task), tasks)):
            results[a].update(found)
    text = table(arguments.architectures, results)
    if arguments.write:
        old = arguments.write.read_text()
        begin, end = old.index(BEGIN) + len(BEGIN), old.index(END)
        arguments.write.write_text(old[:begin] + text + old[end:])
    else:
        print(text, end="")
    spills = [f"{kernel} on sm_{a}: {r[3]} bytes" for a in results for kernel, r in results[a].items() if r[3]]
    if spills:
        sys.exit("registers are spilled:\n" + "\n".join(spills))
    print(f"{len(results[arguments.architectures[0]])} kernels, no spills")


if __name__ == "__main__":
    main()
