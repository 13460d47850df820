"""Bytes and FLOP of every kernel of one training step, and the time that a roofline model predicts: a prediction, no
measurement. python3 benchmarks/cuda_roofline.py
A kernel's time is the largest of FLOP / peak, DRAM bytes / bandwidth and gathered bytes / L2 bandwidth; a launch in a
graph is put at 2 us. Peaks are the vendor's fp32 and DRAM figures; L2's are published micro-benchmarks."""
DEVICES = {"V100": (15.7e12, 0.9e12, 2.16e12), "H100": (66.9e12, 3.35e12, 5.5e12)}
LAUNCH = 2e-6
# name, users, items, ratings, levels, stack, share of the messages kept
SETS = [("ML-100K stack", 943, 1682, 80000, 5, True, 0.3), ("ML-1M stack", 6040, 3706, 900188, 5, True, 0.3),
        ("ML-1M sum", 6040, 3706, 900188, 5, False, 0.3), ("ML-10M stack", 69878, 10677, 9000048, 10, True, 0.7)]
UNITS, OUTPUT, BASES = 500, 75, 2


def padded(columns):
    """Columns of a row in memory, floats."""
    return (columns + 15) // 16 * 16


def kernels(users, items, edges, levels, stack, keep):
    """(name, launches, FLOP, DRAM bytes, gathered bytes) of a step in float; both sides together."""
    nodes, width = users + items, UNITS // levels if stack else UNITS
    row, hidden, z = 4 * padded(width), 4 * padded(UNITS), 4 * padded(OUTPUT)
    pairs = levels * nodes
    kept_rows, kept_edges = keep * pairs, keep * 2 * edges
    dense = 2 * nodes * UNITS * OUTPUT
    return [
        ("draw_mask", 4, 0, (pairs + nodes * UNITS) / 8, 0),
        ("count_kept, list_kept", 4, 0, 3 * pairs / 8 + 4 * kept_rows, 0),
        ("update_listed", 2, 30 * kept_rows * width, 7 * kept_rows * row, 0),
        ("build_table", 2, kept_rows * width, 2 * kept_rows * row, 0),
        ("aggregate", 2, kept_edges * width, 4 * 2 * edges + kept_rows * row + nodes * hidden, kept_edges * row),
        ("add_bias, gemm: Z", 4, dense, nodes * (hidden + 3 * z), 0),
        ("gemm: user_basis", 2, 2 * users * OUTPUT**2 * BASES, users * z * (1 + BASES), 0),
        ("score_pairs", 1, edges * (BASES * 2 * OUTPUT + 60 * levels), edges * 4 * (1 + BASES) + nodes * z,
         edges * z),
        ("add_coefficients, add_sums", 2, 0, users * (4 * BASES * levels + 40), 0),
        ("user_gradient", 1, edges * BASES * 2 * OUTPUT, edges * 4 * (1 + BASES) + users * z * BASES, edges * z),
        ("item_gradient", 1, edges * BASES * 2 * OUTPUT, edges * 4 * (1 + BASES) + items * z,
         edges * (z * BASES + 32 * 6)),
        ("gemm: basis gradient, dU", 4, 4 * users * OUTPUT**2 * BASES, users * z * 2 * (1 + BASES), 0),
        ("gemm: weight gradient, column sums", 6, dense, nodes * (hidden + 2 * z), 0),
        ("gemm and dense_epilogue", 4, dense, nodes * (z + 4 * hidden), 0),
        ("aggregate_backward", 2, kept_edges * width, 4 * 2 * edges + nodes * hidden + kept_rows * row,
         kept_edges * row),
        ("square sums, record_step, update_parts", 4, 0, kept_rows * row, 0),
    ]


def main():
    for name, *sizes in SETS:
        print(f"{name}, keep {sizes[-1]}\n\n| kernel | launches | MFLOP | DRAM MB | gathered MB |"
              + "".join(f" {d}: us |" for d in DEVICES) + "\n|---|" + "---|" * (4 + len(DEVICES)))
        totals = [0.0] * len(DEVICES)
        for kernel, launches, flop, dram, gathered in kernels(*sizes):
            times = [max(flop / f, dram / m, gathered / c) + launches * LAUNCH for f, m, c in DEVICES.values()]
            totals = [a + b for a, b in zip(totals, times)]
            print(f"| {kernel} | {launches} | {flop / 1e6:.0f} | {dram / 1e6:.1f} | {gathered / 1e6:.0f} |"
                  + "".join(f" {t * 1e6:.0f} |" for t in times))
        print("| predicted step | | | | |" + "".join(f" {t * 1e6:.0f} |" for t in totals) + "\n")


if __name__ == "__main__":
    main()
