"""Each incident raises its alert within two cycles, by the built-in rules; a healthy product raises none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluator import evaluate_rules
from callwatch.counters.performance import read_request_samples
from callwatch.db import connection, ensure_partitions, fetch_all
from callwatch.db.queries.api_logs import insert_requests
from callwatch.models.sample import Sample
from simulator import faults
from tests.incidents.conftest import BUSY
from tests.incidents.test_incidents import slow_pages

Facts = Callable[..., list[Sample]]
EXPECTED = {
    1: {"calls_missing"},
    2: {"webhook_errors"},
    3: {"pipeline_stopped", "cron_idle"},
    4: {"cron_idle", "pipeline_stopped"},
    5: {"stuck_jobs"},
    6: {"analysis_lag", "vendor_quota"},
    7: {"vendor_rate_limited"},
    9: {"recordings_unavailable", "dead_jobs"},
    10: {"sync_volume"},
    11: {"fields_missing"},
    12: {"schema_drift"},
}


def fired_within_two_cycles(samples: list[Sample]) -> dict[str, str]:
    """Return the level of each rule that fires after two evaluations of the same samples, a minute apart."""
    for cycle in range(2):
        with connection() as conn:
            evaluate_rules(conn, samples, BUSY + timedelta(minutes=cycle))
            conn.commit()
    with connection() as conn:
        rows = fetch_all(conn, "SELECT rule_id, level FROM callwatch.alerts WHERE state = 'firing'")
    return {row["rule_id"]: row["level"] for row in rows}


@pytest.mark.parametrize("number", sorted(EXPECTED))
def test_each_incident_raises_its_alert_within_two_cycles(number: int, busy_product: Any, facts_at: Facts) -> None:
    faults.INCIDENTS[number](busy_product, BUSY)
    busy_product.commit()
    assert EXPECTED[number] <= set(fired_within_two_cycles(facts_at(BUSY)))


def test_a_limit_that_lets_nothing_through_is_one_incident(busy_product: Any, facts_at: Facts) -> None:
    faults.stop_transcription(busy_product, BUSY)
    with busy_product.cursor() as cursor:
        cursor.execute(
            """INSERT INTO call_events (call_id, type, payload, at)
               SELECT call_id, 'transcribe_error', '{"error": "429 Too Many Requests"}', %s FROM transcription_queue
               WHERE status = 'pending'""",
            (BUSY - timedelta(minutes=3),),
        )
    busy_product.commit()
    fired = fired_within_two_cycles(facts_at(BUSY))
    assert {"vendor_rate_limited", "cron_idle", "pipeline_stopped"} <= set(fired)
    with connection() as conn:
        incidents = fetch_all(conn, "SELECT title, level FROM callwatch.incidents")
    assert [(row["title"], row["level"]) for row in incidents] == [("Rate limited [deepgram]", "critical")]


def test_eighth_incident_alerts_by_the_product_requests(busy_product: Any) -> None:
    with connection() as conn:
        ensure_partitions(conn, BUSY)
        conn.commit()
        insert_requests(conn, slow_pages())
        samples = read_request_samples(conn, BUSY)
    assert "slow_route" in fired_within_two_cycles(samples)


def test_crons_that_are_all_refused_are_one_page(busy_product: Any, facts_at: Facts) -> None:
    with busy_product.cursor() as cursor:
        cursor.execute("UPDATE cron_heartbeats SET last_message = 'skipped: 401'")
    busy_product.commit()
    samples = facts_at(BUSY)
    assert fired_within_two_cycles(samples) == {"crons_down": "critical", "cron_idle": "critical"}
    with connection() as conn:
        rows = fetch_all(conn, "SELECT rule_id, suppressed_by, message FROM callwatch.alerts ORDER BY rule_id DESC")
    assert [row["suppressed_by"] for row in rows] == [None] + ["crons_down"] * 12
    assert "12 (crons that are late or idle), threshold >= 3 (process-recordings-v3, " in rows[0]["message"]


def test_a_healthy_afternoon_raises_nothing(busy_product: Any, facts_at: Facts) -> None:
    assert fired_within_two_cycles(facts_at(BUSY)) == {}


def test_without_any_table_of_the_product_only_info_is_raised(database: str, facts_at: Facts) -> None:
    fired = fired_within_two_cycles(facts_at(BUSY))
    assert fired == {"schema_drift": "info"}
