"""Further replays: a silent agency, a costly model, a quota that ends by four, a deploy that stops a queue, a holiday."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.alerts.evaluator import evaluate_rules
from callwatch.db import connection, fetch_all
from callwatch.db.error_queries.deploys import add_deploy
from callwatch.db.incident_queries.changes import list_changes
from callwatch.models.sample import Sample
from callwatch.monitor.cost_step import measure_costs
from callwatch.monitor.cycle import Cycle
from callwatch.pipeline.stage_file import DEFAULT
from callwatch.settings import reset_settings
from simulator import faults, product
from tests.incidents.conftest import BUSY

Facts = Callable[..., list[Sample]]
AGENCY, OTHER = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "ab")
# Longer than any rule of these replays waits before it fires.
MINUTES = (0, 6, 12)


def play(samples: list[Sample], now: datetime = BUSY) -> list[dict[str, Any]]:
    """Evaluate the samples for some minutes, and return what fires, without what follows from another alert."""
    for minute in MINUTES:
        with connection() as conn:
            evaluate_rules(conn, samples, now + timedelta(minutes=minute))
            conn.commit()
    with connection() as conn:
        return fetch_all(
            conn,
            "SELECT id, rule_id, labels, started_at FROM callwatch.alerts"
            " WHERE state = 'firing' AND suppressed_by IS NULL ORDER BY id",
        )


def list_rules(alerts: list[dict[str, Any]]) -> list[str]:
    return sorted(alert["rule_id"] for alert in alerts)


def run(conn: Any, *statements: str, **given: Any) -> None:
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, given)
    conn.commit()


@pytest.fixture
def costly(busy_product: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a connection to a busy product with prices, and a quota that an ordinary day does not reach."""
    raw = json.loads(DEFAULT.read_text())
    raw["costs"]["quotas"] = [{"service": "openai", "units": ["input_token", "output_token"], "limit": 2_000_000}]
    (tmp_path / "stages.json").write_text(json.dumps(raw))
    prices = [
        {"service": "openai", "unit": unit, "usd": usd, "per": 1_000_000, "valid_from": "2020-01-01"}
        for unit, usd in (("input_token", "1"), ("output_token", "4"))
    ]
    prices.append({"service": "deepgram", "unit": "audio_second", "usd": "0.0043", "per": 60, "valid_from": "2020-01-01"})
    (tmp_path / "prices.json").write_text(json.dumps(prices))
    monkeypatch.setenv("STAGES_FILE", str(tmp_path / "stages.json"))
    monkeypatch.setenv("PRICES_FILE", str(tmp_path / "prices.json"))
    reset_settings()
    run(busy_product, "UPDATE analyses SET model = 'gpt-small', token_input = 3000, token_output = 500")
    return busy_product


def measure_week() -> list[Sample]:
    """What the cost step samples after it has computed each day."""
    samples: list[Sample] = []
    for number in range(9):
        samples = measure_costs(Cycle(BUSY + timedelta(seconds=number), deadline=1e9))
    return samples


def test_one_agency_that_falls_silent_is_named(busy_product: Any, facts_at: Facts) -> None:
    split = "UPDATE calls SET agency_id = (CASE WHEN abs(hashtext(id::text)) %% 2 = 0 THEN '{}' ELSE '{}' END)::uuid"
    run(busy_product, split.format(AGENCY, OTHER))
    assert play(facts_at(BUSY)) == []
    run(
        busy_product,
        "DELETE FROM calls WHERE agency_id = %(agency)s::uuid AND created_at > %(since)s",
        agency=AGENCY,
        since=BUSY - timedelta(minutes=75),
    )
    (alert,) = [alert for alert in play(facts_at(BUSY)) if alert["rule_id"] != "orphan_calls"]
    assert (alert["rule_id"], alert["labels"]) == ("agency_silent", {"agency": AGENCY})


def test_model_that_doubles_the_cost_is_a_spike(costly: Any, facts_at: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the quota, which the model would use up, too.
    monkeypatch.delenv("STAGES_FILE")
    reset_settings()
    assert play([*facts_at(BUSY), *measure_week()]) == []
    run(
        costly,
        "UPDATE analyses SET model = 'gpt-large', token_input = 30000 WHERE call_id IN"
        " (SELECT call_id FROM call_events WHERE type = 'analyzed' AND at > %(since)s)",
        since=BUSY - timedelta(minutes=120),
    )
    assert list_rules(play([*facts_at(BUSY), *measure_week()])) == ["cost_spike"]


def test_quota_that_ends_by_four_is_told_before(costly: Any, facts_at: Facts) -> None:
    assert play([*facts_at(BUSY), *measure_week()]) == []
    # Three quarters of the quota are used at half past two, and the pace of the last hours uses the rest by four.
    run(
        costly,
        "UPDATE analyses SET token_input = 9000 WHERE call_id IN"
        " (SELECT call_id FROM call_events WHERE type = 'analyzed' AND at > %(since)s)",
        since=BUSY - timedelta(hours=3),
    )
    samples = [sample for sample in measure_week() if sample.metric == "forecast.quota_s"]
    assert list_rules(play([*facts_at(BUSY), *samples])) == ["quota_soon"]
    (sample,) = samples
    assert BUSY.replace(hour=15, minute=30) < BUSY + timedelta(seconds=sample.value or 0) < BUSY.replace(hour=16, minute=30)


def test_deploy_that_stops_a_queue_without_an_error_is_named(busy_product: Any, facts_at: Facts) -> None:
    deployed_at = BUSY - timedelta(minutes=22)
    with connection() as conn:
        add_deploy(
            conn,
            1,
            "v42",
            {"environment": "production", "name": None, "url": None, "started_at": None, "finished_at": deployed_at},
        )
        conn.commit()
    faults.stop_transcription(busy_product, BUSY, minutes=20)
    busy_product.commit()
    alerts = play(facts_at(BUSY))
    assert "cron_idle" in list_rules(alerts)
    assert {alert["rule_id"] for alert in alerts} <= {"cron_idle", "pipeline_stopped"}
    with connection() as conn:
        changes = list_changes(conn, {alert["id"]: alert["started_at"] for alert in alerts})
    assert all(each[0]["title"] == "Release v42 deployed to production" for each in changes.values())


@pytest.mark.parametrize(
    ("day", "expected"), [("2031-07-04", []), ("2031-07-11", ["calls_missing"])], ids=["a holiday", "an ordinary Friday"]
)
def test_holiday_without_calls_is_silent(empty_product: Any, facts_at: Facts, day: str, expected: list[str]) -> None:
    now = datetime.fromisoformat(f"{day}T15:00:00+00:00")
    product.load(empty_product, now, days=15)
    faults.refuse_webhooks(empty_product, now, minutes=15 * 60)
    empty_product.commit()
    assert list_rules(play(facts_at(now), now)) == expected
