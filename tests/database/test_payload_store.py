"""Payloads outside of PostgreSQL: read alone, unknown with a code where they cannot be, erased in their objects."""

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch import file_store
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection
from callwatch.db.core.connect import open_connection
from callwatch.db.error_queries.group_deletions import continue_deletions
from callwatch.digest.store import PAYLOADS_PER_HOUR, digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import FilesUnavailable
from callwatch.payloads.erase import erase_payloads
from callwatch.reports.groups.error_groups import load_group_detail, load_occurrence
from callwatch.reports.groups.group_actions import delete
from callwatch.reports.groups.occurrence_erasure import delete_occurrence
from callwatch.settings import get_settings, reset_settings
from tests.support.payload_store import list_archived, list_objects, list_stored, query, read_lines
from tools.export import write
from tools.query import COLUMNS, answer, open_table

NOW = datetime.now(UTC)


def message(text: str = "boom", project: int = 1, **fields: Any) -> str:
    given = {"type": "KeyError", "release": "1", "endpoint": "GET /", "tags": {"a": "b"}, "context": {"plan": "gold"}, **fields}
    return build_error_message(finish_event({"message": text, **given}, NOW), project, NOW)


def show(name: str = "1") -> tuple[dict[str, Any], dict[str, str]]:
    """Return a group, and the codes of what is unread of it."""
    unread: dict[str, Any] = {}
    with connection() as conn:
        found: Any = load_group_detail(conn, name, NOW, 90, unread)
    return found, {path: reason.code for path, reason in unread.items()}


def test_occurrence_is_shown_as_from_the_database(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "é" * 300 + '\n\t\\u0000 "quoted" \u2028'
    for environment, place in (("a", "s3"), ("b", "postgres")):
        monkeypatch.setenv("PAYLOAD_STORE", place)
        reset_settings()
        events: list[dict[str, Any]] = [{"user_hash": "u" * 32, "service": "web", "stack": "a\nb"}, {"severity": "critical"}]
        digest([message(long, environment=environment, occurred_at=NOW, **event) for event in events], NOW)
    outside, inside = show("1"), show("2")
    assert outside[1] == inside[1] == {}
    shown = [[{**each, "event_id": ""} for each in found["occurrences"]] for found, _codes in (outside, inside)]
    for found in shown:
        found.sort(key=lambda each: each["severity"])
    assert shown[0] == shown[1]
    assert shown[0][0]["context"] == {"plan": "gold"}
    kept = query("SELECT payload, type, release, message FROM callwatch.error_logs WHERE environment = 'a' ORDER BY severity")
    assert [(row["payload"], row["type"], row["release"]) for row in kept] == [(None, None, None)] * 2
    assert [row["message"] for row in kept] == [shown[0][0]["message"], "…"], "a critical error is listed by its message"
    with connection() as conn:
        one = load_occurrence(conn, "1", outside[0]["occurrences"][0]["event_id"], NOW, 90, {})
    assert one["message"] == outside[0]["occurrences"][0]["message"]


def test_objects_are_apart_by_day_and_project(folder: Path) -> None:
    digest([message(project=project, occurred_at=NOW - timedelta(days=days)) for project in (1, 2) for days in (0, 1)], NOW)
    names = [path.relative_to(folder).as_posix().partition("-")[2] for path in list_objects(folder)]
    days = [f"{NOW - timedelta(days=days):%Y-%m-%d}" for days in (1, 0)]
    expected = [f"day={day}/{project}-" for day in days for project in (1, 2)]
    found = [path.relative_to(folder).as_posix() for path in list_objects(folder)]
    assert [name[: len(wanted)] for name, wanted in zip(found, expected, strict=True)] == expected, names
    assert all(path.stat().st_mode & 0o077 == 0 for path in list_objects(folder))


def test_nothing_is_sampled_out(folder: Path) -> None:
    digest([message() for _ in range(PAYLOADS_PER_HOUR + 20)], NOW)
    assert len(list_archived(folder)) == PAYLOADS_PER_HOUR + 20
    assert not any(each["is_sampled"] for each in show()[0]["occurrences"])


def break_object(folder: Path) -> None:
    path = list_objects(folder)[0]
    path.write_bytes(path.read_bytes()[:-5])


def lose_object(folder: Path) -> None:
    list_objects(folder)[0].unlink()


def lose_store(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.write_bytes(b"")


@pytest.mark.parametrize(
    ("fault", "code"), [(break_object, "unavailable"), (lose_object, "missing"), (lose_store, "unavailable")]
)
def test_unreadable_payload_is_unknown_with_a_code(folder: Path, fault: Any, code: str) -> None:
    digest([message("call of the first customer")], NOW)
    fault(folder)
    found, codes = show()
    (occurrence,) = found["occurrences"]
    nulls = {f"occurrences.0.{name}" for name, value in occurrence.items() if value is None}
    assert codes == dict.fromkeys({*nulls, "occurrences.0.message"}, code)
    assert {"occurrences.0.frames", "occurrences.0.context", "occurrences.0.type", "occurrences.0.tags"} <= nulls
    assert (occurrence["is_sampled"], occurrence["message"]) == (False, "…")


def test_forgotten_store_is_not_configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest([message()], NOW)
    monkeypatch.delenv("PAYLOADS_URL")
    monkeypatch.delenv("PAYLOAD_STORE")
    reset_settings()
    assert set(show()[1].values()) == {"not_configured"}


def test_store_without_address_keeps_payloads_in_the_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYLOAD_STORE", "s3")
    reset_settings()
    assert [problem.variable for problem in get_settings().problems] == ["PAYLOADS_URL"]
    digest([message()], NOW)
    assert show()[0]["occurrences"][0]["context"] == {"plan": "gold"}


def test_list_of_critical_errors_says_where_contexts_are(folder: Path) -> None:
    digest([message("down", severity="critical")], NOW)
    with connection() as conn:
        metrics = read_error_metrics(conn, NOW)
    assert metrics["recent_critical"] is not None
    assert [(row["message"], row["context"]) for row in metrics["recent_critical"]] == [("down", None)]
    assert metrics["unknown"]["recent_critical.0.context"].code == "unavailable"


def erase(name: str, event_id: str) -> None:
    with connection() as conn:
        delete_occurrence(conn, name, event_id, "ana", "asked", NOW, 90)
        conn.commit()


def test_erased_occurrence_leaves_its_object(url: str, folder: Path) -> None:
    ids = [f"{number:032x}" for number in range(1, 4)]
    bodies = [message(f"secret of {number}", event_id=event_id) for number, event_id in enumerate(ids)]
    digest(bodies, NOW)
    (row,) = query("SELECT name FROM callwatch.payload_objects")
    before = file_store.read_file(url, row["name"])
    erase("1", ids[1])
    after = file_store.read_file(url, row["name"])
    assert len(after) == len(before)
    left = folder.with_name("copy")
    left.write_bytes(after)
    lines = read_lines(left)
    assert [line.get("event_id") for line in lines] == [ids[0], None, ids[2]]
    assert "secret of 1" not in json.dumps(lines)
    assert sorted(each["message"] for each in show()[0]["occurrences"]) == ["secret of 0", "secret of 2"]
    digest(bodies, NOW)
    assert query("SELECT count(*)::int AS n FROM callwatch.payload_objects") == [{"n": 1}], "a delivery brings nothing back"


def test_occurrence_stays_while_its_object_cannot_be_changed(folder: Path) -> None:
    digest([message(event_id="a" * 32)], NOW)
    lose_store(folder)
    with pytest.raises(FilesUnavailable):
        erase("1", "a" * 32)
    assert query("SELECT count(*)::int AS n FROM callwatch.error_logs WHERE deleted_at IS NULL") == [{"n": 1}]
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    erase("1", "a" * 32)
    assert list_archived(folder) == []


def test_deleted_group_leaves_its_objects_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.db.error_queries.group_deletions.OBJECTS_AT_ONCE", 2)
    for _batch in range(5):
        digest([message("first"), message("second", type="ValueError")], NOW)
    with connection() as conn:
        delete(conn, "1", "ana", "asked")
        conn.commit()
    assert len(list_stored()) == 10, "the request has no access to the store"
    left = []
    while query("SELECT FROM callwatch.error_deletions WHERE finished_at IS NULL"):
        with connection() as conn:
            continue_deletions(conn, lambda conn, places: erase_payloads(conn, str(folder), places))
            conn.commit()
        left.append((len(list_stored()), len(list_archived(folder))))
        assert len(left) < 10
    assert left == [(8, 8), (6, 6), (5, 5), (5, 5)]
    assert {line["message"] for path in list_objects(folder) for line in read_lines(path) if line} == {"second"}


def test_export_and_archive_hold_the_same(folder: Path, database: str) -> None:
    digest([message(f"text {number} " + "long " * 30, project=number % 3) for number in range(40)], NOW)
    lost = list_objects(folder)[0]
    output = io.StringIO()
    with contextlib.closing(open_connection(database)) as conn:
        assert write(conn, {}, output, str(folder)) == 40
    exported = folder.with_name("all.jsonl")
    exported.write_text(output.getvalue())
    names = [name for name in COLUMNS if not name.endswith("_at")]
    found = []
    for source in (exported, folder):
        with open_table(source) as table:
            found.append(list(answer(table, f"SELECT {', '.join(names)}, day FROM errors ORDER BY event_id")[1]))
    assert len(found[0]) == 40
    assert found[0] == found[1]
    lost.unlink()
    output = io.StringIO()
    with contextlib.closing(open_connection(database)) as conn:
        write(conn, {}, output, str(folder))
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert {line["unknown"]["event"]["code"] for line in lines if line["event"] is None} == {"missing"}
    assert sum(line["event"] is None for line in lines) == sum(line["project_id"] == 0 for line in lines) > 0
