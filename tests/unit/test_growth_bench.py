"""The growth benchmark: exponents of known curves, and a chart that any viewer can read."""

import xml.etree.ElementTree as ET

import pytest

from bench._chart import draw_chart
from bench.growth import Curve, Took, list_sizes


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(exponent: float) -> None:
    curve = Curve("figure", "rows", tuple((size, Took(3.0 * size**exponent, 0.0)) for size in list_sizes(10, 100_000)), 1.0)
    assert curve.exponent == pytest.approx(exponent)


def test_sizes_are_powers_of_ten() -> None:
    assert list_sizes(10, 10_000) == [10, 100, 1_000, 10_000]
    assert list_sizes(1_000, 100) == [1_000]
    assert list_sizes(1, 1_000_000, 100) == [1, 100, 10_000, 1_000_000]


def test_the_chart_holds_each_curve_within_its_frame() -> None:
    curves = [("a < b & c", [(1, 0.0), (1_000_000, 5_000.0)]), ("flat", [(10, 1.0), (100, 1.0)])]
    root = ET.fromstring(draw_chart(curves))
    space = "{http://www.w3.org/2000/svg}"
    lines = [line.attrib["points"].split() for line in root.iter(f"{space}polyline")]
    assert [len(line) for line in lines] == [2, 2]
    for x, y in (map(float, point.split(",")) for line in lines for point in line):
        assert 0 <= x <= float(root.attrib["width"])
        assert 0 <= y <= float(root.attrib["height"])
    assert {text.text for text in root.iter(f"{space}text")} >= {"a < b & c", "flat"}
