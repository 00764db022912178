"""An upgrade of the grouping rules: known errors stay known, and each group is found by the fingerprints of both versions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.counters.error_samples import read_news_samples
from callwatch.db import connection, execute, fetch_all
from callwatch.db.error_queries.older_fingerprints import SEPARATION
from callwatch.digest import store
from callwatch.digest.groups import assign, older
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.grouping import fingerprint
from callwatch.grouping.version_1 import fingerprint as fingerprint_v1
from callwatch.reports.groups.error_groups import load_group_detail
from callwatch.reports.groups.group_actions import act

NOW = datetime.now(UTC)
FRAMES = [{"filename": "app/calls.py", "function": "store", "module": "app.calls", "in_app": True}]
CAUSE = {"type": "KeyError", "value": "'id'", "frames": [{"filename": "app/a.py", "function": "a", "in_app": True}]}
# One error of each kind of place and text.
ERRORS: list[dict[str, Any]] = [
    {"message": "could not store", "type": "ValueError", "frames": FRAMES},
    {"message": "job failed", "type": "JobFailed", "frames": FRAMES, "exceptions": [CAUSE, {"type": "JobFailed"}]},
    {"message": "timeout of 644ms exceeded"},
    {"message": "No such run: run_AbCdEfGhIjKlMnOpQrStUvWx"},
    {"message": "by its own name", "fingerprint": ["ours"]},
    {"message": "default and more", "fingerprint": ["{{ default }}", "x"]},
    {"message": "Agent bob failed", "logentry": {"message": "Agent %s failed", "params": ["bob"]}},
    {"message": "in a text", "type": "Error", "stack": "Error: in a text\n    at store (/app/calls.js:1:2)"},
    {"message": "from a build", "type": "TypeError",
     "frames": [{"filename": "https://a.example/assets/index-BxK9aaQ2.js", "function": "load", "in_app": True}]},
]  # fmt: skip


def build_message(fields: dict[str, Any], now: datetime = NOW) -> str:
    return build_error_message(finish_event(dict(fields), now), 1, now)


def build_old_message(fields: dict[str, Any], now: datetime = NOW) -> str:
    """Build a message as release 0.1 wrote it: the summary is called head, and holds a fingerprint of the first version."""
    message = json.loads(build_message(fields, now))
    event = message.pop("event")
    head = message.pop("summary")
    head.pop("level")
    head["fingerprint"] = fingerprint_v1.compute_fingerprint(event)
    return json.dumps({**message, "head": head, "event": event}, separators=(",", ":"))


def digest_as_before(bodies: list[str]) -> None:
    """Digest as release 0.1 did: it knows one version of fingerprints, and no levels."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(assign, "update_fingerprints", lambda unknown, unique: {})
        patched.setattr(assign, "adopt_groups", lambda conn, unknown, unique: older.Adopted())
        store.digest(bodies, NOW)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.error_groups SET level = NULL, made_at = now() - interval '1 hour'", ())
        conn.commit()


def list_group_rows() -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT id, state, count, fingerprint, title FROM callwatch.error_groups ORDER BY id", ())


def find_news() -> list[str | None]:
    with connection() as conn:
        samples = read_news_samples(conn, datetime.now(UTC))
    return [sample.detail for sample in samples if sample.metric == "errors.new_group"]


def test_upgrade_makes_no_known_error_new(database: str) -> None:
    digest_as_before([build_old_message(fields) for fields in ERRORS for _ in range(2)])
    before = list_group_rows()
    digest([build_message(fields) for fields in ERRORS], NOW)
    after = list_group_rows()
    assert [row["id"] for row in after] == [row["id"] for row in before]
    assert {row["count"] for row in after} == {3}
    assert find_news() == []
    digest([build_message({"message": "an error that nobody knows"})], NOW)
    assert find_news() == ["an error that nobody knows"]


def test_group_is_found_by_fingerprints_of_both_versions(database: str) -> None:
    digest_as_before([build_old_message(fields) for fields in ERRORS])
    digest([build_message(fields) for fields in ERRORS], NOW)
    with connection() as conn:
        for number, fields in enumerate(ERRORS):
            event = finish_event(dict(fields), NOW)
            names = [compute(event) for compute in (fingerprint_v1.compute_fingerprint, fingerprint.compute_fingerprint)]
            found = {load_group_detail(conn, name, NOW, 90, {})["id"] for name in names}
            assert len(found) == 1, number


@pytest.mark.parametrize("order", ["old release, new", "old, new", "new, old"])
def test_messages_of_both_versions_meet_in_one_group(database: str, order: str) -> None:
    batches = [[build_old_message(fields) for fields in ERRORS], [build_message(fields) for fields in ERRORS]]
    first, second = batches[::-1] if order == "new, old" else batches
    if order == "old release, new":
        digest_as_before(first)
    else:
        digest(first, NOW)
    digest(second, NOW)
    assert [row["count"] for row in list_group_rows()] == [2] * len(ERRORS)
    digest([*batches[0], *batches[1]], NOW)
    assert [row["count"] for row in list_group_rows()] == [2] * len(ERRORS), "a repetition counts nothing"


def test_both_versions_in_one_batch_are_one_group(database: str) -> None:
    digest([build(fields) for fields in ERRORS for build in (build_old_message, build_message)], NOW)
    assert [row["count"] for row in list_group_rows()] == [2] * len(ERRORS)
    digest([build_old_message(fields) for fields in ERRORS], NOW)
    assert [row["count"] for row in list_group_rows()] == [3] * len(ERRORS)


def build_react_error(number: int) -> dict[str, Any]:
    frames = [{"filename": "https://a.example/_next/static/chunks/1-f785427dddbba9fb.js", "function": "o", "in_app": True}]
    text = f"Minified React error #{number}; visit https://react.dev/errors/{number} for the full message"
    return {"message": text, "type": "Error", "frames": frames, "exceptions": [{"type": "Error", "value": text}]}


def test_errors_that_shared_a_group_part_without_news(database: str) -> None:
    numbers = (418, 423, 185)
    digest_as_before([build_old_message(build_react_error(number)) for number in numbers])
    digest([build_message(build_react_error(number)) for number in numbers], NOW)
    rows = list_group_rows()
    assert sorted((row["count"], row["state"]) for row in rows) == [(1, "unresolved"), (1, "unresolved"), (4, "new")]
    assert find_news() == []
    with connection() as conn:
        history = load_group_detail(conn, str(rows[-1]["id"]), NOW, 90, {})["history"]
    assert [(entry["action"], entry["reason"]) for entry in history] == [("separated", f"was part of group {rows[0]['id']}")]


def test_errors_that_part_long_after_an_upgrade_are_news(database: str) -> None:
    digest_as_before([build_old_message(build_react_error(418))])
    digest([build_message(build_react_error(418))], NOW)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = now() - %s - interval '1 hour'", (SEPARATION,))
        conn.commit()
    digest([build_message(build_react_error(423))], NOW)
    assert len(find_news()) == 1


def test_decision_about_a_group_outlives_the_upgrade(database: str) -> None:
    digest_as_before([build_old_message(fields) for fields in ERRORS[:2]])
    with connection() as conn:
        act(conn, "1", "ignore", {"reason": "known"}, "ana", NOW)
        act(conn, "2", "resolve", {"reason": "fixed"}, "ana", NOW)
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=2)
    digest([build_message({**fields, "occurred_at": later}, later) for fields in ERRORS[:2]], later)
    assert [(row["state"], row["count"]) for row in list_group_rows()] == [("ignored", 2), ("regressed", 2)]


def test_new_installation_never_computes_older_fingerprints(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(older, "_compute", lambda *given: calls.append(given))
    digest([build_message(fields) for fields in ERRORS], NOW)
    assert (len(list_group_rows()), calls) == (len(ERRORS), [])
