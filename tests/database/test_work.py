"""Traces in the figures: requests with a status that was never sent, work next to routes, and what is said without requests."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.counters.performance import read_performance
from callwatch.counters.request_slo import read_request_burn_samples
from callwatch.db import connection, fetch_all
from callwatch.digest.store import digest
from callwatch.models.shapes.system import SystemMetrics
from callwatch.reports.system import build_system_metrics
from functions import get_metrics_history
from tests.database.test_system_metrics import OWN
from tests.support.api_shapes import check_shape
from tests.support.flooded_ingest import FloodedIngest
from tests.unit.test_ingest_outcomes import build


@pytest.fixture
def ingest(database: str, monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


def send(ingest: FloodedIngest, op: str, name: str, number: int = 1, **trace: Any) -> None:
    now = datetime.now(UTC).timestamp()
    context = {"op": op, "trace_id": "a" * 32, "span_id": f"{number:016x}", **trace}
    event = {"type": "transaction", "transaction": name, "start_timestamp": now - 0.5, "timestamp": now}
    assert ingest.send_envelope(build(("transaction", {**event, "contexts": {"trace": context}})))[0] == 200


def store(ingest: FloodedIngest) -> None:
    for _delivery in range(2):
        assert digest([json.dumps(each) for each in [*ingest.sent, *ingest.reports]], datetime.now(UTC)).poison == []


def metrics() -> dict[str, Any]:
    found = build_system_metrics(datetime.now(UTC), OWN)
    check_shape(SystemMetrics, found)
    return dict(found)


def test_requests_without_a_status_are_not_in_the_error_rate(ingest: FloodedIngest) -> None:
    for number, status in enumerate(["internal_error", "ok", "ok", "ok", None, None]):
        send(ingest, "http.server", "/calls", number, status=status)
    store(ingest)
    with connection() as conn:
        found = read_performance(conn, datetime.now(UTC))
        codes = [row["status_code"] for row in fetch_all(conn, "SELECT status_code FROM callwatch.api_logs ORDER BY 1")]
    assert (found["count"], found["errors"], found["error_rate"]) == (6, 1, 0.25)
    assert codes == [200, 200, 200, 500, None, None]


def test_requests_without_any_status_have_an_unknown_error_rate(ingest: FloodedIngest) -> None:
    send(ingest, "http.server", "/calls", status=None)
    store(ingest)
    found = metrics()
    assert (found["api"]["error_rate"], found["api"]["by_route"][0]["error_rate"]) == (None, None)
    assert found["api"]["request_rate"] is not None
    assert found["unknown"]["api.error_rate"].code == found["unknown"]["api.by_route.0.error_rate"].code == "not_recorded"
    with open("events/get_metrics_history.json") as file:
        event = {**json.load(file), "queryStringParameters": {"metric": "requests", "range": "1h"}}
    series = json.loads(get_metrics_history.lambda_handler(event, None)["body"])["series"]
    (rates,) = [each["points"] for each in series if each["name"] == "error_rate"]
    assert {point[1] for point in rates} == {None}


def test_burn_rates_leave_out_what_is_unknown(ingest: FloodedIngest) -> None:
    for number in range(100):
        send(ingest, "http.server", "/calls", number, status="internal_error" if number < 2 else None)
    for number in range(100, 198):
        send(ingest, "http.server", "/calls", number, status="ok")
    store(ingest)
    with connection() as conn:
        samples = {
            sample.labels["window"]: sample.value
            for sample in read_request_burn_samples(conn, datetime.now(UTC))
            if sample.metric == "slo.errors_burn"
        }
    assert samples["1h_5m"] == 2.0


def test_work_is_counted_by_name_however_often_it_is_sent(ingest: FloodedIngest) -> None:
    for _sent in range(2):
        send(ingest, "function.aws", "process-recordings", 1)
        send(ingest, "queue.task.celery", "calls.sync", 2, status="ok")
        send(ingest, "queue.task.celery", "calls.sync", 3, status="internal_error")
    store(ingest)
    found = metrics()
    assert (found["work"]["runs_last_hour"], found["work"]["failures_last_hour"]) == (3, 1)
    sync, recordings = found["work"]["by_name"]
    assert (sync["kind"], sync["name"], sync["runs"], sync["failures"], sync["failure_rate"]) == ("job", "calls.sync", 2, 1, 0.5)
    assert (recordings["kind"], recordings["name"], recordings["runs"]) == ("function", "process-recordings", 1)
    assert recordings["p95_ms"] == pytest.approx(500, rel=0.03)


def test_no_traffic_is_not_said_of_traces_that_are_no_requests(ingest: FloodedIngest) -> None:
    assert metrics()["unknown"]["api.error_rate"].code == "no_traffic"
    send(ingest, "queue.task", "calls.sync", 1)
    store(ingest)
    why = metrics()["unknown"]["api.error_rate"]
    assert (why.code, why.message.endswith("work counts: 1")) == ("none", True)
    send(ingest, "pageload", "/calls", 2)
    store(ingest)
    why = metrics()["unknown"]["api.error_rate"]
    assert (why.code, "that are none: 1;" in why.message) == ("not_recorded", True)


@pytest.mark.parametrize(
    "run",
    [["moon", "x", "y", "2026-01-01T00:00:00+00:00", 1, True], ["job", 7, "y", "2026-01-01T00:00:00+00:00", 1, True],
     ["job", "x", "y", "now", 1, True], ["job", "x", "y", "2026-01-01T00:00:00+00:00", -1, True], ["job"],
     ["job", "x", "y", "2026-01-01T00:00:00+00:00", float("nan"), True]],
)  # fmt: skip
def test_a_damaged_run_is_poison(ingest: FloodedIngest, run: list[Any]) -> None:
    send(ingest, "queue.task", "calls.sync", 1)
    (report,) = ingest.reports
    assert len(digest([json.dumps({**report, "work": [run]})], datetime.now(UTC)).poison) == 1
    assert metrics()["work"]["runs_last_hour"] == 0
