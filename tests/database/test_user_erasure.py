"""Erasure of what is stored of a user: exact in both stores, in bounded parts, through crashes and outages."""

import json
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from callwatch import file_store
from callwatch.db import connection, ensure_partitions
from callwatch.db.core.migrate import FOLDER
from callwatch.db.core.query import execute
from callwatch.db.ingest_queries.user_feedback import insert_feedback
from callwatch.db.report_queries import user_occurrences
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import FilesUnavailable, Invalid, NotFound
from callwatch.models.shapes.error_groups import UserErasure
from callwatch.models.telemetry import Feedback
from callwatch.payloads import erase_users
from callwatch.payloads.erase_users import continue_erasures
from callwatch.reports.groups.error_groups import load_group_detail
from callwatch.reports.groups.group_actions import act
from callwatch.reports.groups.user_erasure import erase_user
from callwatch.settings import get_settings, reset_settings
from local.system import ROOT
from tests.support.api_shapes import check_shape
from tests.support.payload_store import list_archived, query

NOW = datetime.now(UTC)
ANN, BOB = "a" * 32, "b" * 32
# Only the lines in the objects tell it from ANN.
NEAR_ANN = "a" * 12 + "c" * 20
# A monitor that kills itself between the objects and the rows.
SCRIPT = """
import os, signal
from callwatch.db import connection, ensure_partitions
from callwatch.db.core.migrate import FOLDER
from callwatch.db.core.query import execute
from callwatch.payloads import erase_users
from callwatch.settings import get_settings
erase_users.erase_rows = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
with connection() as conn:
    erase_users.continue_erasures(conn, get_settings().payloads_url)
"""


@pytest.fixture(params=["postgres", "s3"])
def store(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return each place of payloads, in use."""
    monkeypatch.setenv("PAYLOAD_STORE", request.param)
    reset_settings()
    return str(request.param)


def message(event_id: str, user: str | None = ANN, **fields: Any) -> str:
    # A group keeps its link to a user while it has rows that may be the user's.
    given = {"type": "NearError" if user == NEAR_ANN else "KeyError", **fields}
    given |= {"message": f"secret of {event_id}", "event_id": event_id, "user_hash": user}
    return build_error_message(finish_event(given, NOW), 1, NOW)


def make_id(number: int) -> str:
    return f"{number:032x}"


def ask(user: str | None = ANN) -> Any:
    with connection() as conn:
        answer = erase_user(conn, user, "ana", "asked by the person")
        conn.commit()
    return answer


def go_on(times: int = 1) -> int:
    finished = 0
    for _ in range(times):
        with connection() as conn:
            finished += continue_erasures(conn, get_settings().payloads_url)
            conn.commit()
    return finished


def finish() -> int:
    """Go on until nothing is open; returns the number of parts."""
    parts = 0
    while query("SELECT FROM callwatch.user_erasures WHERE finished_at IS NULL"):
        go_on()
        parts += 1
        assert parts < 200, "the erasure does not end"
    return parts


def unpack(raw: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read()


def list_left() -> list[str]:
    rows = query("SELECT replace(event_id::text, '-', '') AS id FROM callwatch.error_logs WHERE deleted_at IS NULL ORDER BY 1")
    return [row["id"] for row in rows]


def test_user_is_erased_and_others_stay(store: str, folder: Path) -> None:
    bodies = [message(make_id(n), user) for n, user in enumerate((ANN, BOB, None, ANN, NEAR_ANN))]
    bodies.append(message(make_id(9), severity="critical", occurred_at=NOW - timedelta(days=2)))
    digest(bodies, NOW)
    said = [
        Feedback(f"{n:032x}", "production", event, NOW, "help", user)
        for n, event, user in ((1, make_id(0), None), (2, None, ANN))
    ]
    with connection() as conn:
        insert_feedback(conn, [(1, one) for one in said])
        conn.commit()
    before = query("SELECT count, users FROM callwatch.error_groups ORDER BY id")
    answer = ask()
    assert (answer["found"], answer["erased"], answer["finished_at"]) == (3 + (store == "s3"), 0, None)
    check_shape(UserErasure, answer)
    finish()
    kept = [make_id(n) for n in (1, 2, 4)]
    assert list_left() == kept
    if store == "s3":
        assert list_archived(folder) == kept
    rows = query(
        "SELECT message, payload, user_hash, type, payload_object FROM callwatch.error_logs WHERE deleted_at IS NOT NULL"
    )
    assert rows == [{"message": "", "payload": None, "user_hash": None, "type": None, "payload_object": None}] * 3
    assert query("SELECT FROM callwatch.user_feedback") == []
    assert query("SELECT count, users FROM callwatch.error_groups ORDER BY id") == before
    assert query("SELECT user_hash FROM callwatch.error_group_users ORDER BY 1") == [{"user_hash": NEAR_ANN}, {"user_hash": BOB}]
    digest(bodies, NOW)
    assert list_left() == kept, "a second delivery brings nothing back"


def test_user_leaves_the_objects_of_each_kind_of_store(url: str) -> None:
    digest([message(make_id(n), user) for n, user in enumerate((ANN, BOB, ANN))], NOW)
    (row,) = query("SELECT name FROM callwatch.payload_objects")
    assert b"secret of" in unpack(file_store.read_file(url, row["name"]))
    assert ask()["found"] == 2
    finish()
    assert list_left() == [make_id(1)]
    lines = [json.loads(line) for line in unpack(file_store.read_file(url, row["name"])).splitlines()]
    assert [line.get("event_id") for line in lines] == [None, make_id(1), None]
    assert ANN not in json.dumps(lines)


def test_history_says_who_why_and_how_many(store: str) -> None:
    digest([message(make_id(n)) for n in range(3)], NOW)
    digest([message(make_id(n), type="ValueError") for n in range(3, 5)], NOW)
    with connection() as conn:
        act(conn, "2", "merge", {"into": 1, "reason": "same"}, "ana", NOW)
        conn.commit()
    ask()
    finish()
    with connection() as conn:
        found: Any = load_group_detail(conn, "1", NOW, 90, {})
    entry = found["history"][0]
    assert (entry["actor"], entry["action"], entry["reason"]) == ("ana", "erase_user", "asked by the person")
    assert entry["details"] == "5 occurrences of a user"
    assert found["occurrences"] == []
    answer = ask()
    assert (answer["actor"], answer["reason"], answer["found"], answer["erased"]) == ("ana", "asked by the person", 5, 5)
    assert answer["finished_at"] is not None


@pytest.mark.parametrize("seed", range(6))
def test_parts_are_bounded_and_exact(seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    rows, objects, days = draw.randint(1, 7), draw.randint(1, 3), draw.randint(1, 3)
    for name, most in (("ROWS_AT_ONCE", rows), ("OBJECTS_AT_ONCE", objects), ("_DAYS_AT_ONCE", days)):
        monkeypatch.setattr(erase_users, name, most)
    monkeypatch.setattr(user_occurrences, "LINKS_AT_ONCE", 1)
    kept: list[str] = []
    gone: list[str] = []
    number = 0
    for _batch in range(8):
        monkeypatch.setenv("PAYLOAD_STORE", draw.choice(["postgres", "s3"]))
        reset_settings()
        bodies = []
        for _event in range(draw.randint(1, 9)):
            number += 1
            user = draw.choice([ANN, ANN, NEAR_ANN, BOB, None])
            (gone if user == ANN else kept).append(make_id(number))
            when = NOW - timedelta(days=draw.randint(0, 4))
            kind = {} if user == NEAR_ANN else {"type": draw.choice(["A", "B", "C"])}
            bodies.append(message(make_id(number), user, occurred_at=when, **kind))
        digest(bodies, NOW)
    archived = list_archived(folder)
    ask()
    erased = 0
    while not go_on():
        (row,) = query("SELECT erased::int AS n FROM callwatch.user_erasures")
        assert 0 <= row["n"] - erased <= rows
        erased = row["n"]
    assert erased == len(gone)
    assert list_left() == kept
    assert list_archived(folder) == sorted(set(archived) & set(kept))
    assert query("SELECT FROM callwatch.error_group_users WHERE user_hash = %s", ANN) == []


def test_kill_after_the_objects_loses_nothing(store: str, folder: Path) -> None:
    digest([message(make_id(n), user) for n, user in enumerate((ANN, NEAR_ANN, ANN))], NOW)
    ask()
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert list_left() == [make_id(n) for n in range(3)]
    if store == "s3":
        assert list_archived(folder) == [make_id(1)]
    finish()
    assert list_left() == [make_id(1)]
    assert ask()["erased"] == 2


def test_rows_stay_while_the_store_is_down(folder: Path) -> None:
    digest([message(make_id(n)) for n in range(2)], NOW)
    ask()
    folder.rename(folder.with_name("elsewhere"))
    folder.write_bytes(b"")
    with pytest.raises(FilesUnavailable):
        go_on()
    assert len(list_left()) == 2
    assert ask()["erased"] == 0
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    finish()
    assert (list_left(), list_archived(folder)) == ([], [])


def test_payload_past_the_buckets_rule_is_no_obstacle(folder: Path) -> None:
    digest([message(make_id(1))], NOW)
    for path in folder.glob("day=*/*"):
        path.unlink()
    ask()
    finish()
    assert list_left() == []


def test_requests_at_once_are_one_erasure(store: str) -> None:
    digest([message(make_id(n)) for n in range(3)], NOW)
    with ThreadPoolExecutor(4) as callers:
        answers = list(callers.map(lambda _n: ask(), range(8)))
    assert {answer["id"] for answer in answers} == {"1"}
    finish()
    done = ask()
    assert (done["id"], done["erased"]) == ("1", 3)
    assert ask() == done


def test_monitors_at_once_erase_each_row_once(store: str) -> None:
    digest([message(make_id(n)) for n in range(20)], NOW)
    ask()
    with ThreadPoolExecutor(4) as monitors:
        finished = sum(monitors.map(lambda _n: go_on(3), range(4)))
    finish()
    assert finished <= 1
    assert ask()["erased"] == 20


def test_later_errors_stay_and_stay_linked(store: str) -> None:
    digest([message(make_id(1)), message(make_id(2), type="ValueError")], NOW)
    ask()
    later = datetime.now(UTC) + timedelta(seconds=5)
    event = finish_event({"message": "secret of 3", "type": "KeyError", "event_id": make_id(3), "user_hash": ANN}, later)
    digest([build_error_message(event, 1, later)], later)
    finish()
    assert list_left() == [make_id(3)]
    of_the_later = query("SELECT group_id FROM callwatch.error_logs WHERE deleted_at IS NULL")
    assert query("SELECT group_id FROM callwatch.error_group_users") == of_the_later
    second = ask()
    assert (second["id"], second["found"]) == ("2", 1)


def test_unknown_user_is_404_and_no_hash_is_invalid(store: str) -> None:
    digest([message(make_id(1))], NOW)
    with pytest.raises(NotFound):
        ask(BOB)
    for bad in (None, "", "ann", "a" * 31, "g" * 32):
        with pytest.raises(Invalid):
            ask(bad)
    assert query("SELECT FROM callwatch.user_erasures") == []


def test_slow_count_is_unknown_and_erases_all_the_same(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest([message(make_id(n), occurred_at=NOW - timedelta(days=n)) for n in range(3)], NOW)
    monkeypatch.setattr(user_occurrences, "_COUNT_MS", 20)
    monkeypatch.setattr(user_occurrences, "_COUNT", "SELECT current_date AS day, 1 AS n, pg_sleep(5) -- %(user_hash)s")
    answer = ask()
    assert (answer["found"], answer["unknown"]["found"].code) == (None, "timeout")
    finish()
    assert list_left() == []
    assert ask()["erased"] == 3


def test_rows_of_a_user_are_found_by_bloom_filters(store: str) -> None:
    digest([message(make_id(n), f"{n:032d}") for n in range(400)], NOW)
    with connection() as conn, user_occurrences._by_user(conn):
        with conn.cursor() as cursor:
            cursor.execute(f"EXPLAIN {user_occurrences._COUNT}", {"user_hash": ANN})
            plan = "\n".join(line for (line,) in cursor.fetchall())
        conn.rollback()
    assert "Bitmap Index Scan" in plan
    assert "Seq Scan" not in plan
    assert "Index Scan using" not in plan


def test_days_before_the_upgrade_are_read_as_a_whole(store: str) -> None:
    digest([message(make_id(1))], NOW)
    migration = (FOLDER / "0076_user_erasures.sql").read_text()
    with connection() as conn:
        execute(conn, "DROP INDEX callwatch.error_logs_user")
        execute(conn, migration[migration.index("CREATE INDEX error_logs_user") :])
        ensure_partitions(conn, NOW + timedelta(days=30))
        conn.commit()
    filtered = query("SELECT tablename AS name FROM pg_indexes WHERE indexdef LIKE %s ORDER BY 1", "%text_bloom_ops%")
    days = [row["name"][-8:] for row in filtered if row["name"] != "error_logs"]
    assert days
    assert min(days) > f"{NOW:%Y%m%d}", "the upgrade reads no row"
    assert max(days) >= f"{NOW + timedelta(days=30):%Y%m%d}", "a new day has its filters"
    assert ask()["found"] == 1
    finish()
    assert list_left() == []
