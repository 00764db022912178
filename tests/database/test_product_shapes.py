"""Schema drift of the product: missing or odd columns affect only the figures that need them."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.db import migrate, product_connection
from callwatch.models.reason import PRODUCT_UNAVAILABLE, Reason
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.pipeline.product import build_all_readings, measure
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.jobs import build_job_metrics
from callwatch.reports.pipeline import build_pipeline
from callwatch.reports.status import build_status
from callwatch.settings import get_settings, reset_settings
from simulator import product
from tests.conftest import _administer, build_dsn, own_database
from tests.support.api_shapes import check_shape

NOW = datetime.fromisoformat("2031-03-12T14:37:00+00:00")
STAGES = get_stages(None)


def list_needs(readings: list[Reading]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for reading in readings:
        for table, columns in reading.needs.items():
            found.setdefault(table, set()).update(columns)
        if reading.otherwise:
            for table, names in list_needs([reading.otherwise]).items():
                found.setdefault(table, set()).update(names)
    return found


NEEDED = list_needs(list(build_all_readings(STAGES)))
COLUMNS = sorted((table, column) for table, columns in NEEDED.items() for column in columns)


@pytest.fixture(scope="module")
def loaded_template(postgres_server: str) -> Iterator[str]:
    """Yield the name of a database with two healthy days of the product."""
    name = "callwatch_shapes_template"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    migrate(build_dsn(postgres_server, name))
    with psycopg2.connect(build_dsn(postgres_server, name)) as conn:
        product.create_tables(conn)
        product.load(conn, NOW, days=2)
        # Some work waits, so that no figure is zero for lack of data.
        with conn.cursor() as cursor:
            cursor.execute("UPDATE transcription_queue SET status = 'pending' WHERE id % 10 = 0")
    conn.close()
    yield name
    _administer(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def loaded(postgres_server: str, loaded_template: str) -> Iterator[Any]:
    """Yield a connection for reads and changes, rolled back at the end."""
    conn = psycopg2.connect(build_dsn(postgres_server, loaded_template))
    yield conn
    conn.rollback()
    conn.close()


@pytest.fixture
def copied(postgres_server: str, loaded_template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a connection to a copy of it, to which the pools point."""
    with own_database(postgres_server, loaded_template, monkeypatch) as dsn:
        conn = psycopg2.connect(dsn)
        yield conn
        conn.close()


def measured_on(conn: Any) -> Measured:
    """Return the figures as read on a connection with uncommitted changes."""
    found = Measured(NOW)
    with conn.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
    read(conn, list(build_all_readings(STAGES)), found)
    return found


def changed(conn: Any, *statements: str) -> Measured:
    with conn.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return measured_on(conn)


@pytest.fixture(scope="module")
def whole(postgres_server: str, loaded_template: str) -> Measured:
    """Return the figures of the intact product."""
    conn = psycopg2.connect(build_dsn(postgres_server, loaded_template))
    found = measured_on(conn)
    conn.close()
    return found


def readings_that_need(table: str, column: str | None = None) -> set[str]:
    """Return the names of readings without a substitute for a missing part."""

    def fails(reading: Reading) -> bool:
        is_needed = table in reading.needs and (column is None or column in reading.needs[table])
        return is_needed and (reading.otherwise is None or fails(reading.otherwise))

    found = [reading for reading in build_all_readings(STAGES) if fails(reading)]
    return {each.name for reading in found for each in reading.parts or (reading,)}


def assert_only_lost(found: Measured, whole: Measured, lost: set[str], reason: str) -> None:
    def is_lost(name: str) -> bool:
        return name in lost or name.rpartition(".")[0] in lost

    for name in lost:
        assert reason in found.unknown[name].message, name
    stand_ins = {reading.name for reading in build_all_readings(STAGES) if reading.otherwise}
    for name, value in whole.values.items():
        if is_lost(name):
            assert name not in found.values
        elif name not in stand_ins and name.rpartition(".")[0] not in stand_ins:
            assert found.values[name] == pytest.approx(value), name
    assert {name for name in whole.rows if not is_lost(name)} == set(found.rows)


def test_every_needed_column_is_in_the_products_own_schema(whole: Measured) -> None:
    assert whole.drift == {}
    assert whole.errors == {}
    for table, column in COLUMNS:
        assert column in product.SCHEMA[table]["columns"], (table, column)


@pytest.mark.parametrize("table", sorted(NEEDED))
def test_a_missing_table_costs_only_the_figures_that_need_it(table: str, loaded: Any, whole: Measured) -> None:
    found = changed(loaded, f"DROP TABLE {table}")
    assert found.errors == {}
    assert found.drift == {(table, ""): Reason("missing", f"table {table} is missing")}
    assert_only_lost(found, whole, readings_that_need(table), f"table {table} is missing")
    drifts = [sample for sample in list_product_samples(STAGES, found) if sample.metric == "schema.drift" and sample.value]
    assert [dict(sample.labels) for sample in drifts] == [{"table": table}]


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_missing_column_costs_only_the_figures_that_need_it(table: str, column: str, loaded: Any, whole: Measured) -> None:
    found = changed(loaded, f"ALTER TABLE {table} DROP COLUMN {column} CASCADE")
    assert found.errors == {}
    reason = f"column {table}.{column} is missing"
    assert found.drift == {(table, column): Reason("missing", reason)}
    assert_only_lost(found, whole, readings_that_need(table, column), reason)


@pytest.mark.parametrize(
    ("table", "column", "kind", "using"),
    [
        ("pending_recordings", "processed_at", "text", "processed_at::text"),
        ("pending_recordings", "attempts", "text", "attempts::text"),
        ("pending_recordings", "scheduled_for", "bigint", "extract(epoch FROM scheduled_for)::bigint"),
        ("transcription_queue", "status", "integer", "length(status)"),
        ("transcription_queue", "started_at", "date", "started_at::date"),
        ("webhook_logs", "response_status", "text", "response_status::text"),
        ("cron_heartbeats", "last_ok", "text", "last_ok::text"),
        ("call_events", "type", "jsonb", "to_jsonb(type)"),
    ],
)
def test_a_column_of_an_odd_type_is_unknown_and_says_so(
    table: str, column: str, kind: str, using: str, loaded: Any, whole: Measured
) -> None:
    change = f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT, ALTER COLUMN {column} TYPE {kind} USING {using}"
    found = changed(loaded, change)
    assert found.errors == {}
    reason = f"column {table}.{column} is {kind} and must be "
    assert found.drift[table, column].message.startswith(reason)
    told = {name for name, why in found.unknown.items() if reason in why.message}
    assert told
    stand_ins = {reading.name for reading in build_all_readings(STAGES) if reading.otherwise}
    for name, value in whole.values.items():
        if name in found.values and name not in stand_ins and name.rpartition(".")[0] not in stand_ins:
            assert found.values[name] == pytest.approx(value), name


SHAPES: Mapping[str, tuple[str, ...]] = {
    "without phases and schedule": (
        "ALTER TABLE pending_recordings DROP COLUMN retry_phase, DROP COLUMN scheduled_for, DROP COLUMN estimated_end_time",
    ),
    "with uuid keys and times without a zone": (
        "ALTER TABLE pending_recordings ALTER COLUMN call_id TYPE uuid USING call_id::uuid",
        *(
            f"ALTER TABLE pending_recordings ALTER COLUMN {name} DROP DEFAULT,"
            f" ALTER COLUMN {name} TYPE timestamp USING {name} AT TIME ZONE 'UTC'"
            for name in ("created_at", "processed_at", "scheduled_for")
        ),
    ),
    "with big keys and small words": (
        "ALTER TABLE pending_recordings ALTER COLUMN attempts TYPE smallint, ALTER COLUMN id TYPE bigint,"
        " ALTER COLUMN last_error TYPE varchar(500)",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_the_queue_gives_the_same_figures(shape: str, loaded: Any, whole: Measured) -> None:
    found = changed(loaded, *SHAPES[shape])
    assert found.errors == {}
    lost = {name for name in whole.values if name not in found.values}
    needs_schedule = {"recordings.overdue", "recordings.undated"} | {
        name for name in whole.values if name.startswith("vendor.convoso.failed1")
    }
    assert lost == (needs_schedule if "without" in shape.split()[0] else set())
    for name, value in found.values.items():
        if not name.startswith("recordings.due"):
            assert value == pytest.approx(whole.values[name]), name


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE calls ALTER COLUMN agency_id TYPE text",
        "ALTER TABLE calls ALTER COLUMN office_id DROP DEFAULT, ALTER COLUMN office_id TYPE uuid USING NULL",
        "ALTER TABLE calls ALTER COLUMN id DROP DEFAULT, ALTER COLUMN id TYPE text",
        "ALTER TABLE transcription_queue ALTER COLUMN call_id TYPE text",
        "ALTER TABLE transcripts ALTER COLUMN call_id TYPE text",
        "ALTER TABLE analyses ALTER COLUMN call_id TYPE varchar(40)",
        "CREATE TYPE job_status AS ENUM ('pending', 'processing', 'completed', 'failed');"
        " ALTER TABLE transcription_queue ALTER COLUMN status DROP DEFAULT,"
        " ALTER COLUMN status TYPE job_status USING status::job_status",
        "ALTER TABLE transcripts ALTER COLUMN created_at DROP DEFAULT,"
        " ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'",
        "ALTER TABLE calls ALTER COLUMN created_at DROP DEFAULT,"
        " ALTER COLUMN created_at TYPE timestamp USING created_at AT TIME ZONE 'UTC'",
        "ALTER TABLE calls RENAME TO calls_of_all; CREATE VIEW calls AS SELECT * FROM calls_of_all",
    ],
)
def test_other_types_that_mean_the_same_change_no_figure(change: str, loaded: Any, whole: Measured) -> None:
    found = changed(loaded, change)
    assert (found.errors, found.drift) == ({}, {})
    assert found.values == pytest.approx(whole.values)


def test_text_keys_that_are_no_uuid_match_nothing(loaded: Any) -> None:
    found = changed(
        loaded,
        "ALTER TABLE transcription_queue ALTER COLUMN call_id TYPE text",
        "UPDATE transcription_queue SET call_id = 'not-a-uuid', completed_at = completed_at"
        " WHERE id = (SELECT max(id) FROM transcription_queue WHERE status = 'completed')",
    )
    assert found.errors == {}
    assert found.values["transcriptions.false_success"] == 1


def test_a_table_that_may_not_be_read_is_unknown_and_not_empty(loaded: Any) -> None:
    with loaded.cursor() as cursor:
        cursor.execute("CREATE ROLE callwatch_reader; GRANT USAGE ON SCHEMA public TO callwatch_reader")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO callwatch_reader")
        cursor.execute("REVOKE SELECT ON webhook_logs FROM callwatch_reader; SET LOCAL ROLE callwatch_reader")
    found = measured_on(loaded)
    assert "must be readable by the monitor's user" in found.unknown["webhooks"].message
    assert found.values["recordings.total"] > 0


def test_a_table_that_somebody_alters_is_not_waited_for(copied: Any) -> None:
    with psycopg2.connect(copied.dsn, password=copied.info.password) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE transcription_queue IN ACCESS EXCLUSIVE MODE")
        with product_connection() as conn:
            found = measure(conn, NOW, "UTC", STAGES)
        other.rollback()
    assert found.unknown["transcriptions.pending"].code == "timeout"
    assert found.values["recordings.pending"] >= 0
    # One reading counts the spellings of all words of the column, each a part of its own.
    spellings = "spellings of transcription_queue status"
    assert set(found.errors) <= {spellings, *(name for name in found.unknown if found.unknown[name].code == "timeout")}
    assert 1 <= len(found.errors) <= 4, "a locked table is given up after two tries"


def test_an_answer_lists_every_null_and_nothing_but_nulls(copied: Any) -> None:
    with copied.cursor() as cursor:
        cursor.execute("DROP TABLE transcripts, webhook_logs; ALTER TABLE pending_recordings DROP COLUMN processed_at")
        cursor.execute("DELETE FROM cron_heartbeats WHERE name = 'batch'")
    copied.commit()
    settings = get_settings()
    answer: Any = build_pipeline(settings, NOW)
    check_shape(Pipeline, answer)
    answers: tuple[Any, ...] = (answer, build_job_metrics(settings, NOW), build_status(settings, NOW, 60))
    for found in answers:
        unknown = found.pop("unknown")
        assert set(unknown) == set(nulls(found)), found
        assert all(unknown.values())
    assert answer["stages"][0]["pending"] is None
    assert answer["stages"][1]["pending"] > 0


def nulls(value: Any, path: str = "") -> list[str]:
    """Yield the dotted paths of nulls in a response."""
    if value is None:
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [null for key, item in items for null in nulls(item, f"{path}.{key}" if path else str(key))]


def test_without_the_product_database_all_figures_are_null(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    reset_settings()
    answer: Any = build_pipeline(get_settings(), NOW)
    check_shape(Pipeline, answer)
    unknown = answer.pop("unknown")
    assert set(unknown) == set(nulls(answer))
    assert unknown["stages.0.pending"] == PRODUCT_UNAVAILABLE
    assert NOW - timedelta(0) == answer["timestamp"]


@pytest.mark.parametrize(
    "kind",
    ["bytea USING convert_to(call_id::text, 'UTF8')", "jsonb USING to_jsonb(call_id)", "text[] USING ARRAY[call_id::text]"],
)
def test_keys_of_another_kind_are_unknown_not_orphans(loaded: Any, kind: str) -> None:
    found = changed(loaded, f"ALTER TABLE transcription_queue ALTER COLUMN call_id TYPE {kind}")
    assert found.errors == {}
    for name in ("transcriptions.false_success", "transcriptions.orphan"):
        assert "must be a number, a text or a UUID" in found.unknown[name].message
    assert ("transcription_queue", "call_id") in found.drift
    assert found.values["transcriptions.completed"] > 0


@pytest.mark.parametrize(
    ("policies", "is_whole"),
    [
        ((), False),
        (("FOR SELECT USING (status = 'completed')",), False),
        (("FOR SELECT TO hidden_from USING (true)",), True),
        (("USING (true)",), True),
        (("FOR INSERT WITH CHECK (true)",), False),
        (("USING (true)", "AS RESTRICTIVE USING (id > 5)"), False),
        (("TO pg_monitor USING (true)",), False),
    ],
)
def test_rows_hidden_by_a_policy_are_unknown_and_not_none(loaded: Any, policies: tuple[str, ...], is_whole: bool) -> None:
    with loaded.cursor() as cursor:
        cursor.execute("CREATE ROLE hidden_from; GRANT USAGE ON SCHEMA public TO hidden_from")
        cursor.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO hidden_from")
        cursor.execute("ALTER TABLE transcription_queue ENABLE ROW LEVEL SECURITY")
        for number, policy in enumerate(policies):
            cursor.execute(f"CREATE POLICY p{number} ON transcription_queue {policy}")
        cursor.execute("SET LOCAL ROLE hidden_from")
    found = measured_on(loaded)
    assert ("transcriptions.completed" in found.values) is is_whole
    assert found.values["recordings.total"] > 0
    if not is_whole:
        assert "row level security" in found.unknown["transcriptions.pending"].message
        assert ("transcription_queue", "") in found.drift


@pytest.mark.parametrize("spelling", ["upper(status)", "initcap(status)", "status || ' '", "'[' || status || ']'"])
def test_a_state_in_another_spelling_is_unknown_not_none(loaded: Any, spelling: str) -> None:
    found = changed(loaded, f"UPDATE transcription_queue SET status = {spelling}")
    for name in ("pending", "processing", "due", "completed", "failed", "stuck", "zombie"):
        assert found.get(f"transcriptions.{name}") is None or not has_state(loaded, name), name
    assert "spells the state completed in another way" in found.unknown["transcriptions.completed"].message
    assert "spells the state completed in another way" in found.unknown["transcriptions.duration_24h.p50"].message
    (unlisted,) = [each for each in list_product_samples(STAGES, found) if each.metric == "product.unlisted" and each.value]
    assert unlisted.labels == {"stage": "transcriptions", "table": "transcription_queue", "column": "status"}
    assert unlisted.value == found.values["transcriptions.unlisted"] > 0
    assert found.values["recordings.total"] > 0


def has_state(conn: Any, name: str) -> bool:
    """Return whether a row is in the state that a figure counts, in whatever spelling."""
    state = {"due": "pending", "zombie": "pending", "stuck": "processing"}.get(name, name)
    with conn.cursor() as cursor:
        cursor.execute("SELECT count(*) > 0 FROM transcription_queue WHERE lower(btrim(status)) = %s", (state,))
        return bool(cursor.fetchone()[0])


def test_one_odd_spelling_costs_only_the_counts_of_its_word(loaded: Any) -> None:
    with loaded.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transcription_queue (call_id, recording_url, status, created_at)"
            " VALUES (gen_random_uuid(), 'u', 'Pending', now()), (gen_random_uuid(), 'u', 'pending', %s)",
            (NOW - timedelta(minutes=40),),
        )
    found = measured_on(loaded)
    assert found.at_least["transcriptions.pending"] >= 1
    assert found.values["transcriptions.completed"] > 0
    assert found.values["transcriptions.stuck"] >= 0
