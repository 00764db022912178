"""Search among error groups, and lists in other orders."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from callwatch.api.http import Page, decode_cursor, encode_cursor
from callwatch.db import connection, execute, fetch_all
from callwatch.db.core.migrate import FOLDER
from callwatch.db.error_queries import group_lists
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import Invalid
from callwatch.models.error import GroupSort
from callwatch.reports.groups.error_groups import list_groups_page
from callwatch.reports.groups.group_actions import act
from callwatch.reports.groups.group_places import read_place
from callwatch.reports.groups.occurrence_erasure import delete_occurrence

NOW = datetime.now(UTC)


def message(text: str, project: int = 1, **fields: Any) -> str:
    return build_error_message(finish_event({"message": text, "type": f"Type{text[:3]}", **fields}, NOW), project, NOW)


def listed(**filters: Any) -> list[str]:
    given: Any = filters
    with connection() as conn:
        return [item["message"] for item in list_groups_page(conn, given, 50, NOW)[0]]


def test_words_inside_of_identifiers_hosts_and_paths_are_found(database: str) -> None:
    frames = [
        {"filename": "src/jobs/run.ts", "function": "fetchRecording", "in_app": True},
        {"filename": "node_modules/axios/index.js", "function": "settle", "in_app": False},
    ]
    host = "cannot reach https://api.deepgram.com/v1/listen"
    digest(
        [message(host), message("getCallById failed for c.call_id"), message("zone", frames=frames, tags={"queue": "intake"})],
        NOW,
    )
    digest([message("Übertragung gestört", service="Worker-7")], NOW)
    assert listed(q="deepgram") == listed(q="API.Deepgram.com") == listed(q="listen v1") == [host]
    call = ["getCallById failed for c.call_id"]
    assert (
        listed(q="getcallbyid")
        == listed(q="getCallBy")
        == listed(q="CallById")
        == listed(q="call_id")
        == listed(q="callid")
        == call
    )
    assert listed(q="src/jobs/run.ts") == listed(q="fetch recording") == listed(q="intake") == ["zone"]
    assert listed(q="axios") == listed(q="failed_for") == []
    assert listed(q="ubertragung GESTORT") == listed(q="gestört") == listed(q="worker") == ["Übertragung gestört"]
    assert listed(service="Worker-7") == ["Übertragung gestört"]
    assert listed(service="worker-7") == listed(service="intake") == []
    assert listed(q="deepgram call_id") == listed(q="c_ll") == listed(q="deep%m") == listed(q="%") == []


def test_letters_are_found_without_their_signs(database: str) -> None:
    digest([message("veritabanı HATASI ıstanbul"), message("Łódź, smørrebrød, straße, œuvre")], NOW)
    assert listed(q="istanbul") == listed(q="ISTANBUL") == listed(q="hatası") == ["veritabanı HATASI ıstanbul"]
    assert listed(q="lodz smorrebrod strasse oeuvre") == ["Łódź, smørrebrød, straße, œuvre"]


def test_causes_and_ids_of_the_context_are_found(database: str) -> None:
    inner = [{"filename": "core/root.py", "function": "digDeep", "in_app": True}]
    links = [{"type": "InnerError", "value": "deep reason", "frames": inner}, {"type": "Typeout", "value": "outer"}]
    context = {"extra": {"call_id": "call_8812abc", "leadId": 4711, "note": "unrelated", "job": {"uuid": "j-1"}}}
    digest([message("outer", exceptions=links), message("ctx", context=context)], NOW)
    assert listed(q="InnerError") == listed(q="deep reason") == listed(q="digDeep") == listed(q="root.py") == ["outer"]
    assert listed(q="call_8812abc") == listed(q="4711") == listed(q="j-1") == ["ctx"]
    assert listed(q="unrelated") == []


def test_an_event_is_found_among_many_environments(database: str) -> None:
    digest([message("many", environment=f"preview-{number:03}") for number in range(150)], NOW)
    digest([message("last", environment="preview-zzz", event_id="7" * 32)], NOW)
    assert listed(q="7" * 32) == listed(q="7" * 32, environment="preview-zzz", project=1) == ["last"]
    assert listed(q="7" * 32, environment="preview-001") == listed(q="7" * 32, project=2) == []


def test_an_event_and_a_user_lead_to_their_groups(database: str) -> None:
    user = "ab" * 16
    old = NOW - timedelta(days=4)
    digest([message("one", event_id="1" * 32, occurred_at=old, user_hash=user), message("one")], NOW)
    digest([message("two", project=3, event_id="2" * 32, environment="staging", user_hash=user)], NOW)
    digest([message("six", event_id="6" * 32)], NOW)
    assert listed(q="1" * 32) == listed(q=" 11111111-1111-1111-1111-111111111111 ") == ["one"]
    assert listed(q="2" * 32) == ["two"]
    assert listed(q="2" * 32, project=1) == []
    assert sorted(listed(q=user.upper())) == ["one", "two"]
    assert listed(q="9" * 32) == []
    with connection() as conn:
        act(conn, "3", "merge", {"into": "1", "reason": "same"}, "ana", NOW)
        delete_occurrence(conn, "1", "1" * 32, "ana", None, NOW, 90)
        conn.commit()
    assert listed(q="6" * 32) == ["one"]
    assert listed(q="1" * 32) == []


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, ["few", "many", "mid"]),
        ("last_seen", ["few", "many", "mid"]),
        ("first_seen", ["mid", "few", "many"]),
        ("count", ["many", "mid", "few"]),
        ("users", ["mid", "few", "many"]),
        ("level", ["many", "few", "mid"]),
        ("release", ["few", "many", "mid"]),
        ("service", ["mid", "few", "many"]),
    ],
)
def test_lists_have_other_orders_with_their_own_cursors(sort: GroupSort | None, order: list[str], database: str) -> None:
    at = [NOW - timedelta(hours=hours) for hours in range(6)]
    digest([message("many", occurred_at=at[n], level="fatal", release="1.9") for n in (5, 4, 2, 1)], NOW)
    digest([message("mid", occurred_at=at[3], user_hash=user, service="web", level="info") for user in ("a", "b")], NOW)
    digest([message("few", occurred_at=when) for when in (at[4], at[0])][:1], NOW)
    digest([message("few", occurred_at=at[0], user_hash="a", release="2.0")], NOW)
    if sort == "count":
        digest([message("mid", occurred_at=at[3])], NOW)
    seen: list[str] = []
    page = Page(1)
    for _number in range(4):
        filters: Any = {"sort": sort, **read_place(page, sort)}
        with connection() as conn:
            items, place = list_groups_page(conn, filters, 1, NOW)
        seen += [item["message"] for item in items]
        if place is None:
            break
        page = Page(1, decode_cursor(encode_cursor(place)))
        with pytest.raises(Invalid):
            read_place(page, "count" if sort != "count" else "users")
    assert seen == order


@pytest.mark.parametrize(
    "cursor",
    [
        ["count", "5", 1], ["count", 1.5, 1], ["count", -1, 1], ["count", 1], ["count", True, 1], 5, "abc",
        ["release", 5, 1], ["release", "a\0", 1], ["service", "a", "1"], ["level", "error", 1],
    ],
)  # fmt: skip
def test_a_cursor_that_was_not_given_out_is_refused(cursor: Any) -> None:
    with pytest.raises(Invalid):
        read_place(Page(1, cursor), cursor[0] if isinstance(cursor, list) else "count")


def list_pages(sort: GroupSort, given: dict[str, Any]) -> list[str]:
    """Titles of a list in all its pages of five."""
    page, found = Page(5), []
    with connection() as conn:
        while True:
            filters: Any = {**given, "sort": sort, **read_place(page, sort)}
            items, place = list_groups_page(conn, filters, 5, NOW)
            found += [item["message"] for item in items]
            if place is None:
                return found
            page = Page(5, decode_cursor(encode_cursor(place)))


def test_walk_and_collection_show_the_same_pages(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(14)
    texts = [f"{chance.choice(('openai', 'deepgram'))} {chance.choice(('failed', 'refused'))} {number}x" for number in range(40)]
    digest(
        [
            message(
                text,
                project=1 + len(text) % 2,
                level=chance.choice(("info", "warning", "error")),
                release=f"1.{chance.randrange(3)}",
                service=chance.choice(("api", "worker")),
                occurred_at=NOW - timedelta(minutes=chance.randrange(20)),
                fingerprint=[text],
            )
            for text in texts
            for _ in range(chance.randrange(1, 4))
        ],
        NOW,
    )
    questions: list[dict[str, Any]] = [
        {"q": "failed"}, {"q": "openai refused"}, {"q": "nowhere"}, {"level": "warning"}, {"service": "api", "q": "deepgram"},
        {"release": "1.1"}, {"project": 2, "level": "info"}, {"project": 2}, {"category": "none"},
    ]  # fmt: skip
    for given in questions:
        for sort in get_args(GroupSort):
            pages = []
            for walked in (1, 6, 3_000):
                monkeypatch.setattr(group_lists, "_WALKED", walked)
                pages.append(list_pages(sort, given))
            every = list_pages(sort, {"project": given["project"]} if "project" in given else {})
            assert pages[0] == pages[1] == pages[2] == [text for text in every if text in pages[0]], (given, sort)
            assert len(set(pages[0])) == len(pages[0])
    assert len(list_pages("last_seen", {"q": "failed"})) == sum("failed" in text for text in texts)


def test_level_is_a_filter(database: str) -> None:
    digest([message("bad", level="fatal"), message("odd", level="warning")], NOW)
    assert listed(level="fatal") == ["bad"]


def test_groups_of_the_release_before_are_found_too(database: str) -> None:
    """The digest of before leaves the words to the trigger, and the migration adds those of the groups so far."""
    insert = """
        INSERT INTO callwatch.error_groups
            (project_id, environment, fingerprint, title, type, message, severity, category, first_seen_at, last_seen_at)
        VALUES (1, 'production', %s, %s, 'app.HTTPError', %s, 'low', 'api', now(), now())
    """
    update = next(FOLDER.glob("0032_*.sql")).read_text().partition("UPDATE ")[2].partition(";")[0]
    with connection() as conn:
        execute(conn, insert, ("1:a", "x", "no answer of api.deepgram.com to getCallById for c.agency_id: gestört"))
        execute(conn, insert, ("1:b", "x", "old words"))
        execute(conn, "UPDATE callwatch.error_group_words SET words = to_tsvector('simple', 'src/old.py') WHERE group_id = 2")
        execute(conn, f"UPDATE {update}")
        conn.commit()
    first = ["no answer of api.deepgram.com to getCallById for c.agency_id: gestört"]
    for asked in ("deepgram", "getcallbyid", "agency_id", "gestort"):
        assert listed(q=asked) == first, asked
    assert listed(q="old words") == ["old words"]


def test_new_groups_are_written_once(database: str) -> None:
    digest([message("a new kind")], NOW)
    with connection() as conn:
        rows = fetch_all(conn, "SELECT words::text AS words FROM callwatch.error_group_words")
    assert len(rows) == 1
    assert "'kind'" in rows[0]["words"]
