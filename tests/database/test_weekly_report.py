"""The weekly report of a seeded week, against what was seeded and against plain SQL."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.db import connection, execute, fetch_all, with_transaction
from callwatch.db.alert_queries.alert_transitions import open_alerts
from callwatch.db.alert_queries.alerts import add_timeline
from callwatch.db.product_queries.cost_days import DaySums, keep_day
from callwatch.db.queries.api_logs import FinishedRequest, insert_requests
from callwatch.db.queries.stage_depths import keep_depths
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.runtime.responses import encode
from callwatch.settings import reset_settings
from functions import get_weekly_report
from tests.support.api_contract import check_response

NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
MONDAY = TODAY - timedelta(days=TODAY.weekday() + 7)
HOUR = timedelta(hours=1)
_YEAR, _NUMBER, _DAY = MONDAY.isocalendar()
WEEK = f"{_YEAR}-W{_NUMBER:02}"


@pytest.fixture(autouse=True)
def _set_up_long_ago(database: str) -> None:
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = now() - interval '400 days'")
        conn.commit()


def read(accept: str = "", **query: str) -> Any:
    request = Request("GET", "/api/reports/weekly", query={"week": WEEK, **query}, headers={"accept": accept}, role="viewer")
    return get_weekly_report.handle(request)


def body(**query: str) -> Any:
    found = json.loads(encode(read(**query).body))
    check_response("GET", "/api/reports/weekly", found)
    return found


def watch(service: str, failed_hours: int = 0, hours: int = 168) -> None:
    """Write the hours of a week with a probe a minute; in failed hours none succeeds."""
    with connection() as conn:
        for number in range(hours):
            given = (service, MONDAY + number * HOUR, 0 if number < failed_hours else 60)
            execute(
                conn,
                "INSERT INTO callwatch.uptime_hours (service, hour, checked, up, watched_s, worst)"
                " VALUES (%s, %s, 60, %s, 3600, 'healthy')",
                given,
            )
        conn.commit()


def fire(rule_id: str, at: datetime, minutes: float | None, **more: Any) -> int:
    """Store an alert of the week; None minutes: it still fires."""
    alert: Any = {"alert_key": uuid.uuid4().hex, "rule_id": rule_id, "title": rule_id.title(), "level": "error", "message": "m"}
    alert |= {"value": 1.0, "unit": "count", "comparison": ">", "measures": "m", "threshold": 0.0, "service": None, "labels": {}}
    alert |= {"started_at": at, "suppressed_by": None, "runbook_url": "", **more}
    with connection() as conn:
        alert_id = open_alerts(conn, [alert])[alert["alert_key"]]
        if minutes is not None:
            ended = (at + timedelta(minutes=minutes), alert_id)
            execute(conn, "UPDATE callwatch.alerts SET state = 'resolved', resolved_at = %s WHERE id = %s", ended)
        conn.commit()
    return alert_id


def target(found: Any, name: str) -> Any:
    return next(entry for entry in found["targets"] if entry["name"] == name)


def test_empty_week_is_unknown_and_not_zero(database: str) -> None:
    found = body()
    assert {entry["state"] for entry in found["targets"]} == {"unknown"}
    assert {entry["uptime"] for entry in found["services"]} == {None}
    assert (found["requests"]["p95_ms"], found["requests"]["count"]) == (None, 0)
    assert found["unknown"]["requests.p95_ms"]["code"] == "no_traffic"
    assert found["unknown"]["cost.total"]["code"] == "not_recorded"
    assert (found["alerts"]["count"], found["errors"]["total"], found["pipeline"]) == (0, 0, [])


def test_week_before_the_monitor_is_unknown_in_all_parts(database: str) -> None:
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = now()")
        conn.commit()
    found = body(week="")
    assert {entry["state"] for entry in found["targets"]} == {"unknown"}
    for part, name in (("requests", "count"), ("alerts", "count"), ("errors", "total"), ("errors", "new_count")):
        assert found[part][name] is None
        assert "set up after" in found["unknown"][f"{part}.{name}"]["message"]
    page = read("text/html").body
    assert "unknown alerts" in page


def test_uptime_and_minutes_of_each_kind_are_those_of_the_week(database: str) -> None:
    watch("database", failed_hours=1)
    watch("openai")
    watch("deepgram", hours=100)
    fire("vendor_rate_limited", MONDAY - HOUR, 90, service="openai")
    fire("vendor_rate_limited", MONDAY + 5 * HOUR, 15, labels={"service": "openai"})
    fire("vendor_quota", MONDAY + timedelta(days=7) - HOUR, None, service="openai")
    services = {entry["name"]: entry for entry in body()["services"]}
    assert services["database"]["minutes_down"] == 60
    assert services["database"]["uptime"] == pytest.approx(100 * 167 / 168, abs=0.001)
    assert (services["openai"]["uptime"], services["openai"]["minutes_down"]) == (100, 0)
    assert (services["openai"]["minutes_rate_limited"], services["openai"]["minutes_out_of_quota"]) == (45, 60)
    assert (services["deepgram"]["uptime"], services["deepgram"]["minutes_down"]) == (None, None)
    assert target(body(), "uptime")["state"] == "missed"


def test_requests_are_judged_by_the_targets(database: str) -> None:
    def request(at: datetime, took_ms: float, status: int) -> FinishedRequest:
        return FinishedRequest(uuid.uuid4().hex, 1, at, "GET", "/calls", status, took_ms)

    # Within the days that have partitions, and in the week.
    at = MONDAY + timedelta(days=6, hours=12)
    rows = [request(at, 100, 200) for _n in range(98)] + [request(at, 5_000, 500) for _n in range(2)]
    rows += [request(MONDAY + timedelta(days=7), 9_000, 500) for _n in range(50)]
    with_transaction(lambda conn: insert_requests(conn, rows), is_idempotent=True)
    found = body()
    assert (found["requests"]["count"], found["requests"]["error_rate"]) == (100, 0.02)
    assert target(found, "error_rate")["state"] == "missed"
    assert target(found, "p95_latency")["state"] == "met"
    with connection() as conn:
        (plain,) = fetch_all(
            conn,
            "SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY response_time_ms) AS p95, count(*) AS count"
            " FROM callwatch.api_logs WHERE at >= %s AND at < %s",
            (MONDAY, MONDAY + timedelta(days=7)),
        )
    assert plain["count"] == found["requests"]["count"]
    assert found["requests"]["p95_ms"] == pytest.approx(plain["p95"], rel=0.02)


def test_stages_are_summed_by_the_hour(database: str) -> None:
    with connection() as conn:
        for minute in range(120):
            at = MONDAY + timedelta(minutes=minute)
            keep_depths(conn, at, [("recordings", "completed", 2.0), ("recordings", "pending", float(minute))])
        keep_depths(conn, MONDAY - HOUR, [("recordings", "completed", 99.0)])
        conn.commit()
    assert body()["pipeline"] == [{"name": "recordings", "completed": 240, "peak_pending": 119, "hours_read": 2}]


def test_alerts_have_their_mean_times_and_noisiest_rules(database: str) -> None:
    first = fire("slow_route", MONDAY + HOUR, 10)
    fire("slow_route", MONDAY + 2 * HOUR, 30)
    cause = fire("database_health", MONDAY + 3 * HOUR, None, level="critical")
    follower = fire("sql_errors", MONDAY + 3 * HOUR, 5)
    fire("slow_route", MONDAY - HOUR, 10)
    fire("slow_route", MONDAY + timedelta(days=7), 10)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.alerts SET cause_id = %s WHERE id = %s", (cause, follower))
        add_timeline(conn, first, MONDAY + HOUR + timedelta(minutes=4), "acknowledged", "ana", "x")
        add_timeline(conn, first, MONDAY + HOUR + timedelta(minutes=9), "acknowledged", "ben", "x")
        conn.commit()
    alerts = body()["alerts"]
    assert (alerts["count"], alerts["inhibited"], alerts["acknowledged"], alerts["resolved"]) == (3, 1, 1, 2)
    assert alerts["by_level"] == {"error": 2, "critical": 1}
    assert (alerts["mean_time_to_acknowledge_s"], alerts["mean_time_to_resolve_s"]) == (240, 1200)
    assert [(rule["rule_id"], rule["count"]) for rule in alerts["noisiest_rules"]] == [("slow_route", 2), ("database_health", 1)]
    assert alerts["noisiest_rules"][0]["firing_minutes"] == 40


def test_new_and_regressed_errors_are_named(database: str) -> None:
    event = finish_event({"message": "no such column", "type": "UndefinedColumn", "severity": "high"}, NOW)
    digest([build_error_message(event, 1, NOW)], NOW)
    at = MONDAY + timedelta(days=3)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.error_groups SET made_at = %s", (at,))
        for table in ("error_counts_hourly", "error_counts_by_group"):
            execute(conn, f"UPDATE callwatch.{table} SET hour = %s, count = 5", (at,))
        conn.commit()
    fire("regressed_error_group", at, 5, labels={"group": "1", "environment": "production", "type": "UndefinedColumn"})
    fire("regressed_error_group", at + HOUR, 5, labels={"group": "999"})
    errors = body()["errors"]
    assert (errors["total"], errors["by_severity"], errors["new_count"], errors["regressed_count"]) == (5, {"high": 5}, 1, 2)
    assert [(group["id"], group["count"]) for group in errors["new"]] == [("1", 5)]
    assert [group["id"] for group in errors["regressed"]] == ["1"]


def test_access_target_is_met_only_by_all(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_ROUTES", "/api/calls,/api/leads")
    reset_settings()
    with connection() as conn:
        for route, answered, logged in (("/api/calls", 10, 10), ("/api/leads", 10, 9), ("/api/old", 5, 0)):
            row = (MONDAY + timedelta(days=6), route, answered, logged)
            execute(conn, "INSERT INTO callwatch.access_minutes VALUES (%s, 1, %s, %s, %s)", row)
        conn.commit()
    found = target(body(), "access_logged")
    assert (found["actual"], found["state"]) == (0.95, "missed")


def keep_costs(unpriced: int = 1) -> None:
    """Store the sums of a week of 15 calls, of the day before it and of the one after it."""

    def sums(calls: int, unpriced: int, usd: str) -> DaySums:
        return {"calls": calls, "tenants": [("a", calls, unpriced, Decimal(usd))], "counts": {}, "usage": [], "hours": []}

    given = {-1: sums(100, 0, "99"), 0: sums(10, 0, "1.5"), 6: sums(5, unpriced, "1.8"), 7: sums(100, 0, "99")}
    with connection() as conn:
        for day in range(-1, 8):
            assert keep_day(conn, MONDAY.date() + timedelta(days=day), NOW, "p", given.get(day, sums(0, 0, "0")))
        conn.commit()


@pytest.mark.parametrize(
    ("damage", "code"),
    [("DELETE FROM callwatch.cost_days WHERE day = %s", "not_recorded"),
     ("""UPDATE callwatch.cost_days SET problem = '{"code": "missing", "message": "no table"}' WHERE day = %s""", "missing")],
)  # fmt: skip
def test_week_with_a_day_without_sums_has_no_cost(database: str, damage: str, code: str) -> None:
    keep_costs()
    with connection() as conn:
        execute(conn, damage, (MONDAY.date() + timedelta(days=3),))
        conn.commit()
    found = body()
    assert set(found["cost"].values()) == {None}
    assert {found["unknown"][f"cost.{name}"]["code"] for name in found["cost"]} == {code}
    assert found["unknown"]["cost.total"]["message"].startswith("6 of 7 days have sums; ")
    assert target(found, "call_cost")["state"] == "unknown"


def test_week_in_which_the_monitor_was_set_up_says_so(database: str) -> None:
    set_up_at = MONDAY + timedelta(days=2, hours=5)
    assert body()["recorded_since"] == body()["since"]
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = %s", (set_up_at,))
        conn.commit()
    assert datetime.fromisoformat(body()["recorded_since"]) == set_up_at
    assert f"Recorded only since {set_up_at:%Y-%m-%d} 05:00" in read("text/html").body
    assert f"recorded_since,{set_up_at:%Y-%m-%dT05:00:00}" in read("text/csv").body


def test_cost_is_that_of_the_priced_calls_of_the_week(database: str) -> None:
    keep_costs()
    found = body()
    assert found["cost"] == {"total": 3.3, "per_call": pytest.approx(3.3 / 14, abs=1e-6), "calls": 15, "unpriced_calls": 1}
    assert target(found, "call_cost")["state"] == "missed"


def test_mean_of_some_calls_judges_no_target(database: str) -> None:
    keep_costs(unpriced=2)
    found = body()
    assert found["cost"]["per_call"] == pytest.approx(3.3 / 13, abs=1e-6)
    assert (target(found, "call_cost")["state"], target(found, "call_cost")["actual"]) == ("unknown", None)
    place = [entry["name"] for entry in found["targets"]].index("call_cost")
    assert found["unknown"][f"targets.{place}.actual"]["message"] == "86 % of the calls have a price; 90 % are needed"


def test_old_week_is_not_recorded(database: str) -> None:
    found = body(week="2024-W01")
    assert found["unknown"]["requests.count"]["code"] == "not_recorded"
    assert found["unknown"]["errors.total"]["code"] == "not_recorded"


def test_page_and_table_have_their_types(database: str) -> None:
    page = read("text/html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.body.startswith("<!doctype html>")
    assert "style-src 'sha256-" in page.headers["content-security-policy"]
    table = read("text/csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert WEEK in table.headers["content-disposition"]
    assert table.body.startswith("week,section,name")
