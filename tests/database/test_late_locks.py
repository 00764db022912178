"""Digests lock groups after they wrote their rows: batches write at once, and what changes meanwhile costs no count."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.db import connection, execute, fetch_all, fetch_one
from callwatch.db.core.copy import insert_new
from callwatch.db.error_queries.group_merges import merge_groups
from callwatch.digest import store
from callwatch.digest.groups.assign import lock_expected
from callwatch.events.event import build_error_message, finish_event

NOW = datetime.now(UTC)
_STRAYS = """
    SELECT count(*) AS n FROM callwatch.error_logs AS log WHERE NOT EXISTS (
        SELECT FROM callwatch.error_groups AS known LEFT JOIN callwatch.error_group_merges AS merged ON merged.group_id = known.id
        WHERE log.group_id IN (known.id, merged.merged_id))
"""


def message(kind: str) -> str:
    return build_error_message(finish_event({"message": f"{kind} failed", "type": kind}, NOW), 1, NOW)


def find_group(kind: str) -> int:
    with connection() as conn:
        row = fetch_one(conn, "SELECT id FROM callwatch.error_groups WHERE type = %s", (kind,))
    assert row
    return int(row["id"])


def run(*statements: str, **given: Any) -> None:
    with connection() as conn:
        for statement in statements:
            execute(conn, statement, given)
        conn.commit()


def merge_known_into_other() -> None:
    with connection() as conn:
        merge_groups(conn, find_group("Known"), find_group("Other"))
        conn.commit()


def delete_known() -> None:
    run(
        "DELETE FROM callwatch.error_logs WHERE group_id = %(id)s",
        "DELETE FROM callwatch.error_fingerprints WHERE group_id = %(id)s",
        "DELETE FROM callwatch.error_counts_by_group WHERE group_id = %(id)s",
        "DELETE FROM callwatch.error_groups WHERE id = %(id)s",
        id=find_group("Known"),
    )


def move_fingerprint_to_other() -> None:
    run(
        "UPDATE callwatch.error_fingerprints SET group_id = %(other)s WHERE group_id = %(id)s",
        id=find_group("Known"),
        other=find_group("Other"),
    )


def create_new() -> None:
    store.digest([message("New")], NOW)


def create_and_merge_new() -> None:
    create_new()
    with connection() as conn:
        merge_groups(conn, find_group("New"), find_group("Other"))
        conn.commit()


# By what happens between the rows and the locks of a batch of three: occurrences by type afterwards.
CHANGES: dict[Callable[[], None], dict[str, int]] = {
    merge_known_into_other: {"Other": 4, "New": 1},
    delete_known: {"Known": 2, "Other": 1, "New": 1},
    move_fingerprint_to_other: {"Known": 1, "Other": 3, "New": 1},
    create_new: {"Known": 3, "Other": 1, "New": 2},
    create_and_merge_new: {"Known": 3, "Other": 3},
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_groups_that_change_meanwhile_cost_no_count(
    database: str, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]
) -> None:
    store.digest([message("Known"), message("Other")], NOW)

    def change_first(*given: Any) -> Any:
        monkeypatch.setattr(store, "lock_expected", lock_expected)
        change()
        return lock_expected(*given)

    monkeypatch.setattr(store, "lock_expected", change_first)
    assert store.digest([message("Known"), message("Known"), message("New")], NOW).errors == 3
    expected = CHANGES[change]
    with connection() as conn:
        groups = fetch_all(conn, "SELECT type, count FROM callwatch.error_groups", ())
        by_hour = "SELECT type, sum(hours.count) AS count FROM callwatch.error_counts_by_group hours"
        hours = fetch_all(conn, f"{by_hour} JOIN callwatch.error_groups ON id = group_id GROUP BY type", ())
        strays = fetch_one(conn, _STRAYS, ())
    assert {row["type"]: row["count"] for row in groups} == expected
    assert {row["type"]: row["count"] for row in hours} == expected
    assert strays == {"n": 0}


def test_batches_that_share_a_group_write_their_rows_at_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.digest([message("Known")], NOW)
    written = threading.Event()

    def tell(*given: Any) -> Any:
        found = insert_new(*given)
        written.set()
        return found

    monkeypatch.setattr(store, "insert_new", tell)
    with ThreadPoolExecutor(1) as pool, connection() as other:
        execute(other, "SELECT FROM callwatch.error_groups WHERE type = 'Known' FOR UPDATE", ())
        done = pool.submit(store.digest, [message("Known")], NOW)
        assert written.wait(30)
        assert not done.done()
        other.commit()
        assert done.result(30).errors == 1
    with connection() as conn:
        assert fetch_one(conn, "SELECT count FROM callwatch.error_groups", ()) == {"count": 2}
