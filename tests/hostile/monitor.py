"""The monitor over a product with hostile rows: its results, and their faults."""

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.alerts.evaluation.evaluate import BLIND_RULE, evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.metrics import METRICS
from callwatch.db import connection, execute, product_connection
from callwatch.models.sample import Sample
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.steps import build_steps
from callwatch.pipeline.indexes import INDEXES
from callwatch.pipeline.product import measure
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.samples import list_product_samples
from functions import get_health, get_metrics_history, get_metrics_jobs, get_metrics_prometheus, get_pipeline, get_status
from tests.support.api_contract import check_response

ENDPOINTS: Mapping[str, Any] = {
    "/api/pipeline": get_pipeline,
    "/api/metrics/jobs": get_metrics_jobs,
    "/api/status": get_status,
    "/api/health": get_health,
    "/api/metrics/history": get_metrics_history,
    "/api/metrics/prometheus": get_metrics_prometheus,
}
# A cycle takes less than one second; the limit leaves room for a busy machine.
MAX_CYCLE_S = 20.0
# No time of a watched product is older, and none is more than a few minutes ahead.
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
_AHEAD_S = 300.0

Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass
class State:
    """The monitor's view of the product at one moment."""

    measured: Measured
    samples: dict[Key, list[float | None]]
    rules: Mapping[str, tuple[str, float | None]]
    seconds: float


@dataclass
class Tally:
    """Counts of a run, and its failures by kind."""

    columns: set[tuple[str, str]] = field(default_factory=set)
    injections: int = 0
    refused: int = 0
    cycles: int = 0
    answers: int = 0
    slowest_s: float = 0.0
    failures: dict[str, list[str]] = field(default_factory=dict)

    def fail(self, kind: str, what: str) -> None:
        """Record one failure."""
        self.failures.setdefault(kind, []).append(what)

    def lines(self) -> Iterator[str]:
        """Render the counts for people."""
        yield f"{len(self.columns)} columns, {self.injections} hostile values ({self.refused} more refused by PostgreSQL)"
        yield f"{self.cycles} cycles (slowest {self.slowest_s:.2f} s), {self.answers} answers"
        total = sum(len(found) for found in self.failures.values())
        yield f"{total} failures" + "".join(f"\n  {len(found):5} {kind}: {found[0]}" for kind, found in self.failures.items())


def observe(stages: StageFile, now: datetime, zone: str) -> State:
    """Measure and evaluate once, without earlier state."""
    started = time.perf_counter()
    with product_connection() as conn:
        measured = measure(conn, now, zone, stages)
    samples = list_product_samples(stages, measured)
    instances = evaluate(RULES, samples, {}, now).instances.values()
    rules = {instance.key: (instance.state, instance.value) for instance in instances if instance.rule_id != BLIND_RULE}
    return State(measured, grouped(samples), rules, time.perf_counter() - started)


def grouped(samples: Iterable[Sample]) -> dict[Key, list[float | None]]:
    """Return values by metric and labels."""
    found: dict[Key, list[float | None]] = {}
    for sample in samples:
        found.setdefault((sample.metric, tuple(sorted(sample.labels.items()))), []).append(sample.value)
    return found


def without(stages: StageFile, state: State, names: tuple[str, ...]) -> dict[Key, list[float | None]]:
    """Return the samples of a state as if the readings of these names had failed."""
    measured = state.measured
    bare = Measured(measured.at, measured.timezone, dict(measured.values), dict(measured.rows), dict(measured.unknown))
    for given in (bare.values, bare.rows):
        for name in [name for name in given if is_fed_by(name, names)]:
            del given[name]
    return grouped(list_product_samples(stages, bare))


def is_fed_by(name: str, names: tuple[str, ...]) -> bool:
    return name in names or name.startswith(tuple(f"{one}." for one in names))


def unrelated_changes(stages: StageFile, before: State, after: State, names: tuple[str, ...]) -> list[str]:
    """Return the changes in figures that none of the named readings feeds."""
    changes = []
    for kind in ("values", "rows"):
        was, now = getattr(before.measured, kind), getattr(after.measured, kind)
        own = [name for name in was if name != INDEXES and not is_fed_by(name, names)]
        changes += [f"{name}: {str(now.get(name))[:200]}" for name in own if not _is_same(was[name], now.get(name))]
    unfed = without(stages, before, names)
    for key, values in before.samples.items():
        if unfed.get(key) == values and after.samples.get(key) != values:
            changes.append(f"{key}: {after.samples.get(key)}")
    return changes


def _is_same(was: Any, now: Any) -> bool:
    """Compare without order: rows of a list come in any order."""
    return sorted(map(str, was)) == sorted(map(str, now)) if isinstance(was, list) and isinstance(now, list) else bool(was == now)


def impossible(after: State) -> list[str]:
    """Return figures that no product can have: times out of range, negative spans and counts, ratios above 1."""
    found = []
    newest = after.measured.at.timestamp() + _AHEAD_S
    for name, number in after.measured.values.items():
        is_time = name.rpartition(".")[2] in ("first_at", "last_at", "due_since", "oldest_pending", "since")
        if not math.isfinite(number) or number < 0 or (is_time and number and not _OLDEST <= number <= newest):
            found.append(f"{name} = {number}")
    for (metric, labels), values in after.samples.items():
        for value in values:
            is_ratio = metric in METRICS and METRICS[metric].unit == "ratio"
            if value is not None and (not math.isfinite(value) or value < 0 or (is_ratio and value > 1)):
                found.append(f"{metric} {labels} = {value}")
    return found


def hidden(before: State, after: State) -> list[str]:
    """Return rules that fired and now count as ok or gone; an unknown whole makes each part unknown."""
    fired = [key for key, (state, _value) in before.rules.items() if state == "firing"]
    return [key for key in fired if after.rules.get(key, ("gone",))[0] in ("ok", "gone") and not _is_part_of_unknown(key, after)]


def _is_part_of_unknown(key: str, after: State) -> bool:
    rule_id, *labels = key.split("|")
    unknown = [other.split("|") for other, (state, _value) in after.rules.items() if state == "unknown"]
    return any(other[0] == rule_id and set(other[1:]) < set(labels) for other in unknown)


def is_told(before: State, after: State) -> bool:
    """Return whether anything shows that a row is odd: an unknown figure, or one that counts odd rows."""
    became_unknown = any(None in values and None not in before.samples.get(key, []) for key, values in after.samples.items())
    grown = any(
        values != before.samples.get(key) and key[0].startswith(("product.", "pipeline.undated"))
        for key, values in after.samples.items()
    )
    return became_unknown or grown or set(after.measured.unknown) > set(before.measured.unknown)


def whole_cycle(now: datetime) -> list[str]:
    """Run the steps that read and evaluate; return what failed in them."""
    with connection() as conn:
        execute(conn, "TRUNCATE callwatch.rule_states, callwatch.alerts CASCADE")
        conn.commit()
    steps = [step for step in build_steps(list) if step[0] in ("measure", "evaluate")]
    report = run_cycle(steps, MonitorState(), now, 50)
    return [f"{name}: {step['error']}" for name, step in report["steps"].items() if step["error"]]


def freeze_handlers(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Make the functions respond as of a given time."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return now

    for function in ENDPOINTS.values():
        monkeypatch.setattr(function, "datetime", Frozen)


def failed_answers() -> Iterator[str]:
    """Return responses that are errors or break the contract."""
    for path, function in ENDPOINTS.items():
        with open("events/get_health.json") as file:
            event = json.load(file)
        event["requestContext"]["authorizer"] = {"lambda": {"role": "viewer", "actor": "ana"}}
        event |= {"routeKey": f"GET {path}", "queryStringParameters": {"metric": "queues", "range": "1h"}}
        answer = function.lambda_handler(event, None)
        if answer["statusCode"] not in ((200, 503) if path == "/api/health" else (200,)):
            yield f"{path}: {answer['statusCode']}"
        elif "json" in answer["headers"]["content-type"]:
            try:
                check_response("GET", path, json.loads(answer["body"]))
            except (AssertionError, ValueError) as error:
                yield f"{path}: {str(error)[:200]}"
