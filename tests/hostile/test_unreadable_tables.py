"""A table that cannot be read ends no alert: it is locked, renamed, or of other types, while a failing product is watched."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.rules.builtin import RULES
from callwatch.db import product_connection
from callwatch.models.sample import Sample
from callwatch.pipeline.product import measure
from callwatch.pipeline.queries.schema import look
from callwatch.pipeline.samples import list_product_samples
from simulator import product
from tests.hostile.rows import families
from tests.hostile.test_hostile_rows import STAGES, hostile_product
from tests.incidents.conftest import BUSY

__all__ = ["hostile_product"]
TABLES = sorted({table for table, _column in families(STAGES)})
_ODD = (
    "INSERT INTO calls (source, created_at) VALUES ('convoso', 'infinity'), ('convoso', '0001-01-01')",
    "UPDATE cron_heartbeats SET last_ok = 'infinity' WHERE name = 'kpi-daily'",
    "INSERT INTO webhook_logs (endpoint, method, response_status, created_at) VALUES ('e', 'POST', 200, '-infinity')",
    "INSERT INTO transcription_queue (call_id, recording_url, status) VALUES (gen_random_uuid(), 'u', 'PENDING')",
)


def read_samples() -> list[Sample]:
    with product_connection() as conn:
        return list_product_samples(STAGES, measure(conn, BUSY, "UTC", STAGES))


@contextlib.contextmanager
def locked(conn: Any, table: str) -> Iterator[None]:
    with contextlib.closing(psycopg2.connect(conn.dsn, password=conn.info.password)) as other, other.cursor() as cursor:
        cursor.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
        yield


@contextlib.contextmanager
def renamed(conn: Any, table: str) -> Iterator[None]:
    with conn.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO renamed_for_a_while')
        yield
        cursor.execute(f'ALTER TABLE renamed_for_a_while RENAME TO "{table}"')


@contextlib.contextmanager
def broken_view(conn: Any, table: str) -> Iterator[None]:
    """Replace a table by a view that fails for each row."""
    with renamed(conn, table), conn.cursor() as cursor:
        columns = look(conn, ["renamed_for_a_while"])["renamed_for_a_while"]
        failing = ", ".join(
            f"CASE WHEN 1 / (random() * 0)::int = 0 THEN {column} END AS {column}" if kind.type in FAILING else column
            for column, kind in columns.items()
        )
        cursor.execute(f'CREATE VIEW "{table}" AS SELECT {failing} FROM renamed_for_a_while')
        yield
        cursor.execute(f'DROP VIEW "{table}"')


FAILING = ("timestamp with time zone", "text", "character varying", "integer", "uuid")


@pytest.mark.parametrize("hostile_product", ["sick"], indirect=True)
@pytest.mark.parametrize("breaks", [locked, renamed, broken_view])
def test_an_unreadable_table_ends_no_alert(hostile_product: Any, breaks: Callable[[Any, str], Any]) -> None:
    with hostile_product.cursor() as cursor:
        for statement in _ODD:
            cursor.execute(statement)
    before = evaluate(RULES, read_samples(), {}, BUSY - timedelta(hours=2)).instances
    before = evaluate(RULES, read_samples(), before, BUSY - timedelta(minutes=1)).instances
    fired = {key for key, each in before.items() if each.state == "firing"}
    assert len({key.partition("|")[0] for key in fired}) >= 12, sorted(fired)
    ended = {}
    for table in TABLES:
        with breaks(hostile_product, table):
            after = evaluate(RULES, read_samples(), before, BUSY).instances
        ended[table] = sorted(key for key in fired if key not in after or after[key].state != "firing")
    assert {table: keys for table, keys in ended.items() if keys} == {}
    assert set(TABLES) <= set(product.TABLES)
