"""Measures how the main figures grow with what there is: fitted exponents, a chart as SVG (BENCH_CHART=, growth.svg), JSON.

An exponent of 0 is a constant time, 1 is proportional; it is that of the CPU time, of this process and of PostgreSQL together,
which other work on the machine hardly changes. The time by the clock stands in parentheses. GROWTH_MOST bounds the stored errors
(1,000,000: at most ten minutes on an idle machine; 100,000: three; 10,000,000: forty, and 12 GB of disk) and with them groups (a
tenth) and rows of the product. GROWTH_ONLY=groups,rules measures only these. BENCH_JSON names a folder for growth.json.
"""

import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from urllib.parse import urlencode

import bench.error_metrics as errors
import bench.groups as groups
from bench import pipeline
from bench._chart import draw_chart
from bench._database import own_database
from bench._results import build_figure, write_results
from bench.cycle import build_rules
from bench.digest import build_messages
from bench.ingest import KEY, build_payload, build_request, silence
from bench.throughput import make_queues, read_server_cpu_s
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.rules_file import read_rules
from callwatch.db import connection
from callwatch.digest.store import digest
from callwatch.models.sample import Sample
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.steps import build_steps
from callwatch.pipeline.indexes import render_statement
from callwatch.pipeline.stage_file import get_stages
from callwatch.runtime.log import logger
from callwatch.settings import reset_settings
from local.sqs import server as local_queue

ROOT = Path(__file__).resolve().parents[1]
MOST = int(os.environ.get("GROWTH_MOST", "1_000_000"))
ROUNDS = 7
SENT = 256
# Requests read counters and first pages; a cycle reads what is new.
_READ, _CYCLE = 0.15, 0.3


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds of one action: CPU here and in PostgreSQL, and by the clock (the median)."""

    cpu: float
    clock: float


Action = Callable[[], object]
Point = tuple[int, Took]


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure at each size; most: the exponent that its CPU time may have at most."""

    name: str
    unit: str
    points: tuple[Point, ...]
    most: float

    @property
    def exponent(self) -> float:
        """The slope of the line through the logarithms, by least squares."""
        pairs = [(math.log(size), math.log(max(took.cpu, 1e-3))) for size, took in self.points]
        mean_x, mean_y = (sum(pair[axis] for pair in pairs) / len(pairs) for axis in (0, 1))
        spread = sum((x - mean_x) ** 2 for x, _y in pairs)
        return sum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread if spread else 0.0


def main() -> None:
    """Print each figure at each size with its exponent, and write the chart and the results."""
    logger.setLevel("CRITICAL")
    only = {name for name in os.environ.get("GROWTH_ONLY", "").split(",") if name}
    curves: list[Curve] = []
    with tempfile.TemporaryDirectory() as folder:
        server = local_queue.start(Path(folder))
        try:
            with make_queues(server):
                for name, find in SERIES.items():
                    if not only or name in only:
                        for curve in find():
                            report(curve)
                            curves.append(curve)
        finally:
            server.stop()
    path = Path(os.environ.get("BENCH_CHART", "growth.svg"))
    lines = [(f"{each.name} by {each.unit}, {each.exponent:.2f}", [(n, took.cpu) for n, took in each.points]) for each in curves]
    path.write_text(draw_chart(lines))
    print(f"chart: {path}")
    write_results(
        "growth",
        [
            figure
            for each in curves
            for figure in (
                build_figure(f"{each.name}: exponent", each.exponent, "", each.most, by=each.unit),
                *(build_figure(f"{each.name}: CPU", took.cpu, "ms", by=each.unit, size=size) for size, took in each.points),
                *(build_figure(f"{each.name}: clock", took.clock, "ms", by=each.unit, size=size) for size, took in each.points),
            )
        ],
    )


def report(curve: Curve) -> None:
    """Print a curve: its exponent, and the CPU time at each size with that by the clock."""
    values = "   ".join(f"{size:,}: {took.cpu:.1f} ({took.clock:.1f})" for size, took in curve.points)
    met = "" if curve.exponent <= curve.most else "   OVER"
    print(f"{curve.name} by {curve.unit}: exponent {curve.exponent:.2f} (at most {curve.most}){met}\n    {values} ms", flush=True)


def list_sizes(least: int, most: int, factor: int = 10) -> list[int]:
    """Powers of a factor from one to the other."""
    return [least * factor**step for step in range(round(math.log(max(most, least) / least) / math.log(factor)) + 1)]


def measure(action: Action, rounds: int = ROUNDS) -> Took:
    """Measure an action that was done once before."""
    action()
    clock = []
    server_s, cpu_s = read_server_cpu_s(), time.process_time()
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        clock.append((time.perf_counter() - began) * 1000)
    cpu_s = time.process_time() - cpu_s + read_server_cpu_s() - server_s
    return Took(cpu_s / rounds * 1000, statistics.median(clock))


def collect(points: dict[str, list[Point]], size: int, actions: dict[str, tuple[Action, int]]) -> None:
    """Measure actions (with their rounds) at a size."""
    for name, (action, rounds) in actions.items():
        points.setdefault(name, []).append((size, measure(action, rounds)))


def build_curves(points: dict[str, list[Point]], unit: str, most: Callable[[str], float]) -> Iterator[Curve]:
    """Build the curves of figures that were measured together."""
    for name, found in points.items():
        yield Curve(name, unit, tuple(found), most(name))


def ask(function: str, **query: str) -> Action:
    """Return an action that sends a viewer's request to a function's handler."""
    module = import_module(f"functions.{function}")
    event = json.loads((ROOT / "events" / f"{function}.json").read_text())
    event["queryStringParameters"], event["rawQueryString"] = query or None, urlencode(query)
    event["requestContext"]["authorizer"] = {"lambda": {"role": "viewer", "actor": "bench"}}

    def send() -> None:
        answer = module.lambda_handler(event, None)
        assert answer["statusCode"] == 200, (function, answer["body"][:300])

    return send


def run_a_cycle() -> Action:
    """Return an action that runs a whole cycle of one monitor."""
    state = MonitorState()

    def run() -> None:
        found = run_cycle(build_steps(list), state, datetime.now(UTC), 50)
        assert "skipped" not in found, found
        failed = {name: step["error"] for name, step in found["steps"].items() if step["error"]}
        assert not failed, failed

    return run


def measure_by_errors() -> Iterator[Curve]:
    """Requests, a cycle and a digest by stored errors."""
    points: dict[str, list[Point]] = {}
    for size in list_sizes(10_000, MOST):
        with own_database(errors.OPTIONS), silence():
            with connection() as conn:
                errors.fill(conn, size, datetime.now(UTC))
            collect(points, size, {
                "error metrics": (ask("get_metrics_errors"), ROUNDS * 3), "list": (ask("list_errors"), ROUNDS * 3),
                "search": (ask("list_errors", q="message"), ROUNDS * 3), "health": (ask("get_health"), ROUNDS * 3),
                "overview": (ask("get_overview"), ROUNDS), "cycle": (run_a_cycle(), ROUNDS),
                "digest of 500": (_digest_some(50), 3),
            })  # fmt: skip
    yield from build_curves(points, "stored errors", lambda name: _CYCLE if name == "cycle" else _READ)


def measure_by_groups() -> Iterator[Curve]:
    """Lists, searches, a cycle and a digest by groups."""
    points: dict[str, list[Point]] = {}
    for size in list_sizes(10, max(10, MOST // 10)):
        with own_database(errors.OPTIONS), silence():
            with connection() as conn:
                groups.fill(conn, size)
            collect(points, size, {
                "list": (ask("list_errors", sort="count"), ROUNDS * 3),
                "list of a state": (ask("list_errors", state="new"), ROUNDS), "search": (ask("list_errors", q="t7"), ROUNDS),
                "cycle": (run_a_cycle(), ROUNDS), "digest of 500": (_digest_some(50), 3),
            })  # fmt: skip
    yield from build_curves(points, "groups", lambda _name: _CYCLE)


def measure_by_rows() -> Iterator[Curve]:
    """What reads the product's tables, with the advised indexes, by their rows."""
    points: dict[str, list[Point]] = {}
    for size in list_sizes(1, min(MOST, 1_000_000), 100):
        with own_database(errors.OPTIONS) as dsn, silence():
            pipeline.fill(dsn, datetime.now(UTC), size)
            pipeline.run(dsn, *(render_statement(advised) for advised in get_stages(None).indexes), "VACUUM ANALYZE")
            collect(points, size, {
                "pipeline": (ask("get_pipeline"), ROUNDS), "health": (ask("get_health"), ROUNDS * 3),
                "overview": (ask("get_overview"), ROUNDS), "cycle": (run_a_cycle(), ROUNDS),
            })  # fmt: skip
    yield from build_curves(points, "rows of the product", lambda _name: _CYCLE)


def measure_by_batch() -> Iterator[Curve]:
    """A digest of 1,000 events by the groups among them."""
    points: dict[str, list[Point]] = {}
    for size in list_sizes(1, 1_000):
        with own_database():
            collect(points, size, {"digest of 1,000": (_digest_some(size, 1_000), 3)})
    yield from build_curves(points, "groups in the batch", lambda _name: 0.4)


def measure_by_rules() -> Iterator[Curve]:
    """An evaluation without a database, and a cycle, by rules; of ten instances each, half of which belong to labeled rules."""
    points: dict[str, list[Point]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in list_sizes(10, 1_000):
            path = Path(folder) / f"{size}.json"
            path.write_text(json.dumps(build_rules(size)))
            with own_database(errors.OPTIONS), silence(), _rules_file(path):
                collect(points, size, {"evaluation": (_evaluate(path, size), ROUNDS), "cycle": (run_a_cycle(), ROUNDS)})
    yield from build_curves(points, "rules", lambda name: 1.1 if name == "evaluation" else 0.5)


def measure_by_senders() -> Iterator[Curve]:
    """Accepting an event, by senders at once to the handler of one process, through the real queue."""
    os.environ |= {"INGEST_KEYS": f"1:{KEY}", "USER_HASH_KEY": "k" * 64}
    reset_settings()
    handler = import_module("functions.ingest_envelope").lambda_handler
    requests = [build_request(build_payload(number)) for number in range(SENT)]
    points: list[Point] = []
    with own_database(), silence():
        for size in (1, 4, 16, 64):
            with ThreadPoolExecutor(size) as senders:

                def send(senders: ThreadPoolExecutor = senders) -> None:
                    answers = list(senders.map(lambda request: handler(request, None), requests))
                    assert {answer["statusCode"] for answer in answers} == {200}

                took = measure(send, 2)
            points.append((size, Took(took.cpu / SENT, took.clock / SENT)))
    yield Curve("ingest of an event", "senders at once", tuple(points), 0.2)


def _digest_some(count: int, events: int = 500) -> Action:
    """Return an action that stores events of this many groups, always the same ones."""
    batches: Iterator[list[str]] = (build_messages(events, 0, groups=count) for _ in iter(int, 1))
    made = [next(batches) for _ in range(4)]

    def store() -> None:
        digest(made.pop(), datetime.now(UTC))

    return store


def _evaluate(path: Path, count: int) -> Action:
    rules = read_rules(path)
    samples = [
        Sample(metric, 1.0, labels={label: f"{prefix}{number % max(1, count // 4)}", "n": str(number)})
        for metric, label, prefix in (("external.error", "alertname", "Disk"), ("check_in.failed", "monitor", "job-"))
        for number in range(5 * count)
    ]
    state = {"now": datetime.now(UTC)}

    def judge() -> None:
        state["now"] += timedelta(minutes=1)
        evaluate(rules, samples, {}, state["now"])

    return judge


@contextmanager
def _rules_file(path: Path) -> Iterator[None]:
    os.environ["RULES_FILE"] = str(path)
    reset_settings()
    try:
        yield
    finally:
        del os.environ["RULES_FILE"]
        reset_settings()


SERIES: dict[str, Callable[[], Iterator[Curve]]] = {
    "rules": measure_by_rules,
    "senders": measure_by_senders,
    "batch": measure_by_batch,
    "groups": measure_by_groups,
    "rows": measure_by_rows,
    "errors": measure_by_errors,
}


if __name__ == "__main__":
    main()
