"""Error groups as people see them: search, pages, actions, and automatic changes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.api.http import Request, encode_cursor
from callwatch.db import connection, fetch_all
from callwatch.db.error_queries.error_groups import MAX_TAGS, end_ignoring
from callwatch.db.error_queries.group_lists import GroupFilters
from callwatch.digest.store import PAYLOADS_PER_HOUR, digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import RequestRefused
from callwatch.ingest.sentry.convert import convert
from callwatch.models.shapes.error_groups import ErrorGroupDetail, ErrorGroupState
from callwatch.reports.groups.error_groups import list_groups_page, load_group_detail
from callwatch.reports.groups.group_actions import act
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.responses import find_status
from functions import act_on_error, get_error, get_metrics_errors, list_errors
from tests.support.api_shapes import check_shape

NOW = datetime.now(UTC)


def message(text: str = "boom", now: datetime = NOW, project: int = 1, **fields: Any) -> str:
    return build_error_message(finish_event({"message": text, **fields}, now), project, now)


def listed(**filters: Any) -> list[str]:
    asked: Any = filters
    with connection() as conn:
        items, _position = list_groups_page(conn, asked, 50, NOW)
    return [item["message"] for item in items]


def detail(name: str = "1", now: datetime = NOW) -> Any:
    with connection() as conn:
        return load_group_detail(conn, name, now, 90, {})


def do(action: str, given: dict[str, Any], name: str = "1", now: datetime = NOW) -> Any:
    with connection() as conn:
        found = act(conn, name, action, given, "ana", now)
        conn.commit()
    return found


def call(handler: Any, query: dict[str, str] | None = None, path: dict[str, str] | None = None, body: Any = None) -> int:
    """Return the status code of a function's response."""
    raw = json.dumps(body).encode() if body is not None else b""
    request = Request("GET", "/", path or {}, query or {}, {}, raw, "admin", "ana")
    try:
        if handler is act_on_error:
            with connection() as conn:
                handler.handle(request, conn)
        else:
            handler.handle(request)
    except RequestRefused as error:
        return find_status(error)
    return 200


def test_groups_are_found_by_each_filter(database: str) -> None:
    old = NOW - timedelta(days=3)
    digest(
        [
            message("could not write transcript 17", type="psycopg2.errors.UndefinedColumn", tags={"queue": "transcription"}),
            message("quota exceeded", type="QuotaError", release="2.0", environment="staging", severity="critical"),
            message("slow upstream", type="TimeoutError", release="1.0", occurred_at=old, endpoint="POST /webhooks/convoso"),
        ],
        NOW,
    )
    digest([message("slow upstream", type="TimeoutError", release="2.0", occurred_at=old)], NOW)
    assert len(listed()) == 3
    assert listed(q="transcript") == listed(q="WRITE trans") == listed(q="UndefinedColumn") == ["could not write transcript 17"]
    assert listed(q="time") == listed(q="webhooks") == ["slow upstream"]
    assert listed(q="quota nothing") == listed(q="!!! '' \\ &|") == listed(q="%") == []
    assert listed(tag="queue:transcription") == ["could not write transcript 17"]
    assert listed(tag="queue:other") == []
    assert listed(release="1.0") == ["slow upstream"]
    assert sorted(listed(release="2.0")) == ["quota exceeded", "slow upstream"]
    assert listed(environment="staging") == listed(severity="critical") == listed(type="QuotaError") == ["quota exceeded"]
    assert listed(since=NOW - timedelta(days=1), q="slow") == []
    assert listed(until=NOW - timedelta(days=1)) == ["slow upstream"]
    assert listed(project=2) == []


def test_pages_of_simultaneous_groups_skip_nothing(database: str) -> None:
    digest([message(f"kind {chr(97 + n)}", type=f"T{chr(97 + n)}", occurred_at=NOW) for n in range(9)], NOW)
    seen: list[str] = []
    after: GroupFilters = {}
    for _page in range(5):
        with connection() as conn:
            items, position = list_groups_page(conn, after, 2, NOW)
        seen += [item["id"] for item in items]
        if position is None:
            break
        after = {"before_at": datetime.fromisoformat(position[0]), "before_id": int(position[1])}
    assert len(seen) == len(set(seen)) == 9


def test_one_group_shows_what_its_occurrences_carried(database: str) -> None:
    frames = [{"filename": "app/store.py", "function": "write", "lineno": 12, "in_app": True}]
    given: dict[str, Any] = {
        "type": "LookupError",
        "frames": frames,
        "tags": {"zone": "a"},
        "context": {"attempt": 3},
        "user_hash": "u1",
    }
    crumbs = [{"category": "http", "message": "GET /x"}]
    digest([message("no such call", release="1.0", breadcrumbs=crumbs, **given), message("no such call", **given)], NOW)
    found = detail()
    check_shape(ErrorGroupDetail, {**found, "unknown": explain_nulls(found)})
    assert (found["count"], found["users"], found["tags"], found["sampled_occurrences"]) == (2, 1, ["zone:a"], 0)
    assert [(entry["release"], entry["count"]) for entry in found["releases"]] == [("1.0", 1)]
    with_crumbs = next(o for o in found["occurrences"] if o["breadcrumbs"])
    assert (with_crumbs["frames"], with_crumbs["context"], with_crumbs["is_sampled"]) == (frames, {"attempt": 3}, False)
    assert with_crumbs["level"] == "error"
    assert len(with_crumbs["event_id"]) == 32
    assert detail(found["fingerprint"])["id"] == found["id"]


def test_evidence_of_an_event_is_served(database: str) -> None:
    frame = {
        "filename": "requests/api.py", "abs_path": "/usr/lib/python3/site-packages/requests/api.py", "function": "get",
        "pre_context": ["def get(url):"], "context_line": "    return request(url)", "post_context": [""],
    }  # fmt: skip
    links = [
        {"type": "KeyError", "value": "'id'", "mechanism": {"handled": False}, "stacktrace": {"frames": [frame]}},
        {"type": "JobFailed", "value": "job failed", "stacktrace": {"frames": [{"filename": "app/a.py", "function": "run"}]}},
    ]
    given = {
        "exception": {"values": links}, "level": "warning", "logger": "jobs", "platform": "python", "dist": "7",
        "modules": {"requests": "2.31.0"}, "logentry": {"message": "step %s", "params": ["a"]}, "breadcrumbs": [{}] * 101,
    }  # fmt: skip
    digest([build_error_message(finish_event(convert(given, "key"), NOW), 1, NOW)], NOW)
    found = detail()
    check_shape(ErrorGroupDetail, {**found, "unknown": explain_nulls(found)})
    (shown,) = found["occurrences"]
    cause, last = shown["exceptions"]
    assert (cause["frames"], cause["mechanism"]) == ([{**frame, "in_app": False}], {"handled": False})
    assert last["frames"] == shown["frames"] == [{"filename": "app/a.py", "function": "run", "in_app": True}]
    assert [shown[name] for name in ("level", "logger", "platform", "dist")] == ["warning", "jobs", "python", "7"]
    assert (shown["modules"], shown["logentry"]["formatted"]) == ({"requests": "2.31.0"}, "step a")
    assert shown["trimmed"] == ["breadcrumbs"]
    assert (found["level"], found["users"]) == ("warning", None)
    assert explain_nulls(found)["users"].code == "not_recorded"


def test_spike_counts_dropped_payloads_once_despite_repeats(database: str) -> None:
    bodies = [message("the same again", type="Spike", occurred_at=NOW) for _ in range(PAYLOADS_PER_HOUR + 120)]
    for start in range(0, len(bodies), 90):
        digest(bodies[start : start + 90], NOW)
        digest(bodies[max(0, start - 50) : start + 40], NOW)
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT count(*) AS n, count(payload) AS kept FROM callwatch.error_logs")
        (item,), _position = list_groups_page(conn, {}, 10, NOW)
    assert row["n"] == item["count"] == len(bodies)
    assert PAYLOADS_PER_HOUR <= row["kept"] <= PAYLOADS_PER_HOUR + 10
    assert item["sampled_occurrences"] == row["n"] - row["kept"]


def test_late_events_are_sampled_by_their_own_hour(database: str) -> None:
    digest([message("again", type="Spike", occurred_at=NOW) for _ in range(PAYLOADS_PER_HOUR + 50)], NOW)
    before = detail()["sampled_occurrences"]
    digest([message("again", type="Spike", occurred_at=NOW - timedelta(hours=5)) for _ in range(50)], NOW)
    assert detail()["sampled_occurrences"] == before


def test_occurrence_too_large_to_return_is_marked_omitted(database: str) -> None:
    digest([message(f"large {n}", type="Large", context={"blob": "word " * 60_000}) for n in range(12)], NOW)
    shown = detail()["occurrences"]
    assert {o["is_sampled"] for o in shown} == {True, False}
    assert len(json.dumps(shown, default=str)) < 5_000_000


def test_varying_tag_values_stay_bounded(database: str) -> None:
    for start in (0, 150):
        digest([message("boom", tags={"n": str(n)}) for n in range(start, start + 150)], NOW)
    assert len(detail()["tags"]) == MAX_TAGS
    assert listed(tag="n:7") == ["boom"]


def test_what_happens_by_itself_stands_in_the_history(database: str) -> None:
    digest([message("flaky", type="Flaky")], NOW)
    do("resolve", {"reason": "fixed"})
    later = datetime.now(UTC) + timedelta(seconds=5)
    digest([message("flaky", later, type="Flaky", release="7", occurred_at=later)], later)
    do("ignore", {"reason": "known", "more": 1})
    digest([message("flaky", later, type="Flaky", occurred_at=later)], later)
    history = detail()["history"]
    assert [(entry["actor"], entry["action"]) for entry in history] == [
        ("callwatch", "reopen"), ("ana", "ignore"), ("callwatch", "regressed"), ("ana", "resolve"),
    ]  # fmt: skip
    assert history[2]["reason"] == "came back in 7"
    assert detail()["state"] == "unresolved"


def test_ignored_group_returns_when_its_time_is_over(database: str) -> None:
    digest([message("noise")], NOW)
    until = NOW + timedelta(hours=1)
    found = do("ignore", {"reason": "deploy", "until": until.isoformat()})
    check_shape(ErrorGroupState, {**found, "unknown": explain_nulls(found)})
    assert (found["state"], found["ignored_until"]) == ("ignored", until)
    with connection() as conn:
        assert end_ignoring(conn, NOW) == 0
        assert end_ignoring(conn, until) == 1
        conn.commit()
    assert detail()["state"] == "unresolved"
    assert detail()["history"][0]["action"] == "reopen"


def test_a_group_ignored_for_ever_stays_ignored(database: str) -> None:
    digest([message("noise")], NOW)
    do("ignore", {"reason": "noise"})
    much_later = NOW + timedelta(days=3)
    digest([message("noise", much_later, occurred_at=much_later)], much_later)
    assert detail()["state"] == "ignored"


def test_late_error_from_before_the_fix_does_not_regress(database: str) -> None:
    digest([message("flaky")], NOW)
    do("resolve", {"reason": "fixed"})
    digest([message("flaky", occurred_at=NOW - timedelta(hours=1))], NOW)
    assert detail()["state"] == "resolved"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"reason": ""},
        {"reason": 7},
        {"reason": "with \x00"},
        {"reason": "lone \ud800"},
        {"reason": "x" * 1001},
        {"reason": "x", "until": "2001-01-01T00:00:00Z"},
        {"reason": "x", "until": "soon"},
        {"reason": "x", "more": 0},
        {"reason": "x", "more": True},
        [],
    ],
)
def test_bad_actions_are_refused_by_field(database: str, given: Any) -> None:
    digest([message("boom")], NOW)
    assert call(act_on_error, path={"id": "1", "action": "ignore"}, body=given) == 422


def test_hostile_names_and_filters_are_the_callers_fault(database: str) -> None:
    for name in ("\x00", "9" * 18, "9" * 400, "nothing", "-1", "1' OR 1=1", "ü", "1:" + "0" * 32):
        assert call(get_error, path={"id": name}) == 404, name
        assert call(act_on_error, path={"id": name, "action": "resolve"}, body={"reason": "x"}) == 404, name
    assert call(act_on_error, path={"id": "1", "action": "explode"}, body={"reason": "x"}) == 404
    bad = [{"q": "\x00"}, {"q": "\ud800"}, {"tag": "no-colon"}, {"state": "odd"}, {"project": "9" * 30}, {"since": "0"}]
    bad += [{"limit": "0"}, {"limit": "x"}, {"cursor": "!"}, {"cursor": encode_cursor([1])}, {"cursor": encode_cursor({})}]
    bad += [{"cursor": encode_cursor(["2026-01-01", 1e400])}, {"cursor": encode_cursor(["x", 1])}]
    bad += [{"cursor": encode_cursor(["2026-01-01", 10**30])}]
    for query in bad:
        assert call(list_errors, query) == 422, query
    for query in (
        {"q": "'"},
        {"q": "\\"},
        {"q": ":* & |"},
        {"q": "a" * 300},
        {"since": "0001-01-01"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"tag": "a:'; --"},
    ):
        assert call(list_errors, query) == 200, query
    assert call(get_metrics_errors, {"environment": "\x00"}) == call(get_metrics_errors, {"project": "x"}) == 422


@pytest.mark.parametrize("name", ["sanitized", "mended"])
def test_sanitized_field_is_read_by_both_of_its_names(database: str, name: str) -> None:
    """Payloads stored before the first release have it under another name."""
    digest([message("a\x00b").replace('"sanitized"', f'"{name}"')], NOW)
    assert detail()["occurrences"][0]["sanitized"] == ["nul"]
