"""Counts of ingest on a real PostgreSQL: exact under redelivery, bounded, and shown; discarded errors make totals unknown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.rules.builtin.errors import ERROR_RULES
from callwatch.counters.client_discards import read_discard_samples
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection, fetch_all
from callwatch.db.ingest_queries.ingest_counts import MAX_SDKS, delete_ingest_before
from callwatch.digest.store import digest
from callwatch.ingest.report import IngestReport
from callwatch.models.shapes.error_metrics import ErrorMetrics
from callwatch.models.shapes.ingest import IngestPage
from functions import get_ingest, get_metrics_prometheus
from tests.support.api_shapes import check_shape
from tests.support.flooded_ingest import KEY, FloodedIngest
from tests.unit.test_ingest_outcomes import ERROR, REPORT, build

PYTHON = "sentry.python/2.3.0"


@pytest.fixture
def ingest(database: str, monkeypatch: pytest.MonkeyPatch) -> FloodedIngest:
    return FloodedIngest(monkeypatch)


def send(ingest: FloodedIngest, *items: tuple[str, Any], sdk: str = PYTHON) -> None:
    auth = f"Sentry sentry_key={KEY}, sentry_client={sdk}"
    assert ingest.send_envelope(build(*items), x_sentry_auth=auth)[0] == 200


def store(ingest: FloodedIngest, times: int = 1) -> None:
    bodies = [json.dumps(message, separators=(",", ":")) for message in [*ingest.sent, *ingest.reports]]
    for _time in range(times):
        assert digest(bodies, datetime.now(UTC)).poison == []


def read(**query: str) -> dict[str, Any]:
    with open("events/get_ingest.json") as file:
        event = {**json.load(file), "queryStringParameters": query}
    answer = get_ingest.lambda_handler(event, None)
    assert answer["statusCode"] == 200, answer
    body: dict[str, Any] = json.loads(answer["body"])
    check_shape(IngestPage, body)
    return body


def read_items(**query: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {(item["sdk"], item["category"]): item for item in read(**query)["items"]}


def test_everything_is_counted_once_however_often_it_comes(ingest: FloodedIngest) -> None:
    send(ingest, ("event", {**ERROR, "message": "x" * 20_000}), ("attachment", b"x"))
    send(ingest, ("client_report", REPORT))
    ingest.send_errors([{"message": "one"}, {"message": ""}])
    rows = [{"method": "GET", "route": "/a", "status_code": 200, "response_time_ms": 5}]
    ingest.post("requests", json.dumps(rows).encode(), role="ingest", actor="project:1")
    store(ingest, times=3)
    found = read_items()
    assert found[(PYTHON, "error")] == {
        "project": 1, "sdk": PYTHON, "category": "error", "accepted": 1, "refused": {}, "cut": 1,
        "client_discarded": {"queue_overflow": 200},
    }  # fmt: skip
    assert found[(PYTHON, "attachment")]["refused"] == {"not_kept": 1}
    assert found[(PYTHON, "transaction")]["client_discarded"] == {"sample_rate": 3}
    assert (found[("api", "error")]["accepted"], found[("api", "error")]["refused"]) == (1, {"invalid": 1})
    assert found[("api", "request")]["accepted"] == 1


def test_101_errors_are_not_shown_as_all_where_200_were_dropped(ingest: FloodedIngest) -> None:
    now = datetime.now(UTC)
    for _error in range(3):
        send(ingest, ("event", {"message": "boom"}))
    store(ingest)
    with connection() as conn:
        before = read_error_metrics(conn, now)
        assert (before["summary"]["occurred_24h"], before["summary"]["occurred_1h"]) == (3, 3)
    ingest.sent.clear()
    send(ingest, ("client_report", REPORT))
    store(ingest)
    with connection() as conn:
        found = read_error_metrics(conn, now)
    check_shape(ErrorMetrics, found)
    assert (found["summary"]["total_24h"], found["summary"]["occurred_24h"], found["summary"]["occurred_1h"]) == (3, None, None)
    assert found["unknown"]["summary.occurred_24h"].code == "not_recorded"
    assert "200 more errors" in found["unknown"]["summary.occurred_1h"].message
    assert found["client_discarded"] == {"last_24h": 200, "last_hour": 200, "by_reason": {"queue_overflow": 200}}


def test_what_the_program_chose_to_drop_is_not_missing(ingest: FloodedIngest) -> None:
    chosen = [{"reason": "before_send", "category": "error", "quantity": 9}]
    send(ingest, ("client_report", {"discarded_events": chosen}))
    store(ingest)
    with connection() as conn:
        found = read_error_metrics(conn, datetime.now(UTC))
        samples = {sample.metric: sample.value for sample in read_discard_samples(conn, datetime.now(UTC))}
    assert found["summary"]["occurred_24h"] == 0
    assert found["client_discarded"] == {"last_24h": 9, "last_hour": 9, "by_reason": {"before_send": 9}}
    assert samples == {"errors.client_discarded": 0.0, "errors.client_offline": 0.0}


@pytest.mark.parametrize(
    ("sdk", "reason", "quantity", "fires"),
    [
        (PYTHON, "queue_overflow", 1, True), (PYTHON, "network_error", 1, True), (PYTHON, "sample_rate", 900, False),
        ("sentry.javascript.browser/8.0.0", "network_error", 50, False),
        ("sentry.javascript.browser/8.0.0", "network_error", 51, True),
        ("sentry.javascript.browser/8.0.0", "queue_overflow", 1, True),
    ],
)  # fmt: skip
def test_the_rule_fires_for_lost_errors_not_for_offline_users(
    ingest: FloodedIngest, sdk: str, reason: str, quantity: int, fires: bool
) -> None:
    send(
        ingest, ("client_report", {"discarded_events": [{"reason": reason, "category": "error", "quantity": quantity}]}), sdk=sdk
    )
    store(ingest)
    with connection() as conn:
        samples = {sample.metric: sample for sample in read_discard_samples(conn, datetime.now(UTC))}
        later = read_discard_samples(conn, datetime.now(UTC) + timedelta(hours=2))
    (rule,) = [rule for rule in ERROR_RULES if rule.id == "client_discarded"]
    values = [(samples[each.metric].value or 0.0, each) for each in rule.conditions]
    assert any(value >= each.threshold if each.comparison == ">=" else value > each.threshold for value, each in values) is fires
    if sdk != PYTHON and reason == "network_error":
        assert "users offline" in str(samples["errors.client_offline"].detail)
    assert {sample.value for sample in later} == {0.0}


def test_invented_sdks_are_other_above_the_limit(ingest: FloodedIngest) -> None:
    send(ingest, ("client_report", REPORT), sdk=PYTHON)
    store(ingest)
    ingest.reports.clear()
    for number in range(MAX_SDKS + 20):
        ingest.reports.append(make_report(sdk=f"made.up{number}/1.0"))
    store(ingest)
    send(ingest, ("client_report", REPORT), sdk=PYTHON)
    store(ingest)
    found = read_items(limit="200")
    assert len({sdk for sdk, _category in found}) == MAX_SDKS + 1
    assert found[("other", "replay")]["refused"] == {"not_kept": 21}
    assert found[(PYTHON, "error")]["client_discarded"] == {"queue_overflow": 400}


def make_report(**changed: Any) -> dict[str, Any]:
    report = IngestReport(1, PYTHON, datetime.now(UTC))
    report.add("refused", "replay", "not_kept")
    (text,) = report.build_messages()
    return {**json.loads(text), **changed}


@pytest.mark.parametrize(
    "changed",
    [{"counts": None}, {"counts": [["refused", "error", "x"]]}, {"counts": [["refused", "error", "x", 0]]},
     {"counts": [["refused", "error", "x", True]]}, {"counts": [["refused", "error", "x", 2**70]]}, {"report_id": "x"},
     {"counts": [["moon", "error", "x", 1]]}, {"counts": [["refused", "error", None, 1]]}, {"received_at": "yesterday"}],
)  # fmt: skip
def test_a_damaged_report_is_poison_alone(database: str, changed: dict[str, Any]) -> None:
    bodies = [json.dumps(make_report(**changed)), json.dumps(make_report())]
    assert len(digest(bodies, datetime.now(UTC)).poison) == 1
    assert read_items()[(PYTHON, "replay")]["refused"] == {"not_kept": 1}


def test_a_list_ends_at_its_limit_and_goes_on(ingest: FloodedIngest) -> None:
    send(ingest, ("client_report", REPORT), ("attachment", b"x"), ("event", ERROR))
    store(ingest)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = read(limit="1", **cursor)
        seen += [item["category"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["attachment", "client_report", "error", "transaction"]
    assert read(project="2")["items"] == []
    assert read(since="2026-01-01T00:30:00Z")["since"] == "2026-01-01T00:00:00Z"


def test_a_cursor_of_another_list_is_refused(database: str) -> None:
    with open("events/get_ingest.json") as file:
        event = {**json.load(file), "queryStringParameters": {"cursor": "WzEsMl0"}}
    assert get_ingest.lambda_handler(event, None)["statusCode"] == 422


def test_prometheus_shows_the_counts(ingest: FloodedIngest) -> None:
    send(ingest, ("client_report", REPORT))
    store(ingest)
    with open("events/get_metrics_prometheus.json") as file:
        text = get_metrics_prometheus.lambda_handler(json.load(file), None)["body"]
    labels = 'category="error",project="1",reason="queue_overflow",sdk="sentry.python/2.3.0"'
    assert f"callwatch_ingest_item_client_discarded_by_reason{{{labels}}} 200\n" in text
    assert 'callwatch_errors_client_discarded_by_reason{reason="queue_overflow"} 200\n' in text


def test_old_counts_are_forgotten(ingest: FloodedIngest) -> None:
    send(ingest, ("client_report", REPORT))
    store(ingest)
    later = datetime.now(UTC) + timedelta(days=31)
    with connection() as conn:
        delete_ingest_before(conn, later, later - timedelta(days=30))
        left = [
            fetch_all(conn, f"SELECT 1 FROM callwatch.{table}") for table in ("ingest_counts", "ingest_reports", "ingest_sdks")
        ]
    assert left == [[], [], []]
