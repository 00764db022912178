"""Uptime: windows, UTC days, unknown minutes, and outages in which nothing could be stored."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.checks.record import check_facts, record_checks
from callwatch.checks.slo import uptime_burn_facts
from callwatch.checks.uptime import uptime
from callwatch.checks.verdict import Verdict, not_configured
from callwatch.db import connection, reset_pool
from callwatch.db.check_results import delete_old_results, fill_outage, keep_result
from callwatch.models.check import CheckResult
from callwatch.settings import reset_settings
from functions import get_uptime

NOW = datetime(2026, 3, 10, 0, 20, tzinfo=UTC)


def keep(at: datetime, status: str = "healthy", service: str = "openai") -> None:
    with connection() as conn:
        reason = None if status == "healthy" else "error"
        state = {"service": service, "status": status, "reason": reason, "failures": 0, "successes": 0}
        keep_result(conn, {**state, "latency_ms": 5.0, "at": at, "details": {}})
        conn.commit()


def report(now: datetime = NOW, services: tuple[str, ...] = ("openai",)) -> tuple[dict[str, Any], dict[str, str]]:
    with connection() as conn:
        return uptime(conn, services, now)


def test_a_service_that_was_never_checked_has_no_uptime(database: str) -> None:
    services, unknown = report()
    entry = services["openai"]
    assert [entry[name] for name in ("uptime_24h", "uptime_7d", "uptime_30d", "uptime_90d")] == [None] * 4
    assert len(entry["days"]) == 90
    assert {(day["uptime"], day["status"]) for day in entry["days"]} == {(None, "unknown")}
    assert len(unknown) == 4 + 90


def test_days_begin_at_midnight_utc_and_come_oldest_first(database: str) -> None:
    keep(datetime(2026, 3, 9, 23, 59, tzinfo=UTC), "unhealthy")
    keep(datetime(2026, 3, 10, 0, 0, tzinfo=UTC))
    keep(datetime(2026, 3, 10, 0, 1, tzinfo=UTC), "degraded")
    keep(NOW - timedelta(days=89, minutes=20))
    keep(NOW - timedelta(days=89, minutes=21), "unhealthy")
    days = report()[0]["openai"]["days"]
    assert [str(days[index]["date"]) for index in (0, 88, 89)] == ["2025-12-11", "2026-03-09", "2026-03-10"]
    assert (days[88]["uptime"], days[88]["status"]) == (0.0, "unhealthy")
    assert (days[89]["uptime"], days[89]["status"]) == (100.0, "degraded"), "degraded is up"
    assert (days[0]["uptime"], days[0]["status"]) == (100.0, "healthy"), "the day before is out of the window"


def test_windows_hold_what_lies_in_them_to_the_minute(database: str) -> None:
    keep(NOW - timedelta(hours=24, minutes=1), "unhealthy")
    keep(NOW - timedelta(hours=24), "healthy")
    keep(NOW - timedelta(hours=23, minutes=50), "unhealthy")
    keep(NOW - timedelta(minutes=1))
    keep(NOW - timedelta(minutes=2))
    entry = report()[0]["openai"]
    assert (entry["uptime_24h"], entry["uptime_7d"]) == (75.0, 60.0)
    full_hour = report(NOW.replace(minute=0) + timedelta(hours=1))[0]["openai"]
    assert full_hour["uptime_24h"] == 100.0, "a window that begins with an hour counts nothing twice"


def test_any_history_is_summed_as_minute_by_minute_counting_would(database: str) -> None:
    draw = random.Random(7)
    minutes = sorted(draw.sample(range(6 * 1440), 900))
    history = [
        (NOW - timedelta(minutes=m), draw.choice(["healthy", "healthy", "degraded", "unhealthy", "unknown"])) for m in minutes
    ]
    for at, found in history:
        keep(at, found)
    known = [(at, found != "unhealthy") for at, found in history if found != "unknown"]

    def percent(times: list[tuple[datetime, bool]]) -> float:
        return round(100 * sum(is_up for _at, is_up in times) / len(times), 3)

    for now in (NOW, NOW + timedelta(minutes=40)):
        entry = report(now)[0]["openai"]
        assert entry["uptime_24h"] == percent([k for k in known if k[0] >= now - timedelta(hours=24)])
        assert entry["uptime_7d"] == percent(known)
        for day in entry["days"][-6:]:
            assert day["uptime"] == percent([k for k in known if k[0].date() == day["date"]])


def test_unknown_minutes_count_for_nothing_and_a_minute_counts_once(database: str) -> None:
    keep(NOW - timedelta(minutes=3))
    for _ in range(2):
        keep(NOW - timedelta(minutes=2), "unhealthy")
    keep(NOW - timedelta(minutes=1), "unknown")
    assert report()[0]["openai"]["uptime_24h"] == 50.0


def test_an_outage_in_which_nothing_could_be_stored_counts_once_as_downtime(database: str) -> None:
    for minute in range(60, 30, -1):
        keep(NOW - timedelta(minutes=minute), service="database")
    for _ in range(2):
        with connection() as conn:
            fill_outage(conn, "database", "unreachable", NOW - timedelta(minutes=30), NOW)
            conn.commit()
    assert report(services=("database",))[0]["database"]["uptime_24h"] == 50.0
    facts = {fact.labels["window"]: fact for fact in burn_facts()}
    assert facts["1h_5m"].value == pytest.approx(500.0)
    assert facts["1h_5m"].detail == "database, window 1h_5m"


def burn_facts() -> list[Any]:
    with connection() as conn:
        return uptime_burn_facts(conn, NOW)


def test_of_little_that_is_known_no_burn_of_uptime_is_said(database: str) -> None:
    assert burn_facts() == []
    keep(NOW - timedelta(minutes=1), "unhealthy", "database")
    assert burn_facts() == []
    for minute in range(60):
        keep(NOW - timedelta(minutes=minute, seconds=30), "healthy", "database")
        keep(NOW - timedelta(minutes=minute, seconds=30), "unhealthy", "openai")
    assert {fact.labels["window"]: fact.value > 0 for fact in burn_facts()}["1h_5m"]


def test_old_results_go_and_uptime_stays(database: str) -> None:
    keep(NOW - timedelta(days=60), "unhealthy")
    keep(NOW)
    with connection() as conn:
        delete_old_results(conn, NOW)
        conn.commit()
    entry = report(NOW + timedelta(minutes=1))[0]["openai"]
    assert (entry["uptime_7d"], entry["uptime_90d"]) == (100.0, 50.0)


def test_a_recorded_check_moves_the_streak_and_counts_its_minute(database: str) -> None:
    failure = Verdict("degraded", "timeout", None)
    with connection() as conn:
        for minute in range(3):
            at = NOW - timedelta(minutes=3 - minute)
            results = record_checks(conn, {"openai": failure, "convoso": not_configured()}, at)
        conn.commit()
    assert {result.service: result.status for result in results} == {"openai": "unhealthy", "convoso": "unknown"}
    assert report()[0]["openai"]["uptime_24h"] == 66.667


def test_rules_are_given_status_latency_and_reason_of_what_is_configured() -> None:
    def of(reason: Any, status: Any, latency_ms: float | None = None, service: str = "openai") -> dict[str, float | None]:
        return {fact.metric: fact.value for fact in check_facts([CheckResult(service, status, latency_ms, reason, NOW)])}

    assert of("quota", "unhealthy", 80.0) == {
        "service.status": 2.0, "service.latency_ms": 80.0, "provider.status": 2.0,
        "service.reason_auth": 0.0, "service.reason_quota": 1.0, "service.rate_limited": 0.0,
    }  # fmt: skip
    assert of("auth", "unhealthy")["service.reason_auth"] == 1.0
    assert of("rate_limited", "degraded")["service.rate_limited"] == 1.0
    assert of(None, "healthy", 3.0, "database") == {"service.status": 0.0, "service.latency_ms": 3.0}
    assert of("not_configured", "unknown") == {}


def test_the_endpoint_answers_for_every_service_and_says_503_without_its_database(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open("events/get_uptime.json") as file:
        event = json.load(file)
    answer = get_uptime.lambda_handler(event, None)
    assert answer["statusCode"] == 200
    assert set(json.loads(answer["body"])["services"]) == {"database", "deepgram", "openai", "convoso"}
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    reset_settings()
    reset_pool()
    answer = get_uptime.lambda_handler(event, None)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (503, "database_unavailable")
