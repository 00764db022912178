"""`make stages` on a real database: the shop's file, the walk-through of docs/stages.md, and files that are not right."""

import copy
import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local.system import ROOT
from tests.database.test_another_product import TABLES
from tests.unit.test_stage_file import SHOP

RETURNS = """
    CREATE TABLE shop_returns (order_number text, state text, tries int, sent_back_on timestamp, checked_on timestamp,
                               refunded_on timestamp);
    INSERT INTO shop_returns
        SELECT n::text, 'refunded', 1, now() - n * interval '4 minutes', now() - n * interval '3 minutes',
               now() - n * interval '2 minutes' FROM generate_series(1, 20) n;
    INSERT INTO shop_returns VALUES ('21', 'received', 0, now() - interval '1 minute', NULL, NULL);
"""
WALK = (ROOT / "docs" / "stages.md").read_text().partition("## Adding a stage in 30 minutes")[2].partition("\n## ")[0]


@pytest.fixture
def shop(database: str) -> str:
    """Return the URL of a database with the shop's tables and its returns."""
    with psycopg2.connect(database) as conn, conn.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.execute(TABLES, {"now": datetime.now(UTC)})
        cursor.execute(RETURNS)
    conn.close()
    return database


def build_environ(url: str, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": "shared:.",
        "DATA_DIR": str(folder),
        **({"DATABASE_URL": url} if url else {}),
    }


def check(url: str, folder: Path, raw: Any) -> subprocess.CompletedProcess[str]:
    file = folder / "stages.json"
    file.write_text(raw if isinstance(raw, str) else json.dumps(raw))
    command = [sys.executable, "-m", "tools.stages", str(file)]
    return subprocess.run(
        command, cwd=ROOT, env=build_environ(url, folder), capture_output=True, text=True, check=False, timeout=60
    )


def read_shop() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SHOP.read_text())
    return found


def list_states(output: str) -> dict[str, set[str]]:
    """The states by what a line is about."""
    states: dict[str, set[str]] = {}
    for line in output.splitlines()[1:]:
        if len(words := line.split()) > 1:
            states.setdefault(words[0], set()).add(words[1])
    return states


def test_a_file_that_fits_is_known_and_plain(shop: str, tmp_path: Path) -> None:
    done = check(shop, tmp_path, read_shop())
    assert (done.returncode, done.stderr) == (0, "")
    states = list_states(done.stdout)
    assert states["parcels.stuck"] == states["parcels.item"] == states["items"] == {"known"}
    assert states["parcels.remedies.orphan"] == states["parcels.orphan"] == {"known"}
    assert "\033" not in done.stdout
    heading, *rows = done.stdout.split("\n\n")[0].splitlines()
    assert {heading.index("state"), *(row.index(row.split()[1]) for row in rows if row.split()[1] != row.split()[0])} == {
        heading.index("state")
    }


def test_a_figure_without_rows_is_empty_and_not_zero(shop: str, tmp_path: Path) -> None:
    with psycopg2.connect(shop) as conn, conn.cursor() as cursor:
        cursor.execute("DELETE FROM shop_parcels")
    conn.close()
    done = check(shop, tmp_path, read_shop())
    assert done.returncode == 0
    assert re.search(r"^parcels\.oldest_pending +empty +shop_parcels +nothing pending$", done.stdout, re.MULTILINE)


def test_each_missing_column_is_named_with_its_table(shop: str, tmp_path: Path) -> None:
    raw = read_shop()
    raw["stages"][0]["stuck"][1][0] = "packed_on"
    raw["stages"][0]["remedies"]["zombie"]["set"][1][0] = "attempts"
    raw["items"]["keys"] = ["code"]
    done = check(shop, tmp_path, raw)
    assert done.returncode == 1
    for what, table, column in [
        ("parcels.stuck", "shop_parcels", "packed_on"),
        ("parcels.remedies.zombie", "shop_parcels", "attempts"),
        ("items", "shop_orders", "code"),
    ]:
        line = rf"^{re.escape(what)} +unknown +{table} +{column} +column {table}\.{column} is missing$"
        assert re.search(line, done.stdout, re.MULTILINE), done.stdout
    assert {what for what, states in list_states(done.stdout).items() if "unknown" in states} >= {"parcels.stuck", "items"}


@pytest.mark.parametrize("part", ["tenants", "costs", "events", "indexes"])
def test_parts_that_no_figure_reads_are_checked_too(shop: str, tmp_path: Path, part: str) -> None:
    raw = read_shop()
    if part == "tenants":
        raw["tenants"] = {"table": "shop_sellers", "id": "number", "label": "name"}
    elif part == "costs":
        usage = {"service": "post", "from": "shop_postage", "item": "number", "at": "paid_on", "units": {"call": "letters"}}
        raw["costs"] = {"usage": [usage]}
    elif part == "events":
        raw["items"]["events"] = {"table": "shop_events", "item": "number", "type": "kind", "at": "at", "types": ["paid"]}
    else:
        raw["indexes"][0]["table"] = "shop_lost"
    done = check(shop, tmp_path, raw)
    assert done.returncode == 1
    assert "is missing" in done.stdout


def test_a_column_that_may_not_be_read_is_unknown(shop: str, tmp_path: Path) -> None:
    with psycopg2.connect(shop) as conn, conn.cursor() as cursor:
        cursor.execute("ALTER TABLE shop_parcels ALTER tries TYPE text")
    conn.close()
    done = check(shop, tmp_path, read_shop())
    assert done.returncode == 1
    assert "column shop_parcels.tries is text and must be a number" in done.stdout


@pytest.mark.parametrize("raw", ["{", "[]", '{"stages": []}', "[" * 100_000, '{"stages": [{"name": NaN}]}'])
def test_a_file_that_is_not_valid_is_one_line(shop: str, tmp_path: Path, raw: str) -> None:
    done = check(shop, tmp_path, raw)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("stages: STAGES_FILE")


def test_without_a_database_it_says_what_to_start(tmp_path: Path) -> None:
    done = check("", tmp_path, read_shop())
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "make run" in done.stderr
    done = check("postgresql://nobody@127.0.0.1:1/none", tmp_path, read_shop())
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_the_running_system_is_found_by_its_file(shop: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"database_url": shop}))
    assert check("", tmp_path, read_shop()).returncode == 0


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_shows_the_states_in_color(shop: str, tmp_path: Path, no_color: bool) -> None:
    ours, theirs = pty.openpty()
    environ = build_environ(shop, tmp_path) | ({"NO_COLOR": "1"} if no_color else {})
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.stages", str(SHOP)], cwd=ROOT, env=environ, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    output = b""
    try:
        while chunk := os.read(ours, 65_536):
            output += chunk
    except OSError:
        # Linux ends a terminal whose other side closed with an error.
        pass
    os.close(ours)
    assert process.wait(60) == 0
    assert (b"\033[32mknown" in output) is not no_color


def test_it_only_reads(shop: str, tmp_path: Path) -> None:
    with psycopg2.connect(shop) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        before = cursor.fetchone()
    conn.close()
    assert check(shop, tmp_path, read_shop()).returncode == 0
    with psycopg2.connect(shop) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT xmin::text::bigint FROM shop_parcels ORDER BY 1 DESC LIMIT 1")
        newest = cursor.fetchone()
    conn.close()
    assert before
    assert newest
    assert newest[0] < before[0]


def test_walk_through_of_the_documentation_holds(shop: str, tmp_path: Path) -> None:
    smallest, more = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", WALK, re.DOTALL))
    raw = read_shop()
    raw["stages"].append(copy.deepcopy(smallest))
    done = check(shop, tmp_path, raw)
    assert done.returncode == 0, done.stdout
    states = list_states(done.stdout)
    assert states["returns.pending"] == states["returns.completed"] == states["returns.duration"] == {"known"}
    assert states["returns.stuck"] == {"none"}, "what the file does not say is none, not 0"
    raw["stages"][1] |= more
    done = check(shop, tmp_path, raw)
    assert done.returncode == 0, done.stdout
    states = list_states(done.stdout)
    assert states["returns.stuck"] == states["returns.item"] == states["returns.remedies.stuck"] == {"known"}


def test_the_fault_of_the_documentation_looks_as_shown(shop: str, tmp_path: Path) -> None:
    smallest, more = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", WALK, re.DOTALL))
    more["stuck"][1][0] = "taken_on"
    raw = read_shop()
    raw["stages"].append(smallest | more)
    done = check(shop, tmp_path, raw)
    assert done.returncode == 1
    (shown,) = re.findall(r"```text\n(.*?)```", WALK, re.DOTALL)
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert {" ".join(line.split()) for line in shown.splitlines()} <= lines, done.stdout
