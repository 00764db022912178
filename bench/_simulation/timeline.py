"""Draws courses as SVG: messages that wait, and the age of the oldest, by minute, on logarithmic scales."""

import math
from collections.abc import Callable, Sequence
from html import escape

from bench._simulation.model import Sample, Scenario

_COLORS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f")
_WIDTH, _PANEL_H, _LEFT, _PLOT_W, _GAP = 900, 240, 70, 520, 40
# Points of a line: more would not be seen.
_EVERY_S = 20


def draw_courses(courses: Sequence[tuple[str, Sequence[Sample]]], scenario: Scenario) -> str:
    """Return an SVG with two panels; courses: (name, samples)."""
    height = 2 * (_PANEL_H + _GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        *_draw_panel(30, "messages that wait", "{:,.0f}", courses, scenario, lambda sample: sample.backlog),
        *_draw_panel(30 + _PANEL_H + _GAP, "age of the oldest, s", "{:g}", courses, scenario, lambda sample: sample.oldest_s),
    ]
    for number, (name, _samples) in enumerate(courses):
        y = 44 + 18 * number
        parts.append(f'<text x="{_LEFT + _PLOT_W + 16}" y="{y}" fill="{_COLORS[number % len(_COLORS)]}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _draw_panel(
    top: float,
    title: str,
    unit: str,
    courses: Sequence[tuple[str, Sequence[Sample]]],
    scenario: Scenario,
    read: Callable[[Sample], float],
) -> list[str]:
    decades = max(1, math.ceil(math.log10(max(10.0, *(read(each) for _name, samples in courses for each in samples)))))

    def place(at_s: float, value: float) -> str:
        x = _LEFT + _PLOT_W * at_s / scenario.ends_s
        return f"{x:.0f},{top + _PANEL_H * (1 - math.log10(max(1.0, value)) / decades):.0f}"

    left, right = (_LEFT + _PLOT_W * at_s / scenario.ends_s for at_s in (scenario.down_s, scenario.up_s))
    parts = [
        f'<text x="{_LEFT}" y="{top - 8}">{escape(title)} (gray: no database)</text>',
        f'<rect x="{left:.0f}" y="{top}" width="{right - left:.0f}" height="{_PANEL_H}" fill="#eee"/>',
    ]
    for step in range(decades + 1):
        y = top + _PANEL_H * (1 - step / decades)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.0f}" x2="{_LEFT + _PLOT_W}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{unit.format(10**step)}</text>')
    for minute in range(0, round(scenario.ends_s / 60) + 1, 10):
        x = _LEFT + _PLOT_W * minute * 60 / scenario.ends_s
        parts.append(f'<text x="{x:.0f}" y="{top + _PANEL_H + 16}" text-anchor="middle">{minute} min</text>')
    for number, (_name, samples) in enumerate(courses):
        line = " ".join(place(each.at_s, read(each)) for each in samples[::_EVERY_S])
        parts.append(f'<polyline points="{line}" fill="none" stroke="{_COLORS[number % len(_COLORS)]}" stroke-width="2"/>')
    return parts
