"""Time series: what the cycle stores of the stages, and what the charts read."""

from datetime import UTC, datetime, timedelta

import pytest

from callwatch.db import connection, execute
from callwatch.db.error_queries.deploys import add_deploy
from callwatch.db.queries.cycles import record_cycle
from callwatch.db.queries.stage_depths import delete_old_depths, keep_depths
from callwatch.models.latency import find_bucket
from callwatch.models.reason import DATABASE_UNAVAILABLE
from callwatch.models.shapes.history import History, Metric, RangeName
from callwatch.monitor.cycle import StepResult
from callwatch.reports.history import METRICS, build_history
from callwatch.reports.ranges import RANGES, take_free, take_named
from tests.support.api_shapes import check_shape

NOW = datetime(2031, 3, 9, 12, 34, 56, tzinfo=UTC)


def keep(*readings: tuple[datetime, float]) -> None:
    with connection() as conn:
        for at, pending in readings:
            keep_depths(conn, at, [("recordings", "pending", pending), ("recordings", "completed", pending / 10)])
        conn.commit()


def flush_until(at: datetime, oldest_s: float | None = None) -> None:
    """Record a cycle whose flush emptied the queue at a time, or left messages as old as oldest_s."""
    details = {"is_drained": oldest_s is None, "oldest_s": oldest_s}
    with connection() as conn:
        record_cycle(conn, at, [StepResult("flush", 1.0, None, details)])
        conn.commit()


def points(answer: History, name: str, **labels: str) -> dict[datetime, float | None]:
    found = [s for s in answer["series"] or () if s["name"] == name and s["labels"] == labels]
    assert len(found) == 1, answer["series"]
    return dict(found[0]["points"])


@pytest.mark.parametrize("range_name", RANGES)
@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_and_range_fits_its_model_when_empty(database: str, metric: Metric, range_name: RangeName) -> None:
    answer = build_history(NOW, metric, take_named(NOW, range_name))
    check_shape(History, answer)
    nulls = set()
    for place, series in enumerate(answer["series"] or ()):
        assert len(series["points"]) == RANGES[range_name][0] / RANGES[range_name][1]
        nulls |= {f"series.{place}.points.{n}.1" for n, (_at, value) in enumerate(series["points"]) if value is None}
    assert set(answer["unknown"]) == nulls


def test_a_minute_without_a_reading_is_null_and_never_zero(database: str) -> None:
    keep((NOW, 7), (NOW - timedelta(minutes=2), 5))
    found = points(build_history(NOW, "queues", take_named(NOW, "1h")), "pending", stage="recordings")
    minute = NOW.replace(second=0)
    assert [found[minute - timedelta(minutes=n)] for n in range(3)] == [7, None, 5]
    assert sum(value is not None for value in found.values()) == 2


def test_thinning_keeps_backlog_peaks_and_averages_rates(database: str) -> None:
    start = NOW.replace(minute=0, second=0)
    keep(*((start + timedelta(minutes=n), 900 if n == 20 else 10) for n in range(30)))
    answer = build_history(NOW, "queues", take_named(NOW, "7d"))
    assert points(answer, "pending", stage="recordings")[start] == 900
    assert points(answer, "completed", stage="recordings")[start] == pytest.approx((29 * 1 + 90) / 30, abs=0.001)


def test_hours_remain_for_ninety_days_when_minutes_are_gone(database: str) -> None:
    old, older = NOW - timedelta(days=89), NOW - timedelta(days=92)
    keep((older, 3), (old, 4), (NOW, 5))
    with connection() as conn:
        delete_old_depths(conn, NOW)
        conn.commit()
    kept = [
        value
        for value in points(build_history(NOW, "queues", take_named(NOW, "90d")), "pending", stage="recordings").values()
        if value is not None
    ]
    assert kept == [4, 5]
    with connection() as conn:
        assert execute(conn, "DELETE FROM callwatch.stage_minutes") == 2


def test_a_range_of_the_day_before_has_whole_steps(database: str) -> None:
    day, minute = timedelta(days=1), NOW.replace(second=0)
    keep((NOW, 7), (NOW - day, 5), (NOW - day - timedelta(minutes=1), 4))
    before = build_history(NOW, "queues", take_named(NOW, "1h", day))
    now = build_history(NOW, "queues", take_named(NOW, "1h"))
    found = points(before, "pending", stage="recordings")
    assert (found[minute - day], found[minute - day - timedelta(minutes=1)]) == (5, 4)
    assert (before["from"], before["to"]) == (now["from"] - day, now["to"] - day)
    assert before["timestamp"] == NOW


def test_errors_count_by_severity_without_monitor_errors(database: str) -> None:
    minute = NOW.replace(second=0)
    with connection() as conn:
        for project, count in ((1, 3), (2, 4), (0, 100)):
            execute(
                conn,
                "INSERT INTO callwatch.error_counts_by_minute VALUES (%s, %s, 'production', 'high', 'api', %s)",
                (minute, project, count),
            )
        conn.commit()
    flush_until(NOW)
    answer = build_history(NOW, "errors", take_named(NOW, "1h"))
    assert points(answer, "errors", severity="high")[minute] == 7
    assert set(points(answer, "errors", severity="critical").values()) == {0}


def test_counts_are_null_before_setup_and_zero_after(database: str) -> None:
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = %s", (NOW - timedelta(minutes=10),))
        conn.commit()
    flush_until(NOW)
    asked: list[tuple[Metric, str, dict[str, str]]] = [("errors", "errors", {"severity": "low"}), ("requests", "rpm", {})]
    for metric, name, labels in asked:
        answer = build_history(NOW, metric, take_named(NOW, "1h"))
        values = list(points(answer, name, **labels).values())
        assert (values[:49], values[49:]) == ([None] * 49, [0] * 11)
        place = next(n for n, series in enumerate(answer["series"] or ()) if (series["name"], series["labels"]) == (name, labels))
        assert (
            answer["unknown"][f"series.{place}.points.48.1"].message
            == "before the monitor was set up, or older than the retention"
        )
        assert f"series.{place}.points.49.1" not in answer["unknown"]


def test_percentiles_are_of_requests_and_null_without_traffic(database: str) -> None:
    minute = NOW.replace(second=0) - timedelta(minutes=3)
    with connection() as conn:
        for took_ms, count, errors in ((100, 90, 0), (1000, 10, 2)):
            execute(
                conn,
                "INSERT INTO callwatch.request_histograms VALUES (%s, 1, 'production', '/calls', %s, %s, %s, %s)",
                (minute, find_bucket(took_ms), count, errors, took_ms * count),
            )
        conn.commit()
    flush_until(NOW)
    answer = build_history(NOW, "requests", take_named(NOW, "1h"))
    assert points(answer, "rpm")[minute] == 100
    assert points(answer, "p50")[minute] == pytest.approx(100, rel=0.02)
    assert points(answer, "p99")[minute] == pytest.approx(1000, rel=0.02)
    assert points(answer, "error_rate")[minute] == 0.02
    quiet = minute - timedelta(minutes=1)
    assert points(answer, "rpm")[quiet] == 0
    assert [points(answer, name)[quiet] for name in ("p50", "p95", "p99", "error_rate")] == [None] * 4


@pytest.mark.parametrize(("age", "oldest_s"), [(timedelta(minutes=20), None), (timedelta(0), 1_200.0)], ids=["stopped", "behind"])
def test_what_may_wait_in_the_queue_is_null_and_never_zero(database: str, age: timedelta, oldest_s: float | None) -> None:
    flush_until(NOW - age, oldest_s)
    stored_until = NOW - timedelta(minutes=20)
    for metric, names in (("errors", ["errors"] * 4), ("requests", ["rpm", "p50", "p95", "p99", "error_rate"])):
        answer = build_history(NOW, metric, take_named(NOW, "1h"))  # type: ignore[arg-type]
        assert [series["name"] for series in answer["series"] or ()] == names
        for place, series in enumerate(answer["series"] or ()):
            for number, (at, value) in enumerate(series["points"]):
                why = answer["unknown"].get(f"series.{place}.points.{number}.1")
                if at >= stored_until:
                    assert value is None
                    assert why is not None
                    assert (why.code, why.message) == ("not_recorded", "what arrived since then may still wait in the queue")
                elif series["name"] in ("errors", "rpm"):
                    assert value == 0
                else:
                    assert why is not None
                    assert why.code == "no_traffic"


def test_rate_of_a_step_is_of_its_stored_minutes(database: str) -> None:
    since = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.request_histograms_hourly VALUES (%s, 1, 'production', '/calls', %s, 600, 0, 600)",
            (since, find_bucket(1)),
        )
        conn.commit()
    flush_until(since + timedelta(minutes=20))
    answer = build_history(NOW, "requests", take_named(NOW, "7d"))
    assert points(answer, "rpm")[since] == 30


def test_service_latency_is_null_without_an_answered_probe(database: str) -> None:
    minute = NOW.replace(second=0)
    with connection() as conn:
        for at, status, latency_ms in ((minute, "healthy", 120.0), (minute - timedelta(minutes=1), "unhealthy", None)):
            execute(
                conn,
                "INSERT INTO callwatch.check_results (service, at, status, latency_ms) VALUES ('deepgram', %s, %s, %s)",
                (at, status, latency_ms),
            )
        conn.commit()
    found = points(build_history(NOW, "services", take_named(NOW, "1h")), "latency", service="deepgram")
    assert (found[minute], found[minute - timedelta(minutes=1)]) == (120.0, None)


def test_without_its_database_a_history_is_null_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    answer = build_history(NOW, "queues", take_named(NOW, "24h"))
    assert answer["series"] is None
    assert answer["unknown"] == {"series": DATABASE_UNAVAILABLE, "deploys": DATABASE_UNAVAILABLE}
    check_shape(History, answer)
    assert answer["deploys"] is None


def add_requests(route: str, count: int, environment: str = "production") -> datetime:
    minute = NOW.replace(second=0) - timedelta(minutes=3)
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.request_histograms VALUES (%s, 1, %s, %s, %s, %s, 0, %s)",
            (minute, environment, route, find_bucket(100), count, 100 * count),
        )
        conn.commit()
    return minute


def test_a_route_has_its_own_series_of_all_environments(database: str) -> None:
    minute = add_requests("GET /a", 30)
    add_requests("GET /a", 10, "staging")
    add_requests("GET /b", 500)
    answer = build_history(NOW, "route", take_named(NOW, "1h"), "GET /a")
    check_shape(History, answer)
    assert points(answer, "rpm")[minute] == 40
    assert points(answer, "p95")[minute] == pytest.approx(100, rel=0.02)
    assert points(answer, "p95")[minute - timedelta(minutes=1)] is None
    assert set(answer["unknown"]) == {
        f"series.{place}.points.{n}.1"
        for place, series in enumerate(answer["series"] or ())
        for n, (_at, value) in enumerate(series["points"])
        if value is None
    }


@pytest.mark.parametrize("route", ["GET /none", "GET /%", "get /a", "' OR '1'='1"])
def test_a_route_without_requests_has_no_series(database: str, route: str) -> None:
    add_requests("GET /a", 30)
    answer = build_history(NOW, "route", take_named(NOW, "1h"), route)
    assert answer["series"] == []
    assert answer["unknown"] == {}


def test_a_history_names_the_newest_deploys_of_its_range(database: str) -> None:
    with connection() as conn:
        for minutes in (*range(55), 90):
            at = NOW - timedelta(minutes=minutes)
            given = {"environment": "production", "name": None, "url": None, "started_at": None, "finished_at": at}
            add_deploy(conn, 1, f"1.0.{minutes}", given)
        conn.commit()
    deploys = build_history(NOW, "queues", take_named(NOW, "1h"))["deploys"] or []
    assert [each["release"] for each in deploys] == [f"1.0.{minutes}" for minutes in range(50)]
    assert deploys[0] == {"at": NOW, "release": "1.0.0", "environment": "production"}


def test_errors_of_a_week_ago_are_read_by_hour_and_never_zero(database: str) -> None:
    week = timedelta(days=7)
    hour = (NOW - week).replace(minute=0, second=0) - timedelta(hours=2)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = %s", (NOW - timedelta(days=30),))
        execute(
            conn,
            "INSERT INTO callwatch.error_counts_hourly (hour, project_id, environment, severity, category, count)"
            " VALUES (%s, 1, 'production', 'high', 'api', 40)",
            (hour,),
        )
        conn.commit()
    answer = build_history(NOW, "errors", take_named(NOW, "24h", week))
    assert answer["step_s"] == 3600
    found = points(answer, "errors", severity="high")
    assert (found[hour], len(found)) == (40, 24)


def test_a_free_range_has_the_points_between_its_times(database: str) -> None:
    keep((NOW - timedelta(minutes=30), 7), (NOW - timedelta(minutes=50), 5))
    asked = take_free(NOW, NOW - timedelta(minutes=40), NOW - timedelta(minutes=20))
    answer = build_history(NOW, "queues", asked)
    check_shape(History, answer)
    assert (answer["range"], answer["step_s"]) == ("custom", 60)
    found = points(answer, "pending", stage="recordings")
    assert [value for value in found.values() if value is not None] == [7]
    assert (answer["from"], answer["to"]) == (datetime(2031, 3, 9, 11, 54, tzinfo=UTC), datetime(2031, 3, 9, 12, 15, tzinfo=UTC))
