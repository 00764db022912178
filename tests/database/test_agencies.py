"""Figures by agency: they add up to those of the pipeline, a missing column costs its own, and one silent agency is found."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.db import product_connection
from callwatch.models.sample import Sample
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.pipeline.calendar import read_holiday
from callwatch.pipeline.product import measure, select_for_cycle
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.pipeline.tenants.figures import COUNTS
from callwatch.reports.pipeline import build_pipeline
from callwatch.settings import get_settings
from simulator import product
from tests.support.api_contract import check_nulls
from tests.support.api_shapes import check_shape

# A Wednesday afternoon.
NOW = datetime(2031, 3, 12, 15, 0, tzinfo=UTC)
A, B = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "ab")
SPLIT = f"UPDATE calls SET agency_id = (CASE WHEN abs(hashtext(id::text)) % 3 = 0 THEN '{A}' ELSE '{B}' END)::uuid"


@pytest.fixture
def two(database: str) -> Iterator[Any]:
    """Yield an autocommit cursor on eight days of two agencies: a third of the calls are A's."""
    conn = psycopg2.connect(database)
    product.create_tables(conn)
    product.load(conn, NOW, days=8)
    conn.commit()
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute(SPLIT)
        cursor.execute("INSERT INTO agencies (id, name) VALUES (%s, 'Agency A'), (%s, 'Agency B')", (A, B))
        yield cursor
    conn.close()


def view() -> Pipeline:
    found = build_pipeline(get_settings(), NOW, is_by_agency=True)
    check_shape(Pipeline, found)
    check_nulls(json.loads(json.dumps(found, default=lambda value: value.to_dict() if hasattr(value, "to_dict") else str(value))))
    return found


def samples(now: datetime = NOW) -> list[Sample]:
    stages = get_stages(None)
    with product_connection() as conn:
        return list_product_samples(stages, measure(conn, now, "UTC", stages, select_for_cycle(stages)))


def silent(found: list[Sample]) -> list[tuple[str | None, float | None]]:
    return [(sample.labels.get("agency"), sample.value) for sample in found if sample.metric == "agency.silent"]


def silence(cursor: Any, agency: str, minutes: int) -> None:
    cursor.execute("DELETE FROM calls WHERE agency_id = %s AND created_at > %s", (agency, NOW - timedelta(minutes=minutes)))


def test_figures_of_agencies_add_up(two: Any) -> None:
    found = view()
    agencies = found["agencies"] or []
    assert [(agency["agency"], agency["name"]) for agency in agencies] == [(B, "Agency B"), (A, "Agency A")]
    for number, stage in enumerate(found["stages"]):
        for figure in COUNTS:
            whole: Any = stage[figure]  # type: ignore[literal-required]
            parts: list[Any] = [agency["stages"][number][figure] for agency in agencies]  # type: ignore[literal-required]
            assert (sum(parts) if None not in parts else None) == whole, (stage["name"], figure)
    last_hour = [agency["freshness"]["actual_last_hour"] or 0 for agency in agencies]
    assert sum(last_hour) == found["freshness"]["actual_last_hour"]
    assert all(15 < (agency["freshness"]["expected_per_hour"] or 0) < 35 for agency in agencies[:1])
    assert agencies[0]["field_completeness"]["agency_id"] == 1
    assert "agencies" not in build_pipeline(get_settings(), NOW)


def test_keys_of_recordings_may_be_those_of_the_dialer(two: Any) -> None:
    two.execute("UPDATE pending_recordings r SET call_id = c.call_id FROM calls c WHERE c.id::text = r.call_id")
    found = view()
    completed = [agency["stages"][0]["completed_last_hour"] or 0 for agency in found["agencies"] or []]
    assert sum(completed) == found["stages"][0]["completed_last_hour"]
    assert min(completed) > 0


@pytest.mark.parametrize("kind", ["text", "bigint"])
def test_agency_of_another_type(two: Any, kind: str) -> None:
    expression = "agency_id::text" if kind == "text" else f"CASE WHEN agency_id::text = '{A}' THEN 1 ELSE 2 END"
    two.execute(f"ALTER TABLE calls ALTER agency_id TYPE {kind} USING {expression}")
    assert len(view()["agencies"] or []) == 2


def test_missing_columns_cost_only_their_figures(two: Any) -> None:
    two.execute("ALTER TABLE transcription_queue DROP COLUMN started_at; DROP TABLE agencies")
    found = view()
    agency = (found["agencies"] or [])[0]
    assert (agency["name"], agency["stages"][1]["stuck"]) == (None, None)
    assert found["unknown"]["agencies.0.stages.1.stuck"].code == found["unknown"]["agencies.0.name"].code == "missing"
    assert agency["stages"][1]["completed_last_hour"]
    two.execute("ALTER TABLE calls DROP COLUMN agency_id")
    bare = view()
    assert (bare["agencies"], bare["unknown"]["agencies"].code) == (None, "missing")
    assert bare["stages"][0]["completed_last_hour"]


def test_silent_agency_is_found_and_named(two: Any) -> None:
    assert silent(samples()) == []
    silence(two, B, 60)
    found = samples()
    assert silent(found) == [(B, 1.0)]
    (sample,) = [sample for sample in found if sample.metric == "agency.silent"]
    assert str(sample.detail).startswith("Agency B: no call for 60 min")
    instances = evaluate(RULES, found, {}, NOW).instances.values()
    assert [instance.state for instance in instances if instance.rule_id == "agency_silent"] == ["pending"]


def test_small_agency_needs_longer(two: Any) -> None:
    silence(two, A, 30)
    assert silent(samples()) == []
    silence(two, A, 120)
    assert silent(samples()) == [(A, 1.0)]


def test_indexes_change_no_figure(two: Any) -> None:
    silence(two, B, 60)
    two.execute("CREATE INDEX callwatch_calls_created ON calls (created_at)")
    assert silent(samples()) == [(B, 1.0)]


def test_all_agencies_silent_are_missing_calls(two: Any) -> None:
    silence(two, A, 120)
    silence(two, B, 120)
    found = samples()
    assert silent(found) == []
    assert [sample.value for sample in found if sample.metric == "calls.missing_ratio"] == [1.0]


@pytest.mark.parametrize("hour", [3, 9])
def test_night_and_morning_are_no_silence(two: Any, hour: int) -> None:
    assert silent(samples(NOW.replace(hour=hour))) == []


def test_holiday_is_no_outage(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    silence(two, A, 600)
    silence(two, B, 600)
    stages = get_stages(None)
    missing = [sample for sample in samples() if sample.metric == "calls.missing_ratio"]
    assert missing[0].value == 1
    holiday = read_holiday({"name": "Town Day", "month": 3, "weekday": "wednesday", "nth": 2})
    monkeypatch.setitem(stages.parts, "freshness", {**stages.parts["freshness"], "holidays": (holiday,)})
    (sample,) = [sample for sample in samples() if sample.metric == "calls.missing_ratio"]
    assert (sample.value, sample.detail) == (0.0, "closed: Town Day")


def test_private_text_as_agency_is_not_shown(two: Any) -> None:
    two.execute("ALTER TABLE calls ALTER agency_id TYPE text USING 'Jane Doe +1 202 555 0100'")
    assert "0100" not in str(view()["agencies"])
