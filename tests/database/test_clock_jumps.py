"""A clock that is wrong for some cycles deletes nothing from any table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.db import connection, execute, fetch_all, fetch_one
from callwatch.db.queries import retention_clock
from callwatch.db.queries.retention import forget_old
from callwatch.db.queries.retention_clock import read_believable_time, read_clock
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.ingest.requests import accept_request, build_request_messages
from tests.support.monitor_cycles import cycle

NOW = datetime.now(UTC)
AHEAD = timedelta(days=200)
# Tables that a cycle itself adds to or rewrites.
LIVING = {"monitor_lease", "monitor_cycles", "retention_clock", "rule_states", "alert_timeline", "alerts", "channel_states"}
_INSERTS = """
    INSERT INTO callwatch.monitor_cycles (started_at, finished_at, duration_ms, is_ok, steps)
        VALUES (%(at)s, %(at)s, 1, true, '[]');
    INSERT INTO callwatch.check_results (service, at, status, reason, latency_ms) VALUES ('database', %(at)s, 'healthy', NULL, 1);
    INSERT INTO callwatch.uptime_hours (service, hour, checked, up, worst)
        VALUES ('database', date_trunc('hour', %(at)s), 1, 1, 'healthy');
    INSERT INTO callwatch.stage_minutes (stage, figure, minute, value) VALUES ('s', 'pending', %(at)s, 1);
    INSERT INTO callwatch.stage_hours (stage, figure, hour, samples, total, peak) VALUES ('s', 'pending', %(at)s, 1, 1, 1);
    INSERT INTO callwatch.deliveries (channel, kind, message_id, payload, state, due_at, created_at)
        VALUES ('log', 'alert.test', 'old', '{}', 'sent', %(at)s, %(at)s)
"""


@pytest.fixture
def history(database: str) -> str:
    """Insert a row into each table from which retention deletes."""
    event = {"message": "boom (SQLSTATE 22P02)", "tags": {"a": "b"}, "user_hash": "u", "endpoint": "GET /", "release": "1"}
    request = accept_request({"method": "GET", "route": "/", "status_code": 200, "response_time_ms": 5}, NOW)
    requests = build_request_messages([request], 1, NOW)
    digest([build_error_message(finish_event(event, NOW), 1, NOW), *requests], NOW)
    with connection() as conn:
        execute(conn, _INSERTS, {"at": NOW})
        execute(
            conn,
            "UPDATE callwatch.error_groups SET state = 'ignored', ignored_until = %s",
            (NOW + timedelta(days=30),),
        )
        conn.commit()
    return database


def counts() -> dict[str, int]:
    """Count the rows of each table and partition."""
    with connection() as conn:
        tables = fetch_all(conn, "SELECT relname FROM pg_class WHERE relnamespace = 'callwatch'::regnamespace AND relkind = 'r'")
        names = sorted(row["relname"] for row in tables)
        found = {}
        for name in names:
            row = fetch_one(conn, f'SELECT count(*) AS n FROM callwatch."{name}"')
            assert row is not None
            found[name] = int(row["n"])
    return found


def move_database_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Replace the database clock that retention reads."""
    for name in ("_READ", "_PEEK"):
        statement = str(getattr(retention_clock, name))
        moved = f"clock_timestamp() + interval '{by.total_seconds()} s' AS database_now"
        monkeypatch.setattr(retention_clock, name, statement.replace("clock_timestamp() AS database_now", moved))


def state_of_group() -> Any:
    with connection() as conn:
        return fetch_one(conn, "SELECT state FROM callwatch.error_groups")


def test_one_cycle_200_days_ahead_deletes_nothing(history: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cycle(NOW)
    before = counts()
    assert all(before[name] for name in ("check_results", "stage_hours", "error_groups", "deliveries", "request_histograms"))
    with monkeypatch.context() as patched:
        move_database_clock(patched, AHEAD)
        report = cycle(NOW + AHEAD)["steps"]
        assert report["prepare"]["error"] is None
        assert report["prepare"]["partitions_dropped"] == 0
        assert state_of_group() == {"state": "ignored"}
    cycle(NOW + timedelta(minutes=2))
    after = counts()
    assert {name: n for name, n in before.items() if name not in LIVING and after.get(name, -1) < n} == {}
    assert after["monitor_cycles"] >= before["monitor_cycles"]


def test_the_jump_is_an_alert_and_ends_with_it(history: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cycle(NOW)
    with monkeypatch.context() as patched:
        move_database_clock(patched, AHEAD)
        cycle(NOW + AHEAD)
        with connection() as conn:
            row = fetch_one(conn, "SELECT state, value FROM callwatch.rule_states WHERE rule_id = 'clock_jumped'")
        assert row is not None
        assert row["state"] == "firing"
        assert row["value"] > timedelta(days=199).total_seconds()


@pytest.mark.parametrize(("database_ahead", "own_ahead"), [(AHEAD, timedelta()), (timedelta(), AHEAD)])
def test_of_two_clocks_the_one_behind_counts(
    history: str, monkeypatch: pytest.MonkeyPatch, database_ahead: timedelta, own_ahead: timedelta
) -> None:
    move_database_clock(monkeypatch, database_ahead)
    with connection() as conn:
        for hour in range(72):
            own = NOW + (own_ahead or timedelta(hours=hour))
            clock = read_clock(conn, own)
        conn.commit()
    assert clock.trusted_at <= NOW + timedelta(days=3)


def test_what_is_past_its_time_is_deleted_after_all(history: str) -> None:
    until = NOW + timedelta(days=150)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.retention_clock SET seen_at = %s, trusted_at = %s", (until, until))
        conn.commit()
        clock = retention_clock.RetentionClock(until, until, until, 5)
        forgotten = forget_old(conn, clock, 90, 365)
    after = counts()
    assert forgotten.groups == 1
    assert forgotten.partitions >= 1
    emptied = ("check_results", "uptime_hours", "stage_hours", "stage_minutes", "deliveries", "monitor_cycles", "error_groups")
    assert {name: after[name] for name in emptied} == dict.fromkeys(emptied, 0)


def test_a_jump_makes_no_delivery_too_old_to_send(history: str) -> None:
    with connection() as conn:
        read_clock(conn, NOW)
        conn.commit()
        assert read_believable_time(conn, NOW + AHEAD) <= NOW + timedelta(minutes=1)
        execute(conn, "UPDATE callwatch.retention_clock SET steady_cycles = 10, seen_at = %s", (NOW,))
        assert read_believable_time(conn, NOW + timedelta(minutes=1)) == NOW + timedelta(minutes=1)
        assert read_believable_time(conn, NOW + AHEAD) <= NOW + timedelta(minutes=1)
