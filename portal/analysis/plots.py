"""Plot data drawn as SVG, once for page and PDF: colours are attributes that a style sheet may overrule (`.plot` in desk.css), nothing is inline style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 600, 340
LEFT, RIGHT, TOP, BOTTOM = 68, 20, 16, 52
LEGEND = 22  # pixels of a line of it
INK, RULE = "#26221b", "#d5cbb9"
COLOURS = ("#1f6b5e", "#a3361f", "#7d5200", "#3d4fa1", "#7a3b78", "#5f584c")
DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 5", "1 4")  # a curve is known by its dashes, too, not by its colour alone
MOST_POINTS = 1500  # of a curve: two for each pixel

Curve = tuple[str, Sequence[float], Sequence[float]]  # label, x, y


def line_plot(curves: Sequence[Curve], *, title: str, x_label: str, y_label: str, marks: Sequence[tuple[float, str]] = (), comma: bool = False) -> str:
    """SVG text of curves over one axis; `marks` are upright lines with words; `comma`: numbers with a decimal comma."""
    xs = [x for _, each, _ in curves for x in each] + [x for x, _ in marks]
    ys = [y for _, _, each in curves for y in each]
    x_ticks, y_ticks = ticks(min(xs, default=0), max(xs, default=1)), ticks(min(ys, default=0), max(ys, default=1))
    legend = [label for label, _, _ in curves] + [words for _, words in marks]
    height = HEIGHT + LEGEND * len(legend)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])
        up = (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])
        return round(LEFT + across * (WIDTH - LEFT - RIGHT), 1), round(HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM), 1)

    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH} {height}" role="img" font-family="Inter, sans-serif" font-size="15">']
    drawn.append(f"<title>{escape(title)}</title>")
    for tick in x_ticks:
        (x, low), (_, high) = at(tick, y_ticks[0]), at(tick, y_ticks[-1])
        drawn += [_line("rule", x, low, x, high, RULE), _text(x, low + 20, number(tick, comma), "middle")]
    for tick in y_ticks:
        (left, y), (right, _) = at(x_ticks[0], tick), at(x_ticks[-1], tick)
        drawn += [_line("rule", left, y, right, y, RULE), _text(left - 8, y + 4, number(tick, comma), "end")]
    drawn.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, "middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    drawn.append(f'<text class="words" transform="rotate(-90 16 {middle})" x="16" y="{middle}" text-anchor="middle" fill="{INK}">{escape(y_label)}</text>')
    for n, (_label, curve_x, curve_y) in enumerate(curves):
        points = " ".join("{:g},{:g}".format(*at(x, y)) for x, y in thinned(curve_x, curve_y))
        drawn.append(f'<polyline class="curve c{n % 6}" points="{points}" fill="none" stroke="{COLOURS[n % 6]}" stroke-width="2.5" {_dashes(n)}/>')
    for n, (x, _words) in enumerate(marks):
        (across, low), (_, high) = at(x, y_ticks[0]), at(x, y_ticks[-1])
        drawn.append(_line("mark", across, low, across, high, INK, 1.5))
        drawn.append(_text(across + 4, high + 14, _letter(n), "start"))
    for n, words in enumerate(legend):
        y = HEIGHT + LEGEND * n + 12
        if n < len(curves):
            drawn.append(f'<path class="curve c{n % 6}" d="M{LEFT} {y - 4}h32" stroke="{COLOURS[n % 6]}" stroke-width="2.5" {_dashes(n)}/>')
        else:
            drawn.append(_text(LEFT + 12, y, _letter(n - len(curves)), "start"))
        drawn.append(_text(LEFT + 42, y, words, "start"))
    return "".join([*drawn, "</svg>"])


def timeline_strip(moments: Sequence[tuple[float, str]], *, title: str, seconds: float | None = None) -> str:
    """SVG text of moments (seconds, number) on a line from the start to the end of what lasts `seconds`, or to the last of them where that is not known."""
    last = max([t for t, _ in moments] or [1])
    end = seconds if seconds is not None and seconds >= last > 0 else ticks(0, last)[-1]
    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 {WIDTH} 68" role="img" font-family="Inter, sans-serif" font-size="15">']
    drawn += [f"<title>{escape(title)}</title>", _line("rule", 16, 32, WIDTH - 16, 32, RULE, 3)]
    for t, words in moments:
        x = round(16 + t / end * (WIDTH - 32), 1)
        drawn += [_line("mark", x, 22, x, 42, INK, 2), _text(x, 16, words, "middle")]
    drawn += [_text(16, 60, clock(0), "start"), _text(WIDTH - 16, 60, clock(end), "end")]
    return "".join([*drawn, "</svg>"])


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from below `low` to above `high`, evenly spaced; at least two."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / about
    magnitude = 10 ** math.floor(math.log10(raw))
    step = next(each * magnitude for each in (1, 2, 2.5, 5, 10) if each * magnitude >= raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, max(last, first + 1) + 1)]


def thinned(xs: Sequence[float], ys: Sequence[float], most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """The points of a long curve, of each stretch the first, the lowest and the highest, so that no peak is lost."""
    points = list(zip(xs, ys, strict=True))
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / (most // 3))
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        kept += sorted({stretch[0], min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])})
    return [*kept, points[-1]]


def clock(seconds: float) -> str:
    """Seconds as minutes:seconds with a tenth, or with hours."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def number(value: float, comma: bool) -> str:
    """A number as a person reads it on an axis."""
    text = f"{value:.6g}".replace("-", "−")
    return text.replace(".", ",") if comma else text


def _line(kind: str, x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return f'<line class="{kind}" x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text class="words" x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'


def _dashes(n: int) -> str:
    return f'stroke-dasharray="{DASHES[n % 6]}"' if DASHES[n % 6] else ""


def _letter(n: int) -> str:
    return chr(ord("A") + n) if n < 26 else str(n + 1)
