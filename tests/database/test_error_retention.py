"""Retention of errors, and their export."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.db import connection, drop_old_partitions, fetch_one
from callwatch.db.core.connect import open_connection
from callwatch.db.error_queries import error_retention
from callwatch.db.error_queries.error_retention import forget_old_counts, forget_old_groups
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from local.system import ROOT
from tools.export import write

NOW = datetime.now(UTC)
TABLES = (
    *("error_groups", "error_fingerprints", "error_group_history", "error_group_users", "error_group_tags", "error_group_words"),
    *("error_group_releases", "error_counts_by_group", "error_counts_hourly", "error_counts_by_endpoint"),
    *("error_counts_by_minute", "error_counts_by_group_minute", "error_counts_by_sqlstate", "error_logs"),
)


def message(text: str = "boom", now: datetime = NOW, project: int = 1, **fields: Any) -> str:
    given = {"release": "1", "tags": {"a": "b"}, "user_hash": "u", "endpoint": "GET /", **fields}
    return build_error_message(finish_event({"message": text, **given}, now), project, now)


def rows(table: str) -> int:
    with connection() as conn:
        found = fetch_one(conn, f"SELECT count(*) AS n FROM callwatch.{table}")
    assert found is not None
    return int(found["n"])


def forget(now: datetime, retention_days: int) -> int:
    with connection() as conn:
        drop_old_partitions(conn, now, retention_days)
        forget_old_counts(conn, now, retention_days)
        conn.commit()
        forgotten = forget_old_groups(conn, now, retention_days)
        conn.commit()
    return forgotten


def test_retention_drops_whole_old_days_and_nothing_else(database: str) -> None:
    old = NOW - timedelta(days=5)
    digest([message("old (SQLSTATE 22P02)", type="Old", occurred_at=old), message("fresh", type="Fresh")], NOW)
    assert forget(NOW, 30) == 0
    assert rows("error_groups") == 2
    assert forget(NOW, 3) == 1
    left = {table: rows(table) for table in TABLES}
    assert left == dict.fromkeys(TABLES, 1) | {"error_group_history": 0, "error_counts_by_sqlstate": 0}
    assert forget(NOW + timedelta(days=9), 3) == 1
    assert {table: rows(table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    digest([message("old", type="Old")], NOW)
    assert rows("error_groups") == 1


def test_large_group_is_dropped_over_several_cycles(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_retention, "ROWS_AT_ONCE", 4)
    old = NOW - timedelta(days=5)
    digest([message("old", occurred_at=old, user_hash=f"u{n}") for n in range(10)], NOW)
    assert [forget(NOW, 3) for _ in range(4)] == [0, 0, 1, 0]
    assert rows("error_group_users") == 0


def exported(dsn: str, **filters: Any) -> list[dict[str, Any]]:
    output = io.StringIO()
    asked: Any = filters
    conn = open_connection(dsn)
    try:
        assert write(conn, asked, output) == output.getvalue().count("\n")
    finally:
        conn.close()
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_export_holds_each_occurrence_as_it_is_stored(database: str) -> None:
    at = [NOW - timedelta(days=2, minutes=10 - n) for n in range(3)]
    digest([message(f"call of bob@example.com {n}", type="A", occurred_at=at[n]) for n in range(3)], NOW)
    digest([message('a "quoted" \\ line\nand\tmore', type="B", environment="staging", project=2)], NOW)
    everything = exported(database)
    assert len(everything) == 4
    everything[:3] = exported(database, group_id=int(everything[0]["group_id"]))
    assert [line["message"] for line in everything[:3]] == ["call of [email] 0", "call of [email] 1", "call of [email] 2"]
    assert everything[3]["message"] == everything[3]["event"]["message"] == 'a "quoted" \\ line\nand\tmore'
    assert everything[0]["occurred_at"] == at[0].isoformat().replace("+00:00", "Z")
    assert len(exported(database, since=at[1], until=at[2])) == 1
    assert len(exported(database, project=2)) == len(exported(database, environment="staging")) == 1
    assert exported(database, since=NOW + timedelta(days=2)) == []


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.export", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}/shared:{ROOT}"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_export_command_writes_a_file_or_one_error_line(database: str, tmp_path: Path) -> None:
    digest([message("same"), message("same")], NOW)
    target = tmp_path / "out.jsonl"
    done = run("--database-url", database, "--output", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "export: 2 written\n")
    assert len(target.read_text().splitlines()) == 2
    assert run("--database-url", database, "--group", "1").stdout.count("\n") == 2
    for arguments, code in (
        (("--database-url", database, "--group", "77"), 2),
        (("--database-url", database, "--output", str(tmp_path / "no" / "such")), 2),
        (("--database-url", "postgresql://nobody@127.0.0.1:1/none"), 1),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
    assert run(cwd=tmp_path).returncode == 2
    assert "--since" in run("--help").stdout
    assert run("--since", "yesterday").returncode == 2
