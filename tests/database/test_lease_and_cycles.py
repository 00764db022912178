"""The lease of the cycle, and the record that cycles leave."""

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.db import connection, execute, reset_pool
from callwatch.db.core.lease import acquire_lease, release_lease, renew_lease
from callwatch.db.queries.cycles import delete_cycles_before, find_last_success_at, read_last_cycle, read_signs, record_cycle
from callwatch.monitor.cycle import Cycle, run_cycle
from callwatch.settings import reset_settings
from tests.support.freezing_proxy import FreezingProxy
from tests.support.monitor_cycles import MONITOR

NOW = datetime(2031, 3, 9, 12, 0, tzinfo=UTC)


@dataclass
class Step:
    name: str
    duration_ms: float = 1.5
    error: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def take(holder: str, now: datetime | None = None, name: str = "monitor") -> bool:
    with connection() as conn:
        is_ours = acquire_lease(conn, name, holder, 30, now)
        conn.commit()
    return is_ours


def test_of_many_at_once_one_gets_the_lease(database: str) -> None:
    start = threading.Barrier(8)
    winners: list[str] = []

    def compete(holder: str) -> None:
        start.wait(30)
        if take(holder):
            winners.append(holder)

    threads = [threading.Thread(target=compete, args=(f"holder {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(winners) == 1


def test_a_lease_runs_out_and_then_goes_to_another(database: str) -> None:
    assert take("a", NOW)
    assert not take("b", NOW + timedelta(seconds=29))
    assert take("b", NOW + timedelta(seconds=30))
    with connection() as conn:
        assert not renew_lease(conn, "monitor", "a", 30), "renewing a lost lease fails"
        assert not release_lease(conn, "monitor", "a"), "and cannot give away what is another's"
        conn.commit()
    assert not take("c", NOW + timedelta(seconds=31))


def test_a_renewed_lease_lasts_longer(database: str) -> None:
    assert take("a", NOW)
    with connection() as conn:
        assert renew_lease(conn, "monitor", "a", 30, NOW + timedelta(seconds=20))
        conn.commit()
    assert not take("b", NOW + timedelta(seconds=49))
    assert take("b", NOW + timedelta(seconds=50))


def test_the_databases_clock_decides_where_no_time_is_given(database: str) -> None:
    assert take("a")
    assert not take("b")
    assert take("a"), "a holder may take its own again"


def test_released_lease_is_free_and_leases_are_independent(database: str) -> None:
    assert take("a")
    assert take("b", name="another")
    with connection() as conn:
        assert release_lease(conn, "monitor", "a")
        conn.commit()
    assert take("b")


def test_before_the_first_cycle_there_is_none(database: str) -> None:
    with connection() as conn:
        assert read_last_cycle(conn) is None
        assert find_last_success_at(conn, "flush") is None


def test_a_cycle_keeps_the_duration_and_the_outcome_of_each_step(database: str) -> None:
    steps = [Step("flush", 12.5, None, {"written": 3, "at": NOW}), Step("check", 3.0, "OSError")]
    with connection() as conn:
        record_cycle(conn, NOW, steps)
        conn.commit()
        row = read_last_cycle(conn)
    assert row is not None
    assert row["started_at"] == NOW
    assert row["is_ok"] is False
    assert row["duration_ms"] == 15.5
    assert row["steps"][0] == {
        "name": "flush",
        "duration_ms": 12.5,
        "error": None,
        "details": {"written": 3, "at": "2031-03-09 12:00:00+00:00"},
    }
    assert row["steps"][1]["error"] == "OSError"


def test_last_success_of_a_step_skips_failed_cycles(database: str) -> None:
    with connection() as conn:
        record_cycle(conn, NOW, [Step("flush")])
        conn.commit()
        first = read_last_cycle(conn)
        record_cycle(conn, NOW, [Step("flush", error="OSError"), Step("check")])
        conn.commit()
        second = read_last_cycle(conn)
        assert first is not None
        assert second is not None
        assert find_last_success_at(conn, "flush") == first["finished_at"]
        assert find_last_success_at(conn, "check") == second["finished_at"]


def test_old_cycles_are_dropped(database: str) -> None:
    with connection() as conn:
        record_cycle(conn, NOW, [Step("flush")])
        conn.commit()
        assert delete_cycles_before(conn, datetime.now(UTC) - timedelta(days=1)) == 0
        assert delete_cycles_before(conn, datetime.now(UTC) + timedelta(days=1)) == 1
        assert read_last_cycle(conn) is None


def test_outage_in_a_cycle_leaves_no_lease_to_wait_for(database: str) -> None:
    with FreezingProxy(database) as proxy, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", proxy.dsn)
        reset_settings()
        reset_pool()

        def lose(_cycle: Cycle) -> dict[str, Any]:
            proxy.freeze()
            return {}

        assert "skipped" not in run_cycle([("evaluate", lose)], MONITOR.state, NOW, 30)
        proxy.thaw()
        # A silent server is probed again after a second.
        time.sleep(1.2)
        assert "skipped" not in run_cycle([], MONITOR.state, NOW, 30)
        assert run_cycle([], MONITOR.state, NOW, 30)["is_database_up"]


def test_lease_of_a_clock_that_was_ahead_is_free(database: str) -> None:
    assert take("dead", NOW + timedelta(days=365))
    assert take("alive", NOW)
    assert not take("another", NOW + timedelta(seconds=29))


def test_cycle_dated_ahead_is_no_sign_of_life(database: str) -> None:
    with connection() as conn:
        record_cycle(conn, datetime.now(UTC), [Step("evaluate")])
        execute(conn, "UPDATE callwatch.monitor_cycles SET finished_at = finished_at + interval '300 days'")
        conn.commit()
        signs, now = read_signs(conn), datetime.now(UTC) + timedelta(minutes=5)
        assert (signs.finished_at, signs.evaluated_at, read_last_cycle(conn)) == (None, None, None)
        assert find_last_success_at(conn, "evaluate") is None
        assert signs.is_late(now), "it vouched for a dead monitor for 300 days"
        record_cycle(conn, datetime.now(UTC), [Step("evaluate", error="KeyError")])
        conn.commit()
        signs = read_signs(conn)
    assert (signs.missed, signs.evaluated_at) == (1, None)
