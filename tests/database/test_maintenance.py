"""Maintenance of services: neither up nor down in uptime, burn rates and flapping, also in an outage of the database."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.silence_actions import create_silence
from callwatch.alerts.silencing.maintenance import find_in_maintenance, list_spans
from callwatch.checks.probe_result import ProbeResult
from callwatch.checks.record import record_checks
from callwatch.checks.slo import measure_flapping, measure_uptime_burn
from callwatch.checks.uptime import read_uptime
from callwatch.db import connection
from callwatch.db.queries.check_results import fill_outage
from callwatch.exceptions import Invalid
from callwatch.settings import get_settings

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GOOD, BAD = ProbeResult("healthy", None, 5.0), ProbeResult("unhealthy", "unreachable", None)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def maintain(since: datetime, until: datetime, **more: Any) -> None:
    given = {"matchers": {"service": "database"}, "reason": "upgrade", "is_maintenance": True, **more}
    given |= {"starts_at": since.isoformat(), "ends_at": until.isoformat()}
    with connection() as conn:
        create_silence(conn, given, "ana", get_settings(), since)
        conn.commit()


def probe(since: datetime, until: datetime, result: ProbeResult) -> None:
    with connection() as conn:
        for number in range(int((until - since) / MINUTE)):
            at = since + number * MINUTE
            record_checks(conn, {"database": result}, at, find_in_maintenance(conn, ["database"], at))
        conn.commit()


def read(now: datetime = NOW) -> tuple[dict[str, Any], dict[str, Any]]:
    with connection() as conn:
        services, unknown = read_uptime(conn, ["database"], now)
    return dict(services["database"]), unknown


def test_a_day_with_maintenance_counts_the_rest(database: str) -> None:
    day = NOW - timedelta(days=1)
    maintain(day + timedelta(hours=2), day + timedelta(hours=8))
    probe(day, day + timedelta(hours=2), GOOD)
    probe(day + timedelta(hours=2), day + timedelta(hours=8), BAD)
    probe(day + timedelta(hours=8), NOW, GOOD)
    found, unknown = read()
    assert (found["uptime_24h"], found["maintenance_24h"], found["watched_24h"]) == (100.0, 25.0, 100.0)
    assert not [path for path in unknown if path.endswith("_24h")]
    with connection() as conn:
        assert {sample.value for sample in measure_uptime_burn(conn, NOW)} == {0.0}


def test_failures_outside_of_maintenance_count_in_full(database: str) -> None:
    day = NOW - timedelta(days=1)
    maintain(day, day + timedelta(hours=12))
    probe(day, day + timedelta(hours=12), BAD)
    probe(day + timedelta(hours=12), NOW - timedelta(hours=3), GOOD)
    probe(NOW - timedelta(hours=3), NOW, BAD)
    found, _unknown = read()
    assert (found["uptime_24h"], found["maintenance_24h"]) == (75.0, 50.0)


def test_time_that_nobody_watched_is_no_maintenance(database: str) -> None:
    day = NOW - timedelta(days=1)
    maintain(day, day + timedelta(hours=1))
    probe(day, day + timedelta(hours=1), BAD)
    probe(NOW - timedelta(hours=2), NOW, GOOD)
    found, unknown = read()
    assert found["uptime_24h"] is None
    assert unknown["services.database.uptime_24h"].code == "not_recorded"


def test_a_span_of_maintenance_alone_is_said_so(database: str) -> None:
    maintain(NOW - timedelta(hours=2), NOW)
    probe(NOW - timedelta(hours=2), NOW, BAD)
    found, unknown = read()
    assert (found["uptime_24h"], found["watched_24h"]) == (None, 0.0)
    assert unknown["services.database.uptime_24h"].message == "it was in maintenance"
    assert found["days"][-1]["status"] == "unknown"


def test_maintenance_is_no_flapping(database: str) -> None:
    maintain(NOW - timedelta(minutes=10), NOW)
    for minute in range(10):
        probe(NOW - (10 - minute) * MINUTE, NOW - (9 - minute) * MINUTE, BAD if minute % 2 else GOOD)
    with connection() as conn:
        assert measure_flapping(conn, NOW) == []


@pytest.mark.parametrize(
    ("day", "length_h"), [("2026-03-29", 8), ("2026-10-25", 8), ("2026-06-10", 8)], ids=["spring", "autumn", "summer"]
)
def test_recurring_maintenance_crosses_midnight_and_clocks(database: str, day: str, length_h: int) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    recurs = {"days": DAYS, "start": "22:00", "duration_s": length_h * 3600, "timezone": "Europe/Berlin"}
    maintain(noon - timedelta(days=3), noon + timedelta(days=3), recurs=recurs)
    with connection() as conn:
        spans = list(list_spans(conn, "database", noon - timedelta(days=1), noon))
    assert [is_within for _since, _until, is_within in spans] == [False, True, False]
    assert spans[1][1] - spans[1][0] == timedelta(hours=length_h)
    assert (spans[0][0], spans[-1][1]) == (noon - timedelta(days=1), noon)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))


def test_an_outage_of_the_database_in_its_maintenance(database: str) -> None:
    probe(NOW - timedelta(days=1), NOW - timedelta(hours=2), GOOD)
    maintain(NOW - timedelta(hours=2), NOW - timedelta(hours=1))
    for _twice in range(2):
        with connection() as conn:
            for since, until, is_within in list_spans(conn, "database", NOW - timedelta(hours=2), NOW):
                fill_outage(conn, "database", "unreachable", since, until, is_within)
            conn.commit()
    found, _unknown = read()
    assert found["uptime_24h"] == pytest.approx(100 * 22 / 23, abs=0.01)
    assert found["maintenance_24h"] == pytest.approx(100 / 24, abs=0.01)


def test_maintenance_names_services_and_no_rule(database: str) -> None:
    with connection() as conn:
        for more in ({"is_maintenance": "yes"}, {"matchers": {"rule_id": "cron_late"}, "is_maintenance": True}):
            given = {"matchers": {"service": "x"}, "reason": "r", "ends_at": (NOW + MINUTE).isoformat(), **more}
            with pytest.raises(Invalid, match="is_maintenance"):
                create_silence(conn, given, "ana", get_settings(), NOW)
        given = {"matchers": {"labels": {"service": {"op": "=~", "value": "open.*"}}}, "reason": "r", "is_maintenance": True}
        create_silence(conn, {**given, "ends_at": (NOW + MINUTE).isoformat()}, "ana", get_settings(), NOW)
        assert find_in_maintenance(conn, ["openai", "deepgram"], NOW) == {"openai"}
        assert find_in_maintenance(conn, ["openai"], NOW + 2 * MINUTE) == set()
