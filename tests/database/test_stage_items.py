"""Items behind a count: the list of each state has exactly the rows that the count has, and its remedy clears them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import psycopg2
import pytest

from callwatch.api.http import Page, decode_cursor
from callwatch.db import product_connection
from callwatch.exceptions import Invalid, NotFound
from callwatch.models.shapes.product.items import ItemState, StageItemPage
from callwatch.pipeline.product import measure
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.items.listing import list_stage_items
from callwatch.reports.pipeline import build_pipeline
from callwatch.settings import get_settings, reset_settings
from simulator import product
from tests.incidents.judge import find_sample
from tests.support.api_contract import check_nulls
from tests.support.api_shapes import check_shape
from tests.unit.test_stage_file import SHOP

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
STATES = [state for state in get_args(ItemState) if state != "arrived_last_hour"]
REMEDIED = [
    ("recordings", "zombie"), ("recordings", "dead"), ("transcriptions", "stuck"), ("transcriptions", "zombie"),
    ("transcriptions", "dead"), ("transcriptions", "orphan"), ("transcriptions", "false_success"),
]  # fmt: skip
BROKEN = """
    UPDATE pending_recordings SET processed_at = NULL, last_error = 'x', attempts = 12
        WHERE id IN (SELECT id FROM pending_recordings ORDER BY id LIMIT 3);
    UPDATE pending_recordings SET processed_at = %(now)s::timestamptz - interval '20 minutes', last_error = 'not found'
        WHERE id IN (SELECT id FROM pending_recordings ORDER BY id OFFSET 3 LIMIT 4);
    UPDATE pending_recordings SET processed_at = NULL, last_error = NULL, scheduled_for = %(now)s::timestamptz - interval '1 hour'
        WHERE id IN (SELECT id FROM pending_recordings ORDER BY id OFFSET 7 LIMIT 2);
    UPDATE transcription_queue SET status = 'processing', started_at = %(now)s::timestamptz - interval '30 minutes'
        WHERE id IN (SELECT id FROM transcription_queue ORDER BY id LIMIT 2);
    UPDATE transcription_queue SET status = 'pending', attempts = 3, started_at = NULL
        WHERE id IN (SELECT id FROM transcription_queue ORDER BY id OFFSET 2 LIMIT 3);
    UPDATE transcription_queue SET status = 'failed', attempts = 3, last_error = '100%% wrong', completed_at = NULL,
            started_at = %(now)s::timestamptz - interval '2 hours'
        WHERE id IN (SELECT id FROM transcription_queue ORDER BY id OFFSET 5 LIMIT 4);
    UPDATE transcription_queue SET completed_at = %(now)s::timestamptz - interval '2 hours'
        WHERE id IN (SELECT id FROM transcription_queue ORDER BY id OFFSET 9 LIMIT 2);
    DELETE FROM transcripts WHERE call_id IN (SELECT call_id FROM transcription_queue ORDER BY id OFFSET 9 LIMIT 2);
    DELETE FROM transcripts WHERE call_id IN (SELECT call_id FROM transcription_queue ORDER BY id OFFSET 11 LIMIT 3);
    DELETE FROM transcription_queue WHERE id IN (SELECT id FROM transcription_queue ORDER BY id OFFSET 11 LIMIT 3);
    DELETE FROM analyses WHERE call_id IN (SELECT call_id FROM transcripts
        WHERE created_at > %(now)s::timestamptz - interval '20 hours' ORDER BY created_at LIMIT 5);
    INSERT INTO call_events (call_id, type, at) SELECT call_id, 'analysis_failed', %(now)s FROM transcripts LIMIT 2;
"""


@pytest.fixture
def day(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield an autocommit cursor on a day of the product with rows in every state."""
    monkeypatch.setattr(product, "CALLS_PER_HOUR", 8)
    conn = psycopg2.connect(database)
    product.create_tables(conn)
    product.load(conn, NOW, days=2, hours=product.ALWAYS)
    conn.commit()
    conn.autocommit = True
    with conn.cursor() as cursor:
        cursor.execute(BROKEN, {"now": NOW})
        yield cursor
    conn.close()


def read_items(stage: str, state: str, limit: int = 200, cursor: str | None = None) -> StageItemPage:
    found = list_stage_items(get_settings(), NOW, stage, state, Page(limit, decode_cursor(cursor) if cursor else None))
    check_shape(StageItemPage, found)
    check_nulls(json.loads(json.dumps(found, default=lambda value: getattr(value, "to_dict", lambda: str(value))())))
    return found


def read_all(stage: str, state: str, limit: int) -> list[str | None]:
    rows: list[str | None] = []
    cursor = None
    while True:
        found = read_items(stage, state, limit, cursor)
        rows += [item["row"] for item in found["items"] or []]
        cursor = found["next_cursor"]
        if cursor is None:
            return rows


def test_each_list_has_the_rows_of_its_count(day: Any) -> None:
    shown = {stage["name"]: stage for stage in build_pipeline(get_settings(), NOW)["stages"]}
    for name, figures in shown.items():
        for state in STATES:
            found = read_items(name, state)
            if found["count"] is None:
                assert found["unknown"]["count"].code == found["unknown"]["items"].code == "not_recorded", (name, state)
                continue
            rows = read_all(name, state, 37)
            assert len(rows) == len(set(rows)) == found["count"], (name, state)
            assert figures.get(state, found["count"]) == found["count"], (name, state)
    counted = [(stage, state) for stage, state in REMEDIED if read_items(stage, state)["count"]]
    assert counted == REMEDIED, "the fixture has rows in each of these states"


def test_calls_that_arrived_are_listed(day: Any) -> None:
    arrived = build_pipeline(get_settings(), NOW)["freshness"]["actual_last_hour"]
    found = read_items("freshness", "arrived_last_hour", 3)
    assert found["count"] == arrived == len(read_all("freshness", "arrived_last_hour", 3)) > 3
    day.execute("SELECT id::text FROM calls WHERE created_at <= %s ORDER BY created_at DESC LIMIT 3", (NOW,))
    assert [item["id"] for item in found["items"] or []] == [row[0] for row in day.fetchall()]
    assert found["unknown"]["remedy"].code == "none"
    day.execute("ALTER TABLE calls RENAME COLUMN created_at TO at")
    found = read_items("freshness", "arrived_last_hour")
    assert (found["count"], found["items"], found["unknown"]["items"].code) == (None, None, "missing")


@pytest.mark.parametrize(("stage", "state"), [("freshness", "pending"), ("recordings", "arrived_last_hour"), ("freshness", None)])
def test_arrivals_have_a_state_of_their_own(day: Any, stage: str, state: Any) -> None:
    with pytest.raises(Invalid, match="state"):
        list_stage_items(get_settings(), NOW, stage, state, Page(5))


def test_ids_of_items_are_those_of_calls(day: Any) -> None:
    day.execute("SELECT id::text FROM calls")
    calls = {row[0] for row in day.fetchall()}
    day.execute("UPDATE pending_recordings r SET call_id = c.call_id FROM calls c WHERE c.id::text = r.call_id")
    for stage, state in (*REMEDIED, ("recordings", "pending"), ("analyses", "dead")):
        ids = [item["id"] for item in read_items(stage, state)["items"] or []]
        assert ids, (stage, state)
        assert set(ids) <= calls, (stage, state)


def test_text_key_without_a_call_is_not_shown(day: Any) -> None:
    day.execute("UPDATE pending_recordings SET call_id = 'Jane Doe +1 202 555 0100' WHERE attempts = 12")
    found = read_items("recordings", "zombie")
    assert "Jane" not in str(found)
    assert {reason.code for path, reason in found["unknown"].items() if path.endswith(".id")} == {"unavailable"}


@pytest.mark.parametrize(("stage", "state"), REMEDIED)
def test_remedy_clears_its_count_and_its_alert(day: Any, stage: str, state: str) -> None:
    remedy = read_items(stage, state)["remedy"]
    assert remedy is not None
    # The statement counts from now, and the rows of the fixture from a few seconds ago.
    day.execute(remedy["statement"])
    assert day.rowcount > 0
    after = read_items(stage, state)
    assert (after["count"], after["items"]) == (0, [])
    stages = get_stages(None)
    with product_connection() as conn:
        samples = list_product_samples(stages, measure(conn, NOW, "UTC", stages))
    assert find_sample(samples, f"pipeline.{state}", stage=stage).value == 0
    for kind in ("stuck", "zombie", "dead", "orphan"):
        is_other = (stage, kind) in REMEDIED and kind != state
        assert not is_other or read_items(stage, kind)["count"] is not None


def test_remedied_rows_wait_again(day: Any) -> None:
    before = read_items("transcriptions", "pending")["count"]
    for state in ("stuck", "dead", "false_success", "orphan", "zombie"):
        remedy = read_items("transcriptions", state)["remedy"]
        assert remedy is not None
        day.execute(remedy["statement"])
    # Two were stuck, four dead, two without a result and three in no queue; three zombies were pending already.
    assert read_items("transcriptions", "pending")["count"] == (before or 0) + 11
    assert [read_items("transcriptions", state)["count"] for state in ("stuck", "zombie", "dead", "orphan")] == [0, 0, 0, 0]


def test_missing_column_costs_only_its_figures(day: Any) -> None:
    day.execute("ALTER TABLE transcription_queue DROP COLUMN started_at")
    stuck, zombie = read_items("transcriptions", "stuck"), read_items("transcriptions", "zombie")
    assert stuck["items"] is None
    assert {stuck["unknown"][name].code for name in ("count", "items", "remedy")} == {"missing"}
    assert (zombie["count"], len(zombie["items"] or [])) == (3, 3)
    day.execute("ALTER TABLE transcription_queue DROP COLUMN created_at")
    assert len(read_all("transcriptions", "zombie", 2)) == 3, "without a time, rows are listed by their place"


@pytest.mark.parametrize("when", ["infinity", "-infinity", "0001-01-01 00:00:00+00 BC", "294276-01-01 00:00:00+00", None])
def test_impossible_time_costs_no_other_row(day: Any, when: str | None) -> None:
    day.execute("UPDATE transcription_queue SET created_at = %s WHERE attempts = 3 AND status = 'pending'", (when,))
    assert len(read_all("transcriptions", "zombie", 1)) == 3
    assert {item["at"] for item in read_items("transcriptions", "zombie")["items"] or []} == {None}


@pytest.mark.parametrize(
    "cursor",
    [["x", "1 (0,1)"], [None, "1; DROP TABLE calls"], [1, 2], "a", [None], ["12 bananas", "1 (0,1)"], [None, "9999999999 (0,1)"]],
)
def test_foreign_cursor_is_refused(day: Any, cursor: Any) -> None:
    with pytest.raises(Invalid, match="cursor"):
        list_stage_items(get_settings(), NOW, "transcriptions", "zombie", Page(5, cursor))


def test_unknown_stage_and_state_are_named(day: Any) -> None:
    with pytest.raises(NotFound, match="recordings, transcriptions, analyses"):
        read_items("nowhere", "stuck")
    with pytest.raises(Invalid, match="pending, retry"):
        list_stage_items(get_settings(), NOW, "recordings", None, Page(5))


def test_remedies_of_another_product_clear_their_counts(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGES_FILE", str(SHOP))
    reset_settings()
    with psycopg2.connect(database) as conn, conn.cursor() as cursor:
        cursor.execute(
            """CREATE TABLE shop_orders (number bigint PRIMARY KEY, paid_on timestamp);
               CREATE TABLE shop_parcels (order_number text, state text, tries int, ordered_on timestamp, taken_on timestamp,
                                          sent_on timestamp, promised_on timestamp);
               INSERT INTO shop_orders SELECT n, (now() AT TIME ZONE 'UTC') - interval '2 hours' FROM generate_series(1, 9) n;
               INSERT INTO shop_parcels (order_number, state, tries, ordered_on, taken_on)
               SELECT n::text, (ARRAY['packing', 'retry', 'lost'])[n % 3 + 1], 6, paid_on, paid_on
               FROM (SELECT number AS n, paid_on FROM shop_orders WHERE number < 7) o"""
        )
        conn.commit()
        for state, count in (("stuck", 2), ("zombie", 2), ("dead", 2), ("orphan", 3)):
            found = read_items("parcels", state)
            assert found["remedy"] is not None
            assert (found["count"], len(found["items"] or [])) == (count, count)
            assert all(item["id"] and 1 <= int(item["id"]) <= 9 for item in found["items"] or [])
            cursor.execute(found["remedy"]["statement"])
            conn.commit()
            assert read_items("parcels", state)["count"] == 0
    conn.close()
