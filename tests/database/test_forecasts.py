"""Forecasts on a database: a stage that fills, a quota that ends at four, what the API shows of both, and their rules."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.db import connection
from callwatch.db.queries.stage_depths import keep_depths
from callwatch.models.sample import Sample
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.models.shapes.product.costs import Costs
from callwatch.monitor.cost_step import measure_costs
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.forecast_step import read_backlog_samples
from callwatch.pipeline.stage_file import DEFAULT
from callwatch.reports.items.costs import build_costs
from callwatch.reports.pipeline import build_pipeline
from callwatch.settings import get_settings, reset_settings
from simulator import product
from tests.support.api_contract import check_nulls
from tests.support.api_shapes import check_shape

# A Wednesday, at noon.
NOW = datetime(2031, 3, 12, 12, 0, tzinfo=UTC)


def check(shape: Any, found: Any) -> Any:
    check_shape(shape, found)
    check_nulls(json.loads(json.dumps(found, default=lambda value: value.to_dict() if hasattr(value, "to_dict") else str(value))))
    return found


def fill(days: int, per_minute: float, now: datetime = NOW) -> None:
    """Store depths by minute: steady ones of earlier days, and today's, which grow."""
    with connection() as conn:
        for back in range(days + 1):
            for minute in range(85):
                at = now - timedelta(days=back, minutes=minute)
                depth = 5.0 if back else 5 + per_minute * (85 - minute)
                keep_depths(conn, at, [("transcriptions", "pending", round(depth)), ("recordings", "pending", 3.0)])
        conn.commit()


def read_backlogs(now: datetime = NOW) -> list[Sample]:
    with connection() as conn:
        return read_backlog_samples(conn, now)


def list_firing(samples: list[Sample], now: datetime, known: Any) -> tuple[list[tuple[str, dict[str, str]]], Any]:
    instances = evaluate(RULES, samples, known, now).instances
    return [(each.rule_id, dict(each.labels)) for each in instances.values() if each.state == "firing"], instances


def test_growing_stage_fires_after_ten_minutes_and_resolves(database: str) -> None:
    fill(4, 0.5)
    (sample,) = read_backlogs()
    assert (sample.metric, sample.labels) == ("forecast.backlog_s", {"stage": "transcriptions"})
    firing, known = list_firing([sample], NOW, {})
    assert firing == []
    firing, known = list_firing([sample], NOW + timedelta(minutes=10), known)
    assert firing == [("backlog_growing", {"stage": "transcriptions"})]
    for minutes in (11, 21):
        firing, known = list_firing([], NOW + timedelta(minutes=minutes), known)
    assert firing == []


def test_api_shows_the_pace_and_its_bounds(database: str) -> None:
    fill(4, 0.5)
    found = check(Pipeline, build_pipeline(get_settings(), NOW, has_forecasts=True))
    by_name = {each["name"]: each for each in found["forecasts"]}
    growing = by_name["transcriptions"]
    # 48 wait after 85 minutes at half an item a minute; the other 52 take 104 minutes.
    assert growing["growth_per_hour"] == pytest.approx(30, abs=1)
    assert growing["full_at"] - NOW == pytest.approx(timedelta(minutes=104), abs=timedelta(minutes=6))
    assert growing["full_from"] < growing["full_at"]
    assert by_name["recordings"]["full_at"] is None
    assert found["unknown"]["forecasts.0.full_at"].code == "none"
    assert found["unknown"]["forecasts.2.limit"].code == "not_configured"


def test_short_history_is_unknown_in_api_and_rule(database: str) -> None:
    fill(2, 0.5)
    found = check(Pipeline, build_pipeline(get_settings(), NOW, has_forecasts=True))
    assert found["unknown"]["forecasts.1.full_at"].code == "not_recorded"
    samples = read_backlogs()
    assert [sample.value for sample in samples] == [None, None]
    _firing, known = list_firing(samples, NOW, {})
    assert {each.state for each in known.values() if each.rule_id == "backlog_growing"} == {"unknown"}


def test_missing_readings_of_today_are_no_all_clear(database: str) -> None:
    fill(4, 0.5)
    (sample,) = read_backlogs()
    _firing, known = list_firing([sample], NOW, {})
    _firing, known = list_firing([sample], NOW + timedelta(minutes=10), known)
    later = NOW + timedelta(minutes=30)
    firing, _known = list_firing(read_backlogs(later), later, known)
    assert firing == [("backlog_growing", {"stage": "transcriptions"})]


@pytest.fixture
def working(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield an autocommit cursor on eight days of calls, each of which uses 1,000 tokens, with a quota in the stage file."""
    raw = json.loads(DEFAULT.read_text())
    raw["costs"]["quotas"] = [{"service": "openai", "model": "gpt-*", "units": ["input_token", "output_token"], "limit": 600_000}]
    (tmp_path / "stages.json").write_text(json.dumps(raw))
    monkeypatch.setenv("STAGES_FILE", str(tmp_path / "stages.json"))
    reset_settings()
    conn = psycopg2.connect(database)
    product.create_tables(conn)
    product.load(conn, NOW, days=8)
    conn.commit()
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute("UPDATE analyses SET model = 'gpt-a', token_input = 900, token_output = 100")
        yield cursor
    conn.close()


def measure_days() -> list[Sample]:
    samples: list[Sample] = []
    for number in range(9):
        samples = measure_costs(Cycle(NOW + timedelta(seconds=number), deadline=1e9))
    return [sample for sample in samples if sample.metric == "forecast.quota_s"]


def use_more(cursor: Any, tokens: int) -> None:
    """Let each analysis of today use more, as a change of the model does."""
    cursor.execute(
        "UPDATE analyses SET token_input = %s WHERE call_id IN"
        " (SELECT call_id FROM call_events WHERE type = 'analyzed' AND at > %s)",
        (tokens, NOW.replace(hour=0)),
    )


def test_ordinary_day_lasts_with_its_quota(working: Any) -> None:
    assert measure_days() == []
    (quota,) = check(Costs, build_costs(get_settings(), NOW, "1d"))["quotas"]
    working.execute(
        "SELECT sum(token_input + token_output) FROM analyses WHERE call_id IN"
        " (SELECT call_id FROM call_events WHERE type = 'analyzed' AND at >= %s AND at < %s)",
        (NOW.replace(hour=0), NOW.replace(hour=0) + timedelta(days=1)),
    )
    assert quota["used"] == float(working.fetchone()[0])
    assert quota["full_at"] is None


def test_quotas_of_the_price_file_replace_those_of_the_stages(
    working: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vendors.json"
    file.write_text('[{"service": "openai", "units": ["call"], "limit": 5000}]')
    monkeypatch.setenv("PRICES_FILE", str(file))
    reset_settings()
    assert measure_days() == []
    found = check(Costs, build_costs(get_settings(), NOW, "1d"))
    (quota,) = found["quotas"]
    working.execute("SELECT count(*) FROM call_events WHERE type = 'analyzed' AND at >= %s AND at <= %s", (NOW.date(), NOW))
    assert (quota["units"], quota["limit"], quota["used"]) == (["call"], 5000, working.fetchone()[0])
    # A file with quotas alone has no price.
    assert found["per_call"]["mean"] is None


def test_quota_that_ends_by_four_is_announced_at_noon(working: Any) -> None:
    measure_days()
    (before,) = check(Costs, build_costs(get_settings(), NOW, "1d"))["quotas"]
    assert before["used"] is not None
    # What is used at noon and as much again by four: so many tokens for each call.
    pace = 600_000 / (before["used"] * 7 / 3)
    use_more(working, round(1000 * pace) - 100)
    (sample,) = measure_days()
    assert sample.value is not None
    assert sample.labels == {"service": "openai", "model": "gpt-*"}
    (quota,) = check(Costs, build_costs(get_settings(), NOW, "1d"))["quotas"]
    assert NOW.replace(hour=15) < quota["full_at"] < NOW.replace(hour=17)
    _firing, known = list_firing([sample], NOW, {})
    firing, _known = list_firing([sample], NOW + timedelta(minutes=10), known)
    assert [rule_id for rule_id, _labels in firing] == ["quota_soon"]


def test_use_that_cannot_be_read_is_unknown(working: Any) -> None:
    working.execute("ALTER TABLE analyses DROP COLUMN token_input")
    (sample,) = measure_days()
    assert sample.value is None
    assert sample.reason is not None
    assert sample.reason.code == "missing"
    (quota,) = check(Costs, build_costs(get_settings(), NOW, "1d"))["quotas"]
    assert quota["used"] is None
