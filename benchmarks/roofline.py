"""Draws a roofline: how fast each operation runs against what the machine can do with its flop and bytes."""
import math
from html import escape

WIDTH, HEIGHT = 960, 620
LEFT, RIGHT, TOP, BOTTOM = 80, 30, 86, 70
X_RANGE, Y_RANGE = (0.06, 100.0), (0.8, 800.0)
# Okabe and Ito's colours, which colour-blind readers can tell apart.
SETS = [("ml-1m", "stack", "#0072B2"), ("ml-1m", "sum", "#D55E00"), ("ml-10m", "stack", "#00785A")]
ROOFS = [("ceiling/read/16MB", "16 MB read in order", "2 3"), ("ceiling/gather/16MB/row:400", "rows gathered from 16 MB", "8 4"),
         ("ceiling/read/256MB", "256 MB read in order", "")]
SMALLEST_SHARE = 0.03  # of a step's time: what takes less is left out
DARK, GREY, LIGHT = "#1B1F24", "#5F6672", "#E3E6EA"
THREADS = "threads:2"


def x_of(intensity):
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(intensity / X_RANGE[0]) / math.log(X_RANGE[1] / X_RANGE[0])


def y_of(rate):
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(rate / Y_RANGE[0]) / math.log(Y_RANGE[1] / Y_RANGE[0])


def text(x, y, content, size=13, colour=DARK, anchor="start", more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{more}>'
            f"{escape(content)}</text>")


def line(x1, y1, x2, y2, colour, width=1, dash=""):
    dash = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dash}/>')


def decades(low, high):
    return [10.0 ** k for k in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)]


def axes():
    drawing = []
    for value in decades(*X_RANGE):
        drawing.append(line(x_of(value), TOP, x_of(value), HEIGHT - BOTTOM, LIGHT))
        drawing.append(text(x_of(value), HEIGHT - BOTTOM + 20, f"{value:g}", anchor="middle", colour=GREY))
    for value in decades(*Y_RANGE):
        drawing.append(line(LEFT, y_of(value), WIDTH - RIGHT, y_of(value), LIGHT))
        drawing.append(text(LEFT - 10, y_of(value) + 4, f"{value:g}", anchor="end", colour=GREY))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    drawing.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 24, "useful flop per useful byte", 14, anchor="middle"))
    drawing.append(text(26, middle, "GFLOP/s", 14, anchor="middle", more=f' transform="rotate(-90 26 {middle:.1f})"'))
    return drawing


def roofs(results):
    """The peak, the slopes up to it (rate = bytes/s * intensity), and their key in the lower right corner."""
    peak = results.get(f"ceiling/fma/{THREADS}", "gigaflop_per_s")
    speeds = [(results.get(f"{name}/{THREADS}", "gigabyte_per_s"), label, dash) for name, label, dash in ROOFS]
    speeds = [known for known in speeds if known[0]]
    if peak is None or not speeds:
        return []
    start = peak / max(speed for speed, _, _ in speeds)
    drawing = [line(x_of(start), y_of(peak), WIDTH - RIGHT, y_of(peak), DARK, 2),
               text(WIDTH - RIGHT, y_of(peak) - 8, f"multiply-adds: {peak:.0f} GFLOP/s", 13, DARK, "end")]
    x, y = WIDTH - RIGHT - 300, HEIGHT - BOTTOM - 22 * len(speeds) + 6
    for speed, label, dash in sorted(speeds, reverse=True):
        low, high = max(X_RANGE[0], Y_RANGE[0] / speed), peak / speed
        drawing.append(line(x_of(low), y_of(speed * low), x_of(high), y_of(peak), GREY, 1.5, dash))
        drawing.append(line(x, y - 4, x + 36, y - 4, GREY, 1.5, dash))
        drawing.append(text(x + 46, y, f"{label}: {speed:.0f} GB/s"))
        y += 22
    return drawing


def points(results):
    """operation -> [(x, y, colour)]"""
    found = {}
    for shape, aggregation, colour in SETS:
        case = f"/{shape}/{aggregation}/dgl/keep:0.3/{THREADS}"
        names = [name for name in results.benchmarks
                 if name.startswith("kernel/") and name.endswith(case) and name != f"kernel/predict{case}"]
        total = sum(results.get(name) for name in names)
        for name in names:
            if results.get(name) < SMALLEST_SHARE * total:
                continue
            rate, speed = results.get(name, "gigaflop_per_s"), results.get(name, "gigabyte_per_s")
            if rate >= Y_RANGE[0] and X_RANGE[0] <= rate / speed <= X_RANGE[1]:
                found.setdefault(name.split("/")[1], []).append((x_of(rate / speed), y_of(rate), colour))
    return found


def overlap(box, others):
    return any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)


def labels(found, results):
    """A name for each operation, in the free place nearest to its points, and lines to them."""
    drawing, taken = [], [(x - 6, y - 6, x + 6, y + 6) for group in found.values() for x, y, _ in group]
    peak = results.get(f"ceiling/fma/{THREADS}", "gigaflop_per_s")
    if peak:
        taken.append((LEFT, y_of(peak) - 22, WIDTH - RIGHT, y_of(peak) + 2))
    for name, group in sorted(found.items()):
        width = 7.2 * len(name)
        x, y = (sum(p[axis] for p in group) / len(group) for axis in (0, 1))
        places = [(x + distance * math.cos(angle) - width / 2, y + distance * math.sin(angle))
                  for distance in range(16, 240, 8) for angle in [k * math.pi / 8 for k in range(16)]]
        boxes = [(left - 3, middle - 9, left + width + 3, middle + 9) for left, middle in places]
        box = next((b for b in boxes if b[0] > LEFT and b[2] < WIDTH - RIGHT and b[1] > TOP + 30 and b[3] < HEIGHT - BOTTOM
                    and not overlap(b, taken)), boxes[0])
        taken.append(box)
        for point in group:
            end = (min(max(point[0], box[0]), box[2]), min(max(point[1], box[1] + 3), box[3] - 3))
            drawing.append(line(*point[:2], *end, GREY, 0.7))
        # Twice, since not every viewer knows paint-order: a white rim, and the name on it.
        drawing.append(text(box[0] + 3, box[3] - 5, name, 13, "white", more=' stroke="white" stroke-width="4"'))
        drawing.append(text(box[0] + 3, box[3] - 5, name))
    return drawing


def legend(results, found):
    context = results.context
    drawing = [text(LEFT, 30, "Operations of one training step and the machine's ceilings", 18),
               text(LEFT, 50, f"{context['processor']}, 2 threads, {context['backend']}; dropout keeps 0.3; operations of less than "
               f"{SMALLEST_SHARE:.0%} of a step are left out", 13, GREY)]
    x = LEFT + 6
    drawn = {colour for group in found.values() for _, _, colour in group}
    for shape, aggregation, colour in SETS:
        if colour not in drawn:
            continue
        drawing.append(f'<circle cx="{x:.0f}" cy="68" r="5" fill="{colour}"/>')
        drawing.append(text(x + 11, 72, f"{shape} {aggregation}", 13))
        x += 130
    return drawing


def draw(results):
    found = points(results)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}" stroke="white"/>'
            for group in found.values() for x, y, colour in group]
    body = axes() + roofs(results) + labels(found, results) + dots + legend(results, found)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")
