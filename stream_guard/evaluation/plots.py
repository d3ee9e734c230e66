"""Plots as inline SVG: no script, no network, colours from the page's style, so light and dark both work.

Every mark carries a ``title`` that a pointer shows, and every plot a label for who can not see it.

Glossary: *frame* the axes of a plot, from values to pixels.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 20, 40
DOT = 5
ROW, NAMES = 22, 190  # of plots of rows: height of one, width of the names


class Axis(NamedTuple):
    """One direction of a plot; logarithmic ones show what is below ``low`` at ``low``."""

    label: str
    low: float
    high: float
    is_log: bool = False
    show: Callable[[float], str] = lambda value: f"{value:g}"

    def place(self, value: float) -> float:
        """Where a value lies, 0 to 1."""
        if self.is_log:
            value = min(max(value, self.low), self.high)
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values to label."""
        if self.is_log:
            lowest, highest = ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9)
            return [10.0**power for power in range(lowest, highest + 1)]
        step = _round_step((self.high - self.low) / 5)
        first = ceil(self.low / step - 1e-9)
        return [step * number for number in range(first, floor(self.high / step + 1e-9) + 1)]


def _round_step(rough: float) -> float:
    size: float = 10.0 ** floor(log10(rough))
    return next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * 0.999)


class Frame:
    """A plot being drawn."""

    def __init__(self, x: Axis, y: Axis, label: str, height: int = HEIGHT, left: int = LEFT) -> None:
        self.x, self.y, self.height, self.left = x, y, height, left
        self._label = label
        self._marks: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point."""
        width, height = WIDTH - self.left - RIGHT, self.height - TOP - BOTTOM
        return self.left + self.x.place(x) * width, TOP + (1 - self.y.place(y)) * height

    def add(self, mark: str) -> None:
        """Draw something."""
        self._marks.append(mark)

    def line(self, points: Iterable[tuple[float, float]], style: str, title: str = "") -> None:
        """A line through points."""
        path = " ".join("{:.1f},{:.1f}".format(*self.at(*point)) for point in points)
        self.add(f'<polyline class="{style}" points="{path}">{_title(title)}</polyline>')

    def area(self, points: Sequence[tuple[float, float]], style: str, title: str = "") -> None:
        """What lies below a line."""
        if not points:
            return
        base = self.y.low
        closed = [(points[0][0], base), *points, (points[-1][0], base)]
        path = " ".join("{:.1f},{:.1f}".format(*self.at(*point)) for point in closed)
        self.add(f'<polygon class="{style}" points="{path}">{_title(title)}</polygon>')

    def dot(self, x: float, y: float, style: str, title: str, text: str = "", radius: float = DOT) -> None:
        """A point, with words beside it if there are any; at the right edge they stand to its left."""
        left, top = self.at(x, y)
        place = f'cx="{left:.1f}" cy="{top:.1f}" r="{radius:g}"'
        self.add(f'<circle class="{style}" {place}>{_title(title)}</circle>')
        if text:
            is_far = left > WIDTH * 0.7
            anchor, gap = ("end", -9) if is_far else ("start", 9)
            self.add(_text(left + gap, top + 4, text, anchor))

    def bar(self, low: float, high: float, y: float, style: str) -> None:
        """A level stroke from ``low`` to ``high``."""
        self.line([(low, y), (high, y)], style)

    def upright(self, x: float, style: str, text: str) -> None:
        """A vertical line across the plot, with words at its top."""
        left, top = self.at(x, self.y.high)
        _, bottom = self.at(x, self.y.low)
        self.add(f'<line class="{style}" x1="{left:.1f}" x2="{left:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>')
        anchor, gap = ("end", -5) if left > WIDTH * 0.6 else ("start", 5)
        self.add(_text(left + gap, top + 11, text, anchor))

    def svg(self) -> str:
        """All of it."""
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{escape(self._label)}">',
            *self._grid(),
            *self._marks,
            "</svg>",
        ]
        return "".join(parts)

    def _grid(self) -> Iterable[str]:
        x0, y0 = self.left, self.height - BOTTOM
        for value in self.x.ticks():
            left, _ = self.at(value, self.y.low)
            yield f'<line class="grid" x1="{left:.1f}" x2="{left:.1f}" y1="{TOP}" y2="{y0}"/>'
            yield _text(left, y0 + 15, self.x.show(value), "middle")
        for value in self.y.ticks() if self.y.label else ():
            _, top = self.at(self.x.low, value)
            yield f'<line class="grid" x1="{x0}" x2="{WIDTH - RIGHT}" y1="{top:.1f}" y2="{top:.1f}"/>'
            yield _text(x0 - 7, top + 4, self.y.show(value), "end")
        yield _text((self.left + WIDTH - RIGHT) / 2, self.height - 6, self.x.label, "middle", "axis")
        yield _text(x0, TOP - 6, self.y.label, "start", "axis")


def _text(left: float, top: float, text: str, anchor: str = "start", style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""


def rows(x: Axis, names: Sequence[str], label: str, height: int = ROW) -> tuple[Frame, list[float]]:
    """A plot of one row per name, from the top down, and where the rows lie."""
    count = max(1, len(names))
    y = Axis("", 0.0, count + 0.7 * ROW / height)  # room for words above the first
    frame = Frame(x, y, label, TOP + BOTTOM + height * count, NAMES)
    places = [count - number - 0.5 for number in range(len(names))]
    for name, place in zip(names, places, strict=True):
        left, top = frame.at(x.low, place)
        frame.add(_text(left - 8, top + 4, name, "end"))
    return frame, places
