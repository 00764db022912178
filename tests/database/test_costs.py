"""Costs of a seeded day: each figure against SQL written by hand, to the cent; and sums that outlive the rows behind them."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import pytest

from callwatch.db import connection
from callwatch.db.product_queries.cost_days import CostDay as StoredDay
from callwatch.db.product_queries.cost_days import list_days
from callwatch.models.sample import Sample
from callwatch.models.shapes.product.costs import Costs
from callwatch.monitor.cost_step import find_due_day, is_day_complete, measure_costs
from callwatch.monitor.cycle import Cycle
from callwatch.reports.items.costs import build_costs
from callwatch.reports.items.one_call import load_call
from callwatch.settings import get_settings, reset_settings
from simulator import product
from tests.support.api_contract import check_nulls
from tests.support.api_shapes import check_shape

# An evening, so that the whole day lies before it.
NOW = datetime.now(UTC).replace(hour=23, minute=30, second=0, microsecond=0)
TODAY = NOW.date()
CENT = Decimal("0.005")
PRICES = [
    ("deepgram", "*", "audio_second", "0.0043", 60),
    ("openai", "gpt-a", "input_token", "2.50", 1_000_000),
    ("openai", "gpt-a", "output_token", "10", 1_000_000),
    ("openai", "gpt-b*", "input_token", "0.15", 1_000_000),
    ("openai", "gpt-b*", "output_token", "0.60", 1_000_000),
]
# By hand, with the prices above: what each call used on a day, and what that costs.
BY_HAND = """
    WITH audio AS (
        SELECT t.call_id, coalesce(q.duration_sec, c.duration_sec) * 0.0043 / 60 AS usd
        FROM transcripts t LEFT JOIN transcription_queue q USING (call_id) LEFT JOIN calls c ON c.id = t.call_id
        WHERE t.created_at >= %(day)s AND t.created_at < %(day)s::date + 1
    ), words AS (
        SELECT a.call_id, a.model, CASE WHEN a.model = 'gpt-a' THEN (a.token_input * 2.50 + a.token_output * 10) / 1000000
                                        WHEN a.model LIKE 'gpt-b%%' THEN (a.token_input * 0.15 + a.token_output * 0.60) / 1000000
                                   END AS usd
        FROM analyses a WHERE EXISTS (SELECT FROM call_events e WHERE e.call_id = a.call_id AND e.type = 'analyzed'
                                      AND e.at >= %(day)s AND e.at < %(day)s::date + 1)
    ), uses AS (SELECT call_id, usd FROM audio UNION ALL SELECT call_id, usd FROM words),
    by_call AS (SELECT u.call_id, c.agency_id::text AS agency, sum(u.usd) AS usd, bool_and(u.usd IS NOT NULL) AS is_priced
                FROM uses u LEFT JOIN calls c ON c.id = u.call_id GROUP BY 1, 2)
"""


@pytest.fixture
def priced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set PRICES_FILE."""
    names = ("service", "model", "unit", "usd", "per")
    rows = [dict(zip(names, row, strict=True)) | {"valid_from": "2020-01-01", "source": "test"} for row in PRICES]
    (tmp_path / "prices.json").write_text(json.dumps(rows))
    monkeypatch.setenv("PRICES_FILE", str(tmp_path / "prices.json"))
    reset_settings()


@pytest.fixture
def seeded(database: str, priced: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield an autocommit cursor on four days of calls, with different models, agencies, durations and tokens."""
    monkeypatch.setattr(product, "CALLS_PER_HOUR", 6)
    conn = psycopg2.connect(database)
    product.create_tables(conn)
    product.load(conn, NOW, days=4, hours=product.ALWAYS)
    conn.commit()
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute(
            """UPDATE analyses SET model = (ARRAY['gpt-a', 'gpt-b-2026', 'gpt-b'])[abs(hashtext(call_id::text)) % 3 + 1],
                   token_input = 1000 + abs(hashtext(call_id::text)) % 9000, token_output = abs(hashtext('x' || call_id)) % 900;
               UPDATE calls SET agency_id = ('00000000-0000-0000-0000-00000000000' || abs(hashtext(id::text)) % 2 + 1)::uuid;
               UPDATE transcription_queue SET duration_sec = duration_sec + 7;
               DELETE FROM transcription_queue WHERE id % 5 = 0;
               UPDATE calls SET analyzed_at = now()"""
        )
        yield cursor
    conn.close()


def run_step(times: int = 1, now: datetime = NOW) -> list[Sample]:
    samples: list[Sample] = []
    for number in range(times):
        samples = measure_costs(Cycle(now + timedelta(seconds=number), deadline=1e9))
    return samples


def view(range_name: Any = "1d") -> Costs:
    found = build_costs(get_settings(), NOW, range_name)
    check_shape(Costs, found)
    check_nulls(json.loads(json.dumps(found, default=lambda value: value.to_dict() if hasattr(value, "to_dict") else str(value))))
    return found


def ask(cursor: Any, query: str, day: date = TODAY) -> tuple[Any, ...]:
    cursor.execute(BY_HAND + query, {"day": day})
    found: tuple[Any, ...] = cursor.fetchone()
    return found


def is_same(shown: float | None, expected: Decimal) -> bool:
    return shown is not None and abs(Decimal(str(shown)) - expected) < Decimal("0.00001")


def test_figures_of_a_day_are_those_of_sql_by_hand(seeded: Any) -> None:
    run_step()
    found = view()
    calls, mean, p95 = ask(
        seeded, "SELECT count(*), avg(usd), percentile_disc(0.95) WITHIN GROUP (ORDER BY usd) FROM by_call WHERE is_priced"
    )
    assert calls > 100
    assert (found["per_call"]["calls"], found["per_call"]["unpriced_calls"], found["per_call"]["target"]) == (calls, 0, 0.2)
    assert is_same(found["per_call"]["mean"], mean)
    assert abs(Decimal(str(found["per_call"]["p95"])) - p95) <= CENT
    audio, words = ask(seeded, "SELECT (SELECT sum(usd) FROM audio), (SELECT sum(usd) FROM words)")
    assert found["by_service"] is not None
    assert is_same(found["by_service"]["deepgram"]["usd"], audio)
    assert is_same(found["by_service"]["openai"]["usd"], words)
    for model in found["by_model"] or []:
        if model["service"] == "openai":
            count, usd = ask(seeded, f"SELECT count(*), sum(usd) FROM words WHERE model = '{model['model']}'")
            assert (model["calls"], is_same(model["usd"], usd)) == (count, True)
    assert len(found["by_model"] or []) == 4
    for agency in found["by_agency"] or []:
        count, usd = ask(seeded, f"SELECT count(*), sum(usd) FROM by_call WHERE agency = '{agency['agency']}'")
        assert (agency["calls"], is_same(agency["usd"], usd)) == (count, True)
    assert len(found["by_agency"] or []) == 2
    assert is_same(found["trend"][-1]["usd"], audio + words)


def test_trend_has_each_day_of_the_range(seeded: Any) -> None:
    run_step(times=4)
    found = view("7d")
    assert [day["day"] for day in found["trend"]] == [TODAY - timedelta(days=back) for back in range(6, -1, -1)]
    total = Decimal(0)
    for day in found["trend"][-4:]:
        count, usd = ask(seeded, "SELECT count(*), sum(usd) FROM by_call", day["day"])
        total += usd
        assert (day["calls"], is_same(day["usd"], usd)) == (count, True)
    assert found["unknown"]["trend.0.calls"].code == "not_recorded"
    assert sum(agency["usd"] or 0 for agency in found["by_agency"] or []) == pytest.approx(float(total), abs=1e-4)


@pytest.mark.parametrize(
    "deletion",
    ["DELETE FROM transcription_queue", "DELETE FROM transcripts; DELETE FROM analyses WHERE model = 'gpt-a'"],
    ids=["the source of seconds", "the usage itself"],
)
def test_sums_stay_when_the_product_deletes_old_rows(
    deletion: str, seeded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_step(times=4)
    before = view("7d")
    seeded.execute(deletion)
    # Other prices make the days due again, after the week in which the product keeps their rows.
    rows = json.loads((tmp_path / "prices.json").read_text())
    (tmp_path / "prices.json").write_text(json.dumps([*rows, {**rows[0], "model": "none-such"}]))
    reset_settings()
    run_step(times=12, now=NOW + timedelta(days=8))
    after = view("7d")
    assert [day["usd"] for day in after["trend"]][-4:] == [day["usd"] for day in before["trend"]][-4:]
    assert after["by_service"] == before["by_service"]


def test_correction_downwards_is_taken_while_rows_are_kept(seeded: Any) -> None:
    run_step(times=4)
    for number in range(2):
        seeded.execute(
            "DELETE FROM analyses WHERE call_id IN (SELECT call_id FROM analyses ORDER BY call_id LIMIT 20);"
            "DELETE FROM transcripts WHERE call_id IN (SELECT call_id FROM transcripts ORDER BY call_id LIMIT 20)"
        )
        run_step(now=NOW + timedelta(minutes=number + 1))
        usd, calls = ask(seeded, "SELECT sum(usd), count(*) FROM by_call")
        found = view()["trend"][-1]
        assert found["calls"] == calls
        assert is_same(found["usd"], usd)


def test_source_that_cannot_be_read_corrects_nothing(seeded: Any) -> None:
    run_step(times=4)
    before = view("7d")["trend"]
    seeded.execute("ALTER TABLE analyses RENAME TO analyses_gone")
    run_step(times=5, now=NOW + timedelta(minutes=20))
    assert view("7d")["trend"] == before


@pytest.mark.parametrize(("days", "has_all"), [(0, True), (6, True), (7, False), (400, False)])
def test_rows_of_a_day_are_kept_for_a_week(days: int, has_all: bool) -> None:
    for zone in ("UTC", "America/New_York", "Pacific/Apia"):
        today = NOW.astimezone(ZoneInfo(zone)).date()
        assert is_day_complete(today - timedelta(days=days), NOW, ZoneInfo(zone), 7 * 86_400) == has_all


def test_step_is_idempotent(seeded: Any) -> None:
    run_step(times=4)
    before = view("30d")
    run_step(times=8, now=NOW + timedelta(minutes=20))
    after = view("30d")
    for name in ("per_call", "by_service", "by_model", "by_agency"):
        assert before[name] == after[name], name


def test_without_prices_every_figure_is_unpriced(seeded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRICES_FILE")
    reset_settings()
    assert run_step() == []
    found = view()
    assert found["per_call"]["mean"] is None
    assert found["per_call"]["calls"] == found["per_call"]["unpriced_calls"] != 0
    assert found["unknown"]["per_call.mean"].code == "not_configured"
    assert found["by_service"] is not None
    assert found["by_service"]["openai"]["usd"] is None
    assert found["by_service"]["openai"]["units"]["input_token"] == found["by_service"]["openai"]["unpriced"]["input_token"] > 0


def test_prices_that_come_later_price_earlier_days(seeded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = os.environ["PRICES_FILE"]
    monkeypatch.delenv("PRICES_FILE")
    reset_settings()
    run_step(times=4)
    monkeypatch.setenv("PRICES_FILE", name)
    reset_settings()
    run_step(times=40, now=NOW + timedelta(minutes=20))
    assert all(day["usd"] for day in view("7d")["trend"][-4:])


def test_unpriced_model_is_named_and_costs_no_other_call(seeded: Any) -> None:
    seeded.execute("UPDATE analyses SET model = 'Jane Doe +12025550100' WHERE model = 'gpt-b'")
    samples = run_step()
    found = view()
    unpriced, calls = ask(seeded, "SELECT count(*) FILTER (WHERE NOT is_priced), count(*) FROM by_call")
    assert (found["per_call"]["unpriced_calls"], found["per_call"]["calls"]) == (unpriced, calls)
    assert not [word for word in ("Jane", "2025550100") if word in str(found["by_model"]) + str(samples)]
    (mean,) = ask(seeded, "SELECT avg(usd) FROM by_call WHERE is_priced")
    assert is_same(found["per_call"]["mean"], mean)
    (sample,) = [sample for sample in samples if sample.metric == "cost.unpriced_calls"]
    assert (sample.value, sample.labels["service"]) == (unpriced, "openai")


@pytest.mark.parametrize("tokens", ["NULL", "-5"])
def test_quantity_that_cannot_be_is_unpriced(seeded: Any, tokens: str) -> None:
    seeded.execute(f"UPDATE analyses SET token_input = {tokens} WHERE model = 'gpt-a'")
    (sample,) = [sample for sample in run_step() if sample.metric == "cost.unpriced_calls"]
    unpriced = ask(seeded, "SELECT count(*) FROM words WHERE model = 'gpt-a'")[0]
    assert view()["per_call"]["unpriced_calls"] == unpriced > 0
    assert (sample.value, sample.detail) == (unpriced, "calls of today; all have a price, but the product recorded no quantity")


def test_price_per_call_of_one_model_hides_no_other(seeded: Any, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    flat = {
        "service": "openai",
        "model": "gpt-a",
        "unit": "call",
        "usd": "0.5",
        "per": 1,
        "valid_from": "2020-01-01",
        "source": "t",
    }
    file.write_text(json.dumps([flat]))
    reset_settings()
    run_step()
    found = view()
    tokens = ask(seeded, "SELECT sum(token_input) FROM analyses WHERE model <> 'gpt-a'")
    by_model = {row["model"]: row["unpriced"] for row in found["by_model"] or []}
    others = sum(unpriced.get("input_token", 0) for unpriced in by_model.values())
    assert by_model["gpt-a"] == {}
    assert (found["by_service"] or {})["openai"]["unpriced"]["input_token"] == others > 0
    assert tokens[0] >= others


def test_missing_queue_leaves_the_duration_of_the_call(seeded: Any) -> None:
    seeded.execute("UPDATE transcription_queue q SET duration_sec = c.duration_sec FROM calls c WHERE c.id = q.call_id")
    expected = ask(seeded, "SELECT sum(usd) FROM audio")[0]
    seeded.execute("DROP TABLE transcription_queue")
    run_step()
    by_service = view()["by_service"]
    assert by_service is not None
    assert is_same(by_service["deepgram"]["usd"], expected)


@pytest.mark.parametrize(
    "change", ["DROP TABLE analyses", "ALTER TABLE analyses DROP COLUMN token_input", "DROP TABLE transcripts"]
)
def test_missing_source_makes_the_day_unknown_and_not_cheap(seeded: Any, change: str) -> None:
    seeded.execute(change)
    samples = run_step()
    found = view()
    assert (found["per_call"]["mean"], found["per_call"]["calls"], found["by_service"]) == (None, None, None)
    assert found["unknown"]["per_call.calls"].code == "missing"
    assert found["known_days"] == 0
    assert {sample.value for sample in samples} == {None}


def test_sums_say_of_how_many_days_they_are(seeded: Any) -> None:
    run_step(times=5)
    assert view("7d")["known_days"] == len([day for day in view("7d")["trend"] if day["calls"] is not None]) > 1
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("DELETE FROM callwatch.cost_days WHERE day = %s", (TODAY - timedelta(days=1),))
        for table in ("cost_tenants", "cost_counts", "cost_usage", "cost_hours"):
            cursor.execute(f"DELETE FROM callwatch.{table} WHERE day = %s", (TODAY - timedelta(days=1),))
        conn.commit()
    found = view("7d")
    assert found["known_days"] == len([day for day in found["trend"] if day["calls"] is not None])
    assert found["per_call"]["calls"] == sum(day["calls"] or 0 for day in found["trend"])


def test_missing_agency_column_costs_only_the_agencies(seeded: Any) -> None:
    seeded.execute("ALTER TABLE calls DROP COLUMN agency_id")
    run_step()
    found = view()
    assert found["per_call"]["mean"]
    assert [agency["agency"] for agency in found["by_agency"] or []] == [None]


def test_call_has_the_cost_of_sql_by_hand(seeded: Any) -> None:
    seeded.execute(BY_HAND + "SELECT call_id::text, usd FROM by_call ORDER BY usd DESC LIMIT 3", {"day": TODAY})
    for call, usd in seeded.fetchall():
        assert is_same(load_call(get_settings(), NOW, call)["cost"], usd)
    seeded.execute("UPDATE analyses SET model = 'new'")
    found = load_call(get_settings(), NOW, call)
    assert (found["cost"], found["unknown"]["cost"].code) == (None, "not_configured")


def test_spike_is_seen_against_earlier_days(seeded: Any) -> None:
    samples = run_step(times=5)
    values = {sample.metric: sample.value for sample in samples}
    assert values["cost.spike"] == pytest.approx(1.0, abs=0.5)
    assert 0 < (values["cost.per_call_usd"] or 0) < 0.2
    # The newest calls go to a model that costs fifty times as much.
    seeded.execute(
        """UPDATE analyses SET model = 'gpt-a', token_input = 40000, token_output = 9000 WHERE call_id IN
           (SELECT call_id FROM call_events WHERE type = 'analyzed' ORDER BY at DESC LIMIT 60)"""
    )
    (spike,) = [sample for sample in run_step() if sample.metric == "cost.spike"]
    assert (spike.value or 0) > 1.5


def test_days_are_computed_in_turn() -> None:
    def day(back: int, minutes: float, prices: str = "p", problem: Any = None) -> tuple[date, StoredDay]:
        at = TODAY - timedelta(days=back)
        return at, {"day": at, "computed_at": NOW - timedelta(minutes=minutes), "prices": prices, "calls": 1, "problem": problem}

    everything = dict(day(back, 5) for back in range(1, 31))
    assert find_due_day({}, TODAY, NOW, "p") == TODAY - timedelta(days=1)
    assert find_due_day(everything, TODAY, NOW, "p") is None
    assert find_due_day(everything | dict([day(3, 11), day(20, 99)]), TODAY, NOW, "p") == TODAY - timedelta(days=3)
    assert find_due_day(everything | dict([day(20, 99, "q")]), TODAY, NOW, "p") == TODAY - timedelta(days=20)
    assert find_due_day(everything | dict([day(20, 99, problem={"code": "missing"})]), TODAY, NOW, "p") is not None


def test_database_without_a_cycle_says_so(database: str, priced: None) -> None:
    found = view()
    assert found["unknown"]["per_call.mean"].code == "not_recorded"
    with connection() as conn:
        assert list_days(conn, TODAY, TODAY) == []
