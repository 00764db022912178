"""Measures how the main figures grow with what is stored: fitted exponents, and a chart as SVG (BENCH_CHART=, growth.svg).

An exponent of 0 is a constant time, 1 is proportional. GROWTH_MOST bounds the sizes (1,000,000); 10,000,000 takes half an hour.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bench.error_metrics as errors
import bench.groups as groups
from bench._chart import draw_chart
from bench._database import own_database
from bench.digest import build_messages
from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection
from callwatch.digest.store import digest
from callwatch.models.sample import Sample

MOST = int(os.environ.get("GROWTH_MOST", "1_000_000"))
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure in ms at each size; most: the exponent that it may have at most."""

    name: str
    unit: str
    points: tuple[tuple[int, float], ...]
    most: float

    @property
    def exponent(self) -> float:
        """The slope of the line through the logarithms, by least squares."""
        pairs = [(math.log(size), math.log(max(value, 1e-3))) for size, value in self.points]
        mean_x, mean_y = (sum(pair[axis] for pair in pairs) / len(pairs) for axis in (0, 1))
        spread = sum((x - mean_x) ** 2 for x, _y in pairs)
        return sum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread


def main() -> None:
    """Print each figure at each size with its exponent, and write the chart."""
    curves = []
    for name, unit, figure, least, largest, most in FIGURES:
        curve = Curve(name, unit, measure(figure, list_sizes(least, largest)), most)
        curves.append(curve)
        values = "   ".join(f"{size:,}: {value:.1f} ms" for size, value in curve.points)
        met = "" if curve.exponent <= curve.most else "   OVER"
        print(f"{name} by {unit}: exponent {curve.exponent:.2f} (at most {most}){met}\n    {values}", flush=True)
    path = Path(os.environ.get("BENCH_CHART", "growth.svg"))
    path.write_text(draw_chart([(f"{curve.name} by {curve.unit}, {curve.exponent:.2f}", curve.points) for curve in curves]))
    print(f"chart: {path}")


def list_sizes(least: int, most: int) -> list[int]:
    """Powers of ten from one to the other."""
    return [least * 10**step for step in range(round(math.log10(max(most, least) / least)) + 1)]


def measure(figure: Callable[[int], float], at: Sequence[int]) -> tuple[tuple[int, float], ...]:
    """Return the figure at each size."""
    return tuple((size, figure(size)) for size in at)


def measure_metrics_ms(count: int) -> float:
    """Return milliseconds of GET /api/metrics/errors over this many stored errors."""
    with own_database(errors.OPTIONS), connection() as conn:
        now = datetime.now(UTC)
        errors.fill(conn, count, now)
        return errors.measure_median_ms(lambda: read_error_metrics(conn, now), ROUNDS)


def measure_groups_ms(count: int) -> float:
    """Return milliseconds of a page of GET /api/errors over this many groups."""
    with own_database(errors.OPTIONS), connection() as conn:
        groups.fill(conn, count)
        return groups.measure_page_ms(conn, {"state": "new", "sort": "count"})


def measure_digest_ms(count: int) -> float:
    """Return the least milliseconds for storing 1,000 events of this many known groups."""
    with own_database():
        digest(build_messages(1_000, 0, groups=count), datetime.now(UTC))
        took = []
        for _ in range(ROUNDS):
            bodies = build_messages(1_000, 0, groups=count)
            started = time.perf_counter()
            digest(bodies, datetime.now(UTC))
            took.append((time.perf_counter() - started) * 1000)
        return min(took)


def measure_rules_ms(count: int) -> float:
    """Return the least milliseconds for evaluating this many rules of ten instances each, without a database."""
    rules = [
        AlertRule(f"r{number}", "R", AlertLevel.WARNING, [AlertChannel.LOG], [Condition(f"m{number}", ">", 10)])
        for number in range(count)
    ]
    samples = [Sample(f"m{number}", 1.0, labels={"entity": str(entity)}) for number in range(count) for entity in range(10)]
    now, took = datetime.now(UTC), []
    for number in range(ROUNDS):
        started = time.perf_counter()
        evaluate(rules, samples, {}, now + timedelta(minutes=number))
        took.append((time.perf_counter() - started) * 1000)
    return min(took)


# Name, unit, figure, least and largest size, and the exponent that it may have at most.
FIGURES: tuple[tuple[str, str, Callable[[int], float], int, int, float], ...] = (
    ("evaluation", "rules", measure_rules_ms, 10, 1_000, 1.1),
    ("digest of 1,000 events", "groups in the batch", measure_digest_ms, 1, 1_000, 0.4),
    ("list of groups", "groups", measure_groups_ms, 1_000, MOST // 10, 0.3),
    ("error metrics", "stored errors", measure_metrics_ms, 10_000, MOST, 0.15),
)


if __name__ == "__main__":
    main()
