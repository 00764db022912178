"""Refused requests are counted by reason, reported once a minute without naming anybody, and shown by the system's metrics."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.db import connection, fetch_all
from callwatch.db.queries.refused_requests import delete_reports_before
from callwatch.digest.store import digest
from callwatch.models.refusal import REFUSALS
from callwatch.models.shapes.system import SystemMetrics
from callwatch.reports.system import build_system_metrics
from callwatch.runtime import admission, endpoint, refusals, sign_ins
from callwatch.settings import reset_settings
from callwatch.tracker import error_tracker
from tests.database.test_system_metrics import OWN
from tests.support.api_shapes import check_shape
from tests.support.flooded_ingest import FloodedIngest
from tests.unit.test_endpoint import Context, event, route

NONE = dict.fromkeys(REFUSALS, 0)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the functions counts of their own, and a clock that the test moves."""
    moved = Clock()
    own = refusals.Refusals(moved)
    for module in (endpoint, admission):
        monkeypatch.setattr(module, "refusals", own)
    monkeypatch.setattr(sign_ins.failed_sign_ins, "add", lambda _address: None)
    return moved


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[list[str]]:
    """Yield the messages that were handed to the tracker."""
    found: list[str] = []
    monkeypatch.setattr(error_tracker, "hold_message", found.append)
    yield found
    assert not any(word in "".join(found) for word in ("203.0.113", "ana", "Bearer"))


def call(role: Any, caller: str, authorization: str = "", **authorizer: Any) -> int:
    """Return the status of a function that needs `role`."""
    given = event(caller)
    given["requestContext"]["authorizer"]["lambda"] |= authorizer
    given["headers"] = {"authorization": authorization}
    handle = endpoint.endpoint(route(role))(lambda _request: {})
    return int(handle(given, Context())["statusCode"])


def refuse_one_of_each(ingest: FloodedIngest) -> None:
    """Make each function refuse a request for each reason."""
    assert call("viewer", "none") == 401
    assert call("viewer", "none", "Bearer wrong", sign_in="failed") == 401
    assert call("admin", "viewer", "Bearer x") == 403
    assert call("viewer", "none", retry_after_s=3) == 429
    assert call("viewer", "none", "Bearer wrong", sign_in="failed", retry_after_s=3) == 429
    assert call("viewer", "viewer", "Bearer x", retry_after_s=3) == 429
    assert ingest.post("envelope", b"{}\n")[0] == 401


def metrics(now: datetime | None = None) -> dict[str, Any]:
    found = build_system_metrics(now or datetime.now(UTC), OWN)
    check_shape(SystemMetrics, found)
    return dict(found["refused"])


def test_each_refusal_is_counted_for_one_reason(clock: Clock, reports: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_one_of_each(FloodedIngest(monkeypatch))
    assert reports == [], "a flood sends nothing in its first minute"
    clock.now += 61
    assert call("viewer", "viewer", "Bearer x") == 200
    (report,) = map(json.loads, reports)
    assert report["counts"] == {
        "no_token": 1, "unknown_token": 2, "role": 1, "rate_without_token": 1, "rate_of_token": 1, "dsn_key": 1,
    }  # fmt: skip
    clock.now += 61
    call("viewer", "viewer", "Bearer x")
    assert len(reports) == 1, "nothing is reported twice"


def test_a_flood_is_one_report_a_minute(clock: Clock, reports: list[str]) -> None:
    for _second in range(150):
        clock.now += 1
        for _request in range(40):
            call("viewer", "none")
    assert [json.loads(report)["counts"]["no_token"] for report in reports] == [60 * 40 + 1, 60 * 40]


def test_reports_are_shown_once_however_often_they_come(
    database: str, clock: Clock, reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert metrics()["last_hour"] == NONE
    refuse_one_of_each(FloodedIngest(monkeypatch))
    clock.now += 61
    call("viewer", "viewer")
    for _delivery in range(2):
        result = digest(reports * 2, datetime.now(UTC))
        assert result.poison == []
    shown = metrics(datetime.now(UTC) + timedelta(minutes=59))
    assert shown["last_hour"] == shown["last_24h"] == {**NONE, **json.loads(reports[0])["counts"]}
    later = metrics(datetime.now(UTC) + timedelta(minutes=61))
    assert (later["last_hour"], later["last_24h"]) == (NONE, shown["last_24h"])
    assert shown["unreported"] is None


def test_a_report_cannot_be_dated_ahead(database: str, reports: list[str]) -> None:
    now = datetime.now(UTC)
    digest([build_message(received_at=(now + timedelta(days=3)).isoformat())], now)
    assert metrics()["last_hour"]["role"] == 5
    with connection() as conn:
        assert fetch_all(conn, "SELECT at FROM callwatch.refused_requests") == [{"at": now}]
        assert (delete_reports_before(conn, now), delete_reports_before(conn, now + timedelta(seconds=1))) == (0, 1)


def build_message(**changed: Any) -> str:
    given = {
        "v": 1,
        "kind": "refusals",
        "project_id": 0,
        "received_at": datetime.now(UTC).isoformat(),
        "report_id": uuid.uuid4().hex,
    }
    return json.dumps({**given, "counts": {"role": 5}, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": None}, {"counts": {"role": -1}}, {"counts": {"role": "5"}}, {"counts": {"role": True}},
        {"counts": {"role": 2**70}},
        {"report_id": "x"}, {"report_id": None}, {"received_at": "yesterday"}, {"received_at": None},
    ],
)  # fmt: skip
def test_a_damaged_report_is_poison_alone(database: str, changed: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    assert len(digest([build_message(**changed), build_message()], now).poison) == 1
    assert metrics()["last_hour"] == {**NONE, "role": 5}


def test_an_unknown_reason_of_a_newer_version_is_left_out(database: str) -> None:
    assert digest([build_message(counts={"role": 5, "moon": 1})], datetime.now(UTC)).poison == []
    assert metrics()["last_hour"] == {**NONE, "role": 5}


def test_without_the_database_the_counts_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    reset_settings()
    found = build_system_metrics(datetime.now(UTC), OWN)
    assert set(found["refused"]["last_hour"].values()) == {None}
    assert found["unknown"]["refused.last_24h.dsn_rate"].code == "unavailable"
    assert found["unknown"]["refused.unreported"].code == "not_recorded"
