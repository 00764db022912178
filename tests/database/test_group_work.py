"""Work on error groups: merge, unmerge, assign, comment, bulk actions, deletions, and addresses of occurrences."""

import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.db import connection, execute, fetch_all
from callwatch.db.error_queries.error_export import count_occurrences, read_occurrences
from callwatch.db.error_queries.group_deletions import ROWS_AT_ONCE, continue_deletions, forget_deletions
from callwatch.db.error_queries.group_merges import merge_groups
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import Conflict, Invalid, NotFound, RequestRefused
from callwatch.models.shapes.error_groups import GroupResults, OccurrenceDetail
from callwatch.reports.groups.error_groups import list_groups_page, load_group_detail, load_occurrence
from callwatch.reports.groups.group_actions import act, act_on_many, delete
from callwatch.reports.groups.group_fields import read_deletion_reason
from callwatch.reports.groups.occurrence_erasure import delete_occurrence
from callwatch.reports.missing_values import explain_nulls
from tests.support.api_shapes import check_shape

NOW = datetime.now(UTC)
EARLIER = NOW - timedelta(hours=3)


def message(text: str, kind: str, project: int = 1, **fields: Any) -> str:
    return build_error_message(finish_event({"message": text, "type": kind, **fields}, NOW), project, NOW)


def do(name: str, action: str, actor: str = "ana", **given: Any) -> Any:
    with connection() as conn:
        found = act(conn, name, action, given, actor, NOW)
        conn.commit()
    return found


def detail(name: str) -> Any:
    with connection() as conn:
        return load_group_detail(conn, name, NOW, 90, {})


def listed(**filters: Any) -> list[Any]:
    given: Any = filters
    with connection() as conn:
        return list(list_groups_page(conn, given, 50, NOW)[0])


def rows(sql: str, *given: Any) -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, sql, given)


def make_two() -> None:
    """Groups 1 (three occurrences, users a and b) and 2 (two occurrences, users b and c, worse and earlier)."""
    first: dict[str, Any] = {"release": "1.0", "tags": {"zone": "a"}, "severity": "low"}
    second: dict[str, Any] = {"release": "0.9", "tags": {"zone": "b"}, "severity": "critical", "occurred_at": EARLIER}
    digest([message("first kind", "KeyError", user_hash=user, **first) for user in ("a", "b", "b")], NOW)
    digest([message("second sort", "LookupError", user_hash=user, **second) for user in ("b", "c")], NOW)


def test_merge_moves_everything_that_is_counted(database: str) -> None:
    make_two()
    fingerprint = detail("2")["fingerprint"]
    do("2", "comment", text="seen by the night shift")
    found = do("2", "merge", into="1", reason="one cause")
    assert (found["id"], found["count"], found["users"], found["severity"]) == ("1", 5, 3, "critical")
    assert (found["first_seen_at"], found["release"], found["first_release"]) == (EARLIER, "1.0", "0.9")
    assert sum(found["trend"]) == 5
    assert [(entry["action"], entry["actor"], entry["reason"]) for entry in found["history"]] == [
        ("merge", "ana", "one cause"), ("comment", "ana", "seen by the night shift"),
    ]  # fmt: skip
    assert "took group 2 with 2 occurrences: LookupError: second sort" in found["history"][0]["details"]
    whole = detail("1")
    assert len(whole["occurrences"]) == 5
    assert {(entry["release"], entry["count"]) for entry in whole["releases"]} == {("1.0", 3), ("0.9", 2)}
    assert set(whole["tags"]) == {"zone:a", "zone:b"}
    assert fingerprint in whole["fingerprints"]
    assert [item["id"] for item in listed()] == ["1"]
    assert [item["id"] for item in listed(q="sort")] == ["1"]
    assert detail("2")["id"] == detail(fingerprint)["id"] == "1"
    for table in ("error_counts_by_group", "error_counts_by_group_minute", "error_group_users", "error_group_words"):
        assert not rows(f"SELECT FROM callwatch.{table} WHERE group_id = 2"), table
    with connection() as conn:
        assert count_occurrences(conn, {"group_id": 1}) == 5
        assert {row["group_id"] for row in read_occurrences(conn, {"group_id": 1})} == {"1"}
        assert {row["group_id"] for row in read_occurrences(conn, {})} == {"1"}


def test_new_events_of_a_merged_group_land_in_the_target(database: str) -> None:
    make_two()
    do("2", "merge", into=1, reason="one cause")
    digest([message("second sort", "LookupError", user_hash="d")], NOW)
    whole = detail("1")
    assert (whole["count"], whole["users"], len(listed())) == (6, 4, 1)
    # A repeated request changes nothing.
    again = do("2", "merge", into="1", reason="one cause")
    assert (again["count"], len(again["history"])) == (6, 1)


def test_merges_follow_each_other(database: str) -> None:
    make_two()
    digest([message("third", "TypeError")], NOW)
    do("2", "merge", into="1", reason="same")
    do("1", "merge", into="3", reason="same")
    whole = detail("2")
    assert (whole["id"], whole["count"], len(whole["occurrences"])) == ("3", 6, 6)
    assert detail("1")["id"] == "3"


def test_a_merge_and_a_digest_at_once_lose_nothing(database: str) -> None:
    make_two()
    batches = [[message("second sort", "LookupError") for _ in range(5)] for _ in range(6)]
    failures: list[Exception] = []

    def store() -> None:
        try:
            for batch in batches:
                digest(batch, NOW)
        except Exception as error:
            failures.append(error)

    worker = threading.Thread(target=store)
    worker.start()
    do("2", "merge", into="1", reason="same")
    worker.join()
    assert failures == []
    assert [(item["id"], item["count"]) for item in listed()] == [("1", 35)]
    assert sum(row["count"] for row in rows("SELECT count FROM callwatch.error_counts_by_group WHERE group_id = 1")) == 35


def test_a_digest_that_waits_for_a_merge_finds_the_target(database: str) -> None:
    make_two()
    with connection() as conn:
        execute(conn, "SELECT FROM callwatch.error_groups WHERE id IN (1, 2) ORDER BY id FOR UPDATE")
        worker = threading.Thread(target=digest, args=([message("second sort", "LookupError")], NOW))
        worker.start()
        worker.join(0.3)
        assert worker.is_alive()
        merge_groups(conn, 2, 1)
        conn.commit()
    worker.join()
    assert [(item["id"], item["count"]) for item in listed()] == [("1", 6)]


def test_groups_that_do_not_belong_together_are_not_merged(database: str) -> None:
    make_two()
    digest([message("elsewhere", "KeyError", environment="staging")], NOW)
    for into in ("3", "1", "99", "no such fingerprint"):
        with pytest.raises(Invalid) as caught:
            do("1", "merge", into=into, reason="x")
        assert caught.value.field == "into"
    assert [item["count"] for item in listed()].count(3) == 1


def test_unmerge_gives_later_events_their_own_group(database: str) -> None:
    make_two()
    fingerprint = detail("2")["fingerprint"]
    do("2", "merge", into="1", reason="same")
    found = do("1", "unmerge", fingerprint=fingerprint, reason="two causes after all")
    assert (found["count"], found["history"][0]["action"]) == (5, "unmerge")
    assert "not distinguished" in found["history"][0]["details"]
    digest([message("second sort", "LookupError")], NOW)
    assert sorted((item["count"], item["fingerprint"] == fingerprint) for item in listed()) == [(1, True), (5, False)]
    with pytest.raises(Invalid):
        do("1", "unmerge", fingerprint=fingerprint, reason="again")
    with pytest.raises(Invalid):
        do("1", "unmerge", fingerprint=detail("1")["fingerprint"], reason="the only one")


def test_the_first_fingerprint_can_be_taken_out_too(database: str) -> None:
    make_two()
    first, second = detail("1")["fingerprint"], detail("2")["fingerprint"]
    do("2", "merge", into="1", reason="same")
    assert do("1", "unmerge", fingerprint=first, reason="other cause")["fingerprint"] == second
    digest([message("first kind", "KeyError")], NOW)
    assert detail(first)["id"] != detail(second)["id"] == "1"


def test_a_group_has_an_owner_and_comments(database: str) -> None:
    make_two()
    assert do("1", "assign", to="Ana Q")["assigned_to"] == "Ana Q"
    assert [item["assigned_to"] for item in listed()] == ["Ana Q", None]
    freed = do("1", "assign", actor="bo", to=None, reason="on leave")
    assert freed["assigned_to"] is None
    said = do("1", "comment", text=" customer called\n\tfrom 415-555-2671 ")
    assert [(e["action"], e["actor"], e["reason"], e["details"]) for e in said["history"]] == [
        ("comment", "ana", "customer called\n\tfrom [phone]", None),
        ("assign", "bo", "on leave", "to nobody"),
        ("assign", "ana", None, "to Ana Q"),
    ]


@pytest.mark.parametrize(
    ("action", "given", "field"),
    [
        ("merge", {"reason": "x"}, "into"), ("merge", {"into": "1"}, "reason"), ("merge", {"into": True, "reason": "x"}, "into"),
        ("unmerge", {"reason": "x"}, "fingerprint"), ("assign", {}, "to"), ("assign", {"to": " "}, "to"),
        ("assign", {"to": "x" * 101}, "to"), ("comment", {"text": ""}, "text"), ("comment", {"text": None}, "text"),
        ("comment", {"text": "a\x00"}, "text"), ("resolve", {"reason": "x", "into": []}, "into"),
        ("comment", {"text": "x", "reason": 1}, "reason"),
        ("comment", {"text": "a\x1b[2Jb"}, "text"), ("comment", {"text": "a\u202eb"}, "text"), ("assign", {"to": "a\nb"}, "to"),
        ("assign", {"to": "a\x07b"}, "to"), ("merge", {"into": "1", "reason": "a\x9bb"}, "reason"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(action: str, given: dict[str, Any], field: str, database: str) -> None:
    make_two()
    with pytest.raises(Invalid) as caught:
        do("2", action, **given)
    assert caught.value.field == field
    assert detail("2")["history"] == []


def do_many(**given: Any) -> Any:
    with connection() as conn:
        found = act_on_many(conn, given, "ana", NOW)
        conn.commit()
    check_shape(GroupResults, found)
    return found


def test_many_groups_are_changed_each_by_itself(database: str) -> None:
    make_two()
    digest([message("third", "TypeError")], NOW)
    found = do_many(ids=["1", "77", "2", "1"], action="ignore", reason="known")
    assert [(result["id"], result["status"]) for result in found["results"]] == [("1", "done"), ("77", "failed"), ("2", "done")]
    assert (found["done"], found["failed"], found["results"][1]["error"]["code"]) == (2, 1, "not_found")
    assert {item["id"]: item["state"] for item in listed()} == {"1": "ignored", "2": "ignored", "3": "new"}
    merged = do_many(ids=["1", "2", "3"], action="merge", into="3", reason="same")
    assert (merged["done"], merged["failed"]) == (2, 1)
    assert [(item["id"], item["count"]) for item in listed()] == [("3", 6)]
    assert do_many(ids=["3"], action="delete")["done"] == 1
    assert listed() == []


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"ids": ["1"], "action": "explode"}, "action"), ({"ids": [], "action": "comment", "text": "x"}, "ids"),
        ({"ids": ["1"] * 101, "action": "comment", "text": "x"}, "ids"), ({"ids": [1], "action": "comment", "text": "x"}, "ids"),
        ({"ids": ["1"], "action": "resolve"}, "reason"), ([], "action"), ({"ids": "1", "action": "comment", "text": "x"}, "ids"),
    ],
)  # fmt: skip
def test_a_wrong_bulk_action_changes_nothing(given: Any, field: str, database: str) -> None:
    with connection() as conn, pytest.raises(Invalid) as caught:
        act_on_many(conn, given, "ana", NOW)
    assert caught.value.field == field


def remove(name: str, reason: str | None = None) -> None:
    with connection() as conn:
        delete(conn, name, "ana", reason)
        conn.commit()


def test_a_deleted_group_is_gone_with_its_occurrences(database: str) -> None:
    make_two()
    digest([message("third", "TypeError")], NOW)
    do("2", "merge", into="1", reason="same")
    hourly = rows("SELECT sum(count) AS n FROM callwatch.error_counts_hourly")
    remove("1", "sent by ana@example.com by mistake")
    with pytest.raises(NotFound):
        detail("1")
    with pytest.raises(NotFound):
        detail("2")
    assert [row["group_id"] for row in rows("SELECT group_id FROM callwatch.error_logs")] == [3]
    for table in ("counts_by_group", "counts_by_group_minute", "group_users", "group_releases", "group_history", "group_merges"):
        assert not rows(f"SELECT FROM callwatch.error_{table} WHERE group_id <> 3"), table
    # That these errors happened stays known.
    assert rows("SELECT sum(count) AS n FROM callwatch.error_counts_hourly") == hourly
    kept = rows("SELECT actor, reason, group_id, occurrences, finished_at IS NOT NULL AS is_done FROM callwatch.error_deletions")
    assert kept == [{"actor": "ana", "reason": "sent by [email] by mistake", "group_id": 1, "occurrences": 5, "is_done": True}]
    with pytest.raises(NotFound):
        remove("1")
    digest([message("first kind", "KeyError")], NOW)
    assert sorted(item["count"] for item in listed()) == [1, 1]


def test_a_large_group_is_deleted_in_parts(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROWS_AT_ONCE > 1_000
    monkeypatch.setattr("callwatch.db.error_queries.group_deletions.ROWS_AT_ONCE", 2)
    older = NOW - timedelta(days=2)
    digest([message("first kind", "KeyError", occurred_at=at) for at in (NOW, NOW, older, older, older)], NOW)
    remove("1")
    left = []
    for _cycle in range(4):
        with connection() as conn:
            continue_deletions(conn, lambda *_: None)
            conn.commit()
        left.append(len(rows("SELECT FROM callwatch.error_logs")))
    assert left == [1, 0, 0, 0]
    assert [row["is_done"] for row in rows("SELECT finished_at IS NOT NULL AS is_done FROM callwatch.error_deletions")] == [True]
    with connection() as conn:
        forget_deletions(conn, NOW + timedelta(days=500))
        conn.commit()
    assert rows("SELECT FROM callwatch.error_deletions") == []


def test_an_occurrence_has_an_address_and_neighbors(database: str) -> None:
    ids = [uuid.UUID(int=number).hex for number in (3, 1, 2)]
    times = [NOW - timedelta(minutes=number) for number in (3, 2, 1)]
    digest([message("first kind", "KeyError", event_id=i, occurred_at=at) for i, at in zip(ids, times, strict=True)], NOW)
    with connection() as conn:
        found = [load_occurrence(conn, "1", i, NOW, 90, {}) for i in ids]
    check_shape(OccurrenceDetail, {**found[0], "unknown": explain_nulls(found[0])})
    assert [(o["previous_event_id"], o["next_event_id"]) for o in found] == [(None, ids[1]), (ids[0], ids[2]), (ids[1], None)]
    assert (found[0]["group_id"], found[0]["message"], found[0]["is_sampled"]) == ("1", "first kind", False)
    with connection() as conn:
        assert load_occurrence(conn, "1", str(uuid.UUID(ids[0])), NOW, 90, {})["event_id"] == ids[0]
        for name, event_id in (("1", "f" * 32), ("1", "x"), ("2", ids[0])):
            with pytest.raises(NotFound):
                load_occurrence(conn, name, event_id, NOW, 90, {})


def test_an_erased_occurrence_does_not_come_back(database: str) -> None:
    body = message("call 12 failed", "KeyError", user_hash="u", context={"plan": "gold"}, event_id="a" * 32)
    digest([body, message("call 13 failed", "KeyError")], NOW)
    with connection() as conn:
        delete_occurrence(conn, "1", "a" * 32, "ana", "asked for by the person", NOW, 90)
        conn.commit()
    digest([body], NOW)
    whole = detail("1")
    assert [o["message"] for o in whole["occurrences"]] == ["call 13 failed"]
    assert whole["count"] == 2
    assert (whole["history"][0]["action"], whole["history"][0]["details"]) == ("delete_occurrence", f"occurrence {'a' * 32}")
    kept = rows(
        "SELECT message, payload::text AS payload, user_hash, type FROM callwatch.error_logs WHERE deleted_at IS NOT NULL"
    )
    assert kept == [{"message": "", "payload": None, "user_hash": None, "type": None}]
    audit = rows("SELECT replace(event_id::text, '-', '') AS event_id, reason, occurrences FROM callwatch.error_deletions")
    assert audit == [{"event_id": "a" * 32, "reason": "asked for by the person", "occurrences": 1}]
    with connection() as conn, pytest.raises(NotFound):
        delete_occurrence(conn, "1", "a" * 32, "ana", None, NOW, 90)
    with connection() as conn:
        assert count_occurrences(conn, {}) == 1


def test_an_action_on_a_group_that_just_vanished_conflicts(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_two()
    monkeypatch.setattr("callwatch.reports.groups.group_actions.lock_groups", lambda _conn, _ids: {})
    with pytest.raises(Conflict):
        do("1", "resolve", reason="x")


def test_the_reason_of_a_deletion_is_optional() -> None:
    def read(query: dict[str, str], body: bytes) -> str | None:
        return read_deletion_reason(Request("DELETE", "/", query=query, body=body))

    assert read({}, b"") is None
    assert read({"reason": " by mistake "}, b"") == read({}, json.dumps({"reason": "by mistake"}).encode()) == "by mistake"
    for query, body in (({"reason": "x" * 1_001}, b""), ({}, b"[]"), ({}, b'{"reason": 1}'), ({}, b"{")):
        with pytest.raises(RequestRefused):
            read(query, body)
