"""Small pictures inside the page, as SVG text: intervals, shares and stacked counts."""

from collections.abc import Sequence
from math import ceil

from markupsafe import Markup

WIDTH, HEIGHT = 240, 26
_LINE = '<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1}" y2="{y2}" class="{name}"/>'


def difference(value: float, low: float, high: float, *, reach: float, reading: str) -> Markup:
    """An interval around a dot on a scale from -reach to +reach, zero marked."""

    def at(share: float) -> float:
        return WIDTH / 2 + max(-1.0, min(1.0, share / reach)) * (WIDTH / 2 - 6)

    label = f"{value * 100:+.1f} points, 95 % interval {low * 100:+.1f} to {high * 100:+.1f}"
    return _svg(
        label,
        _LINE.format(x1=4, x2=WIDTH - 4, y1=13, y2=13, name="axis")
        + _LINE.format(x1=at(0), x2=at(0), y1=3, y2=23, name="zero")
        + _LINE.format(x1=at(low), x2=at(high), y1=13, y2=13, name=f"interval {reading}")
        + f'<circle cx="{at(value):.1f}" cy="13" r="5" class="dot {reading}"/>',
    )


def reach(intervals: Sequence[tuple[float, float]]) -> float:
    """The end of a scale that holds all intervals, a whole tenth."""
    widest = max((max(abs(low), abs(high)) for low, high in intervals), default=0.1)
    return max(1, ceil(widest * 10)) / 10


def bar(share: float, *, top: float, name: str) -> Markup:
    """A share as a bar, on a scale from 0 to `top`."""
    width = min(1.0, share / top) * (WIDTH - 8) if top else 0.0
    return _svg(
        f"{share:.1%}", f'<rect x="4" y="6" width="{max(1.0, width):.1f}" height="14" rx="2" class="bar {name}"/>'
    )


def stack(parts: Sequence[tuple[str, int]]) -> Markup:
    """Counts side by side, each as wide as its part of the whole."""
    whole = sum(count for _, count in parts) or 1
    x, shapes = 4.0, []
    for name, count in parts:
        width = count / whole * (WIDTH - 8)
        if count:
            shapes.append(f'<rect x="{x:.1f}" y="6" width="{max(width, 1.5):.1f}" height="14" class="part {name}"/>')
        x += width
    return _svg(", ".join(f"{count} {name.replace('_', ' ')}" for name, count in parts), "".join(shapes))


def scale(points: Sequence[tuple[str, float]], interval: tuple[float, float] | None, *, top: float) -> Markup:
    """Named dots on a scale from 0 to `top`, the first of them with its interval."""

    def at(value: float) -> float:
        return 6 + max(0.0, min(1.0, value / top)) * (WIDTH - 12)

    shapes = _LINE.format(x1=6, x2=WIDTH - 6, y1=13, y2=13, name="axis")
    if interval:
        shapes += _LINE.format(x1=at(interval[0]), x2=at(interval[1]), y1=13, y2=13, name="interval model")
    shapes += "".join(
        f'<circle cx="{at(value):.1f}" cy="13" r="5" class="dot {name}"/>' for name, value in reversed(points)
    )
    return _svg(", ".join(f"{name} {value:.2f}" for name, value in points), shapes)


def _svg(label: str, shapes: str) -> Markup:
    # Every part is made here of numbers and our own class names; no text of others enters.
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{shapes}</svg>"
    )
