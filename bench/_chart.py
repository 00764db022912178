"""Draws curves on logarithmic axes as SVG, without a library."""

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _PLOT_W, _PLOT_H = 860, 420, 70, 20, 480, 340
_COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf")
_MARKS = ("circle", "square", "circle", "square", "circle", "square")

Point = tuple[float, float]


def draw_chart(curves: Sequence[tuple[str, Sequence[tuple[int, float]]]]) -> str:
    """An SVG of milliseconds by size; curves: (name, points)."""
    points = [point for _name, curve in curves for point in curve]
    sizes, values = [size for size, _value in points], [max(value, 1e-3) for _size, value in points]
    x_range, y_range = _find_decades(sizes), _find_decades(values)

    def place(size: float, value: float) -> Point:
        return (
            _LEFT + _PLOT_W * (math.log10(size) - x_range[0]) / (x_range[1] - x_range[0]),
            _TOP + _PLOT_H * (1 - (math.log10(max(value, 1e-3)) - y_range[0]) / (y_range[1] - y_range[0])),
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        *_draw_axes(x_range, y_range),
    ]
    for number, (name, curve) in enumerate(curves):
        color = _COLORS[number % len(_COLORS)]
        placed = [place(size, value) for size, value in curve]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [_draw_mark(_MARKS[number % len(_MARKS)], at, color) for at in placed]
        label_y = _TOP + 14 + 20 * number
        parts.append(f'<text x="{_LEFT + _PLOT_W + 20}" y="{label_y}" fill="{color}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _find_decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _draw_axes(x_range: tuple[int, int], y_range: tuple[int, int]) -> list[str]:
    parts = []
    for step in range(x_range[0], x_range[1] + 1):
        x = _LEFT + _PLOT_W * (step - x_range[0]) / (x_range[1] - x_range[0])
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_TOP + _PLOT_H}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{_TOP + _PLOT_H + 18}" text-anchor="middle">{10**step:,}</text>')
    for step in range(y_range[0], y_range[1] + 1):
        y = _TOP + _PLOT_H * (1 - (step - y_range[0]) / (y_range[1] - y_range[0]))
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _PLOT_W}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**step:g} ms</text>')
    return parts


def _draw_mark(kind: str, at: Point, color: str) -> str:
    if kind == "circle":
        return f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4" fill="{color}"/>'
    return f'<rect x="{at[0] - 4:.1f}" y="{at[1] - 4:.1f}" width="8" height="8" fill="{color}"/>'
