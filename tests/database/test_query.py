"""SQL over errors: of the database, of an export, of an archive's folder; and nothing but reading."""

import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from callwatch.db.core.connect import open_connection
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from local.system import ROOT
from tests.deploy.template import source
from tools.export import write
from tools.query import COLUMNS, QueryError, answer, open_table

NOW = datetime.now(UTC)
STATEMENTS = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "history.md").read_text(), re.DOTALL)


@pytest.fixture
def stored(database: str) -> str:
    """Store three errors; return the database's address."""
    events = [("boom 'x'", "eu"), ("boom é", "us"), ("other\nline", "eu")]
    bodies = [finish_event({"message": text, "type": text[:4], "tags": {"region": region}}, NOW) for text, region in events]
    digest([build_error_message(event, 1, NOW) for event in bodies], NOW)
    return database


@pytest.fixture
def exported(stored: str, tmp_path: Path) -> Path:
    """Export them to a file."""
    path = tmp_path / "it's.jsonl"
    output = io.StringIO()
    with contextlib.closing(open_connection(stored)) as conn:
        write(conn, {}, output)
    path.write_text(output.getvalue())
    return path


@pytest.fixture
def table(exported: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the table over the export."""
    with open_table(exported) as found:
        yield found


def ask(table: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[object, ...]]:
    return list(answer(table, statement)[1])


def test_table_holds_what_the_export_wrote(table: duckdb.DuckDBPyConnection, exported: Path) -> None:
    lines = [json.loads(line) for line in exported.read_text().splitlines()]
    names = list(COLUMNS)[:-1]
    found = ask(table, f"SELECT {', '.join(names)}, event, day FROM errors")
    assert sorted(row[:-2] for row in found) == sorted(tuple(line[name] for name in names) for line in lines)
    assert {row[-1] for row in found} == {f"{NOW:%Y-%m-%d}"}
    events = {str(row[0]): json.loads(str(row[-2])) for row in found}
    assert events == {line["event_id"]: line["event"] for line in lines}


@pytest.mark.parametrize("statement", STATEMENTS, ids=range(len(STATEMENTS)))
def test_documented_statements_run(table: duckdb.DuckDBPyConnection, statement: str) -> None:
    assert ask(table, statement)


def test_documented_statements_leave_out_erased_lines() -> None:
    assert len(STATEMENTS) > 3
    assert [statement for statement in STATEMENTS if "event_id IS NOT NULL AND day" not in statement] == []


def test_athena_has_the_columns_of_the_table() -> None:
    table = source()["Resources"]["ErrorTable"]["Properties"]["TableInput"]
    kinds = {"string": "VARCHAR", "int": "INTEGER"}
    assert {each["Name"]: kinds[each["Type"]] for each in table["StorageDescriptor"]["Columns"]} == COLUMNS
    assert table["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    places = [each["Fn::Sub"] for each in table["Parameters"]["storage.location.template"]["Fn::If"][1:]]
    assert places == [f"s3://${{{bucket}}}/errors-${{Stage}}/day=${{!day}}/" for bucket in ("ArchiveStore", "ArchiveBucket")]


def test_documented_columns_are_those_of_the_table() -> None:
    text = (ROOT / "docs" / "history.md").read_text().partition("## The table")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} - {"errors"} == {*COLUMNS, "day"}


@pytest.mark.parametrize(
    "statement",
    [
        "DROP VIEW errors", "SELECT 1; SELECT 2", "", "COPY errors TO 'out.csv'", "SET enable_external_access = true",
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "ATTACH '/tmp/a.db'", "SELECT no FROM errors",
        "SELECT * FROM read_text('/etc/hosts')", "INSTALL httpfs", "CREATE TABLE a AS SELECT 1",
    ],
)  # fmt: skip
def test_statement_only_reads_the_table(table: duckdb.DuckDBPyConnection, statement: str) -> None:
    with pytest.raises(QueryError):
        ask(table, statement)


def test_archive_folder_without_errors_is_an_empty_table(tmp_path: Path) -> None:
    with open_table(tmp_path) as table:
        assert ask(table, "SELECT count(*), count(day) FROM errors") == [(0, 0)]
    with pytest.raises(QueryError, match="does not exist"), open_table(tmp_path / "none"):
        pass


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}/shared:{ROOT}"}
    command = [sys.executable, "-m", "tools.query", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_command_answers_or_says_one_line(stored: str) -> None:
    by_region = "SELECT json_extract_scalar(event, '$.tags.region') AS region, count(*) AS n FROM errors GROUP BY 1 ORDER BY 1"
    done = run("--database-url", stored, by_region)
    assert (done.returncode, done.stdout, done.stderr) == (0, "region  n\n------  -\neu      2\nus      1\n", "")
    assert run("--database-url", stored, "--format", "csv", by_region).stdout.split() == ["region,n", "eu,2", "us,1"]
    done = run("--database-url", stored, "--format", "json", by_region)
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"region": "eu", "n": 2}, {"region": "us", "n": 1}]
    for arguments, code in (
        (("--database-url", stored, "SELECT a"), 2),
        (("--from", "/none", "SELECT 1"), 2),
        (("--database-url", "postgresql://nobody@127.0.0.1:1/none", "SELECT 1"), 1),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
