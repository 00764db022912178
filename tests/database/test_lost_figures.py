"""Figures of the product that were known once and are not any more: an alert, a degraded health; those never known: neither."""

import contextlib
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.db import connection, execute, fetch_all, product_connection
from callwatch.db.core.query import fetch_one
from callwatch.db.product_queries.known_readings import PATIENCE, FailedReading, keep_readings, list_lost
from callwatch.pipeline.product import list_cycle_readings, measure, select_for_cycle
from callwatch.pipeline.queries.lost_readings import LostSource, list_failed, list_lost_sources, list_succeeded
from callwatch.pipeline.queries.query_runner import list_columns
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.health import build_health, build_reduced_health
from callwatch.settings import get_settings, reset_settings
from tests.database.test_odd_rows import tables
from tests.support.api_shapes import OWN
from tests.support.monitor_cycles import cycle

__all__ = ["tables"]
NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = timedelta(minutes=1)
STAGES = get_stages(None)
PLACES = sorted({place for reading in list_cycle_readings(STAGES) for place in list_columns(reading)})


def read_lost(now: datetime = NOW) -> list[LostSource]:
    """Measure the product as a cycle does, and return what is lost."""
    readings = list_cycle_readings(STAGES)
    with product_connection() as conn:
        measured = measure(conn, now, "UTC", STAGES, select_for_cycle(STAGES))
    with connection() as conn:
        keep_readings(conn, now, list_succeeded(readings, measured), list_failed(readings, measured))
        conn.commit()
        return list_lost_sources(list_lost(conn, now))


def list_alerts(rule_id: str = "figures_lost") -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(
            conn,
            "SELECT state, level, labels, message, suppressed_by, end_reason FROM callwatch.alerts"
            " WHERE rule_id = %s ORDER BY id",
            (rule_id,),
        )


def test_a_product_that_never_was_there_is_no_loss(database: str) -> None:
    for minute in range(3):
        cycle(NOW + minute * MINUTE)
    assert list_alerts() == []
    found = build_health(get_settings(), NOW + 3 * MINUTE, OWN)
    assert (found["status"], found["lost_figures"]) == ("healthy", [])


@pytest.mark.parametrize("how", ["DROP COLUMN {column} CASCADE", "RENAME COLUMN {column} TO renamed"])
def test_each_column_that_goes_is_told_if_figures_go(tables: Any, how: str) -> None:
    with product_connection() as conn:
        before = measure(conn, NOW, "UTC", STAGES, select_for_cycle(STAGES))
    read_lost()
    silent, told = [], 0
    for table, column in PLACES:
        tables.execute(f"CREATE TABLE kept (LIKE {table} INCLUDING ALL)")
        tables.execute(f"ALTER TABLE {table} " + how.format(column=column))
        with product_connection() as conn:
            after = measure(conn, NOW, "UTC", STAGES, select_for_cycle(STAGES))
        gone = {
            name for name in {**before.values, **before.rows} if name in after.unknown and after.unknown[name].code == "missing"
        }
        lost = read_lost()
        if gone and (table, column) not in {(each.table, each.column) for each in lost}:
            silent.append((table, column, sorted(gone)))
        told += bool(lost)
        tables.execute(f"DROP TABLE {table} CASCADE; ALTER TABLE kept RENAME TO {table}")
        assert read_lost() == [], (table, column)
    assert silent == []
    assert told > len(PLACES) / 2


def test_each_table_that_goes_is_one_loss(tables: Any) -> None:
    read_lost()
    for table in sorted({table for table, _column in PLACES}):
        tables.execute(f"ALTER TABLE {table} RENAME TO renamed")
        assert [(each.table, each.column) for each in read_lost()] == [(table, "")]
        tables.execute(f"ALTER TABLE renamed RENAME TO {table}")
        assert read_lost() == []


@pytest.mark.parametrize(("column", "to"), [("created_at", "text"), ("attempts", "text"), ("status", "boolean")])
def test_a_column_of_another_type_is_lost(tables: Any, column: str, to: str) -> None:
    read_lost()
    tables.execute(f"ALTER TABLE transcription_queue DROP COLUMN {column} CASCADE, ADD COLUMN {column} {to}")
    found = [(each.table, each.column) for each in read_lost()]
    assert ("transcription_queue", column) in found


def test_a_lost_queue_is_an_alert_until_it_is_back(tables: Any) -> None:
    cycle(NOW)
    tables.execute("ALTER TABLE transcription_queue RENAME COLUMN status TO state")
    cycle(NOW + MINUTE)
    (alert,) = list_alerts()
    assert (alert["state"], alert["level"]) == ("firing", "warning")
    assert alert["labels"] == {"table": "transcription_queue", "column": "status"}
    assert "column transcription_queue.status is missing; unknown: transcriptions" in alert["message"]
    (drift,) = [each for each in list_alerts("schema_drift") if each["state"] == "firing"]
    assert drift["suppressed_by"] == "figures_lost"
    tables.execute("ALTER TABLE transcription_queue RENAME COLUMN state TO status")
    cycle(NOW + 2 * MINUTE)
    assert [(each["state"], each["end_reason"]) for each in list_alerts()] == [("resolved", "recovered")]


def test_health_is_degraded_and_names_what_is_lost(tables: Any) -> None:
    cycle(NOW)
    assert build_health(get_settings(), NOW, OWN)["status"] == "healthy"
    tables.execute("DROP TABLE cron_heartbeats")
    cycle(NOW + MINUTE)
    found = build_health(get_settings(), NOW + MINUTE, OWN)
    assert found["status"] == "degraded"
    assert found["lost_figures"] == [
        {
            "table": "cron_heartbeats",
            "column": None,
            "message": "table cron_heartbeats is missing",
            "since": NOW + MINUTE,
            "affects": ["heartbeats"],
        }
    ]
    reduced = build_reduced_health(get_settings(), NOW + MINUTE)
    assert reduced["status"] == "degraded"
    assert "lost_figures" not in reduced


def test_what_is_lost_while_no_monitor_runs_is_told(tables: Any) -> None:
    cycle(NOW)
    tables.execute("ALTER TABLE calls RENAME COLUMN created_at TO made_at")
    cycle(NOW + timedelta(days=7))
    assert [alert["labels"] for alert in list_alerts()] == [{"table": "calls", "column": "created_at"}]


def test_a_stage_that_the_file_names_no_more_is_no_loss(tables: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = json.loads(Path("shared/callwatch/pipeline/stages/call_product.json").read_text())
    cycle(NOW)
    tables.execute("ALTER TABLE pending_recordings RENAME COLUMN attempts TO tries")
    cycle(NOW + MINUTE)
    assert [alert["state"] for alert in list_alerts()] == ["firing"]
    given["stages"] = [stage for stage in given["stages"] if stage["name"] != "recordings"]
    (tmp_path / "stages.json").write_text(json.dumps(given))
    monkeypatch.setenv("STAGES_FILE", str(tmp_path / "stages.json"))
    reset_settings()
    cycle(NOW + 2 * MINUTE)
    assert [(alert["state"], alert["end_reason"]) for alert in list_alerts()] == [("resolved", "no_longer_watched")]
    assert build_health(get_settings(), NOW + 2 * MINUTE, OWN)["lost_figures"] == []


def test_a_table_that_is_locked_for_a_while_is_no_loss(tables: Any, database: str) -> None:
    read_lost()
    with contextlib.closing(psycopg2.connect(database)) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE cron_heartbeats IN ACCESS EXCLUSIVE MODE")
        assert read_lost(NOW + MINUTE) == []
        assert read_lost(NOW + PATIENCE) == []
        (lost,) = read_lost(NOW + MINUTE + PATIENCE)
    assert (lost.table, lost.column, lost.since) == ("cron_heartbeats", "", NOW + MINUTE)
    assert read_lost(NOW + 2 * MINUTE + PATIENCE) == []


def test_two_monitors_at_once_keep_the_same_readings(database: str) -> None:
    names = [f"stage.{number}" for number in range(200)]
    failed: list[FailedReading] = [
        {"name": name, "is_certain": True, "faults": [{"table": "t", "column": "", "message": "table t is missing"}]}
        for name in names
    ]
    failures: list[Exception] = []

    def work(given: list[str], lost: list[FailedReading]) -> None:
        try:
            for minute in range(20):
                with connection() as conn:
                    keep_readings(conn, NOW + minute * MINUTE, [] if minute % 2 else given, lost if minute % 2 else [])
                    conn.commit()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=each) for each in ((names, failed), (names[::-1], failed[::-1]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with connection() as conn:
        assert fetch_one(conn, "SELECT count(*) AS kept FROM callwatch.known_readings") == {"kept": 200}


def list_unknown() -> set[str]:
    with connection() as conn:
        return {row["rule_id"] for row in fetch_all(conn, "SELECT rule_id FROM callwatch.rule_states WHERE state = 'unknown'")}


def test_what_cannot_be_kept_costs_no_figure_of_the_product(tables: Any) -> None:
    cycle(NOW)
    before = list_unknown()
    with connection() as conn:
        execute(conn, "ALTER TABLE callwatch.known_readings RENAME TO hidden")
        conn.commit()
    report = cycle(NOW + MINUTE)
    assert report["steps"]["measure"]["error"] == "UndefinedTable"
    assert list_unknown() <= before | {"figures_lost"}


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    yield
    reset_settings()
