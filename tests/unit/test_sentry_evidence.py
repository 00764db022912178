"""What an event says is kept: every stack, the source around it, the log line, the level; and what is cut is named."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.events.event import finish_event
from callwatch.events.event_summary import MESSAGE_LIMIT
from callwatch.events.trim import trim
from callwatch.ingest.sentry.clock import correct_clock
from callwatch.ingest.sentry.convert import convert
from callwatch.ingest.sentry.log_entry import fill_template

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def keep(event: dict[str, Any]) -> dict[str, Any]:
    return finish_event(convert(event, "key"), NOW)


def exception(kind: str = "KeyError", value: Any = "'id'", frames: int = 1, **fields: Any) -> dict[str, Any]:
    stack = [{"filename": "app/a.py", "function": f"f{number}", "in_app": True} for number in range(frames)]
    return {"type": kind, "value": value, "stacktrace": {"frames": stack}, **fields}


FRAME = {
    "filename": "app/store.py", "abs_path": "/srv/app/store.py", "function": "write", "module": "app.store", "lineno": 12,
    "colno": 4, "in_app": True, "pre_context": ["def write(row):", "    check(row)"], "context_line": "    insert(row)",
    "post_context": ["    return row"], "vars": {"limit": "3"}, "package": "app",
}  # fmt: skip


def test_frame_keeps_the_source_around_it() -> None:
    event = keep({"exception": {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": [FRAME]}}]}})
    assert event["frames"] == [FRAME]


def test_levels_loggers_builds_and_packages_are_kept() -> None:
    event = keep(
        {
            "message": "x", "level": "warning", "logger": "sync.leads", "platform": "python", "dist": "42",
            "modules": {"requests": "2.31.0"}, "debug_meta": {"images": [{"type": "sourcemap", "code_file": "app.js"}]},
        }
    )  # fmt: skip
    assert [event[name] for name in ("level", "logger", "platform", "dist")] == ["warning", "sync.leads", "python", "42"]
    assert event["modules"] == {"requests": "2.31.0"}
    assert event["debug_meta"] == {"images": [{"type": "sourcemap", "code_file": "app.js"}]}


def test_each_link_of_a_chain_keeps_its_own_stack() -> None:
    mechanism = {"type": "chained", "handled": False, "exception_id": 1, "parent_id": 0}
    links = [exception("KeyError", frames=2, mechanism=mechanism, module="builtins"), exception("JobFailed", "failed", frames=3)]
    event = keep({"exception": {"values": links}})
    cause, last = event["exceptions"]
    assert [frame["function"] for frame in cause["frames"]] == ["f0", "f1"]
    assert (cause["mechanism"], cause["module"]) == (mechanism, "builtins")
    assert (last["type"], len(event["frames"])) == ("JobFailed", 3)


@pytest.mark.parametrize(
    "shape", [lambda one: one, lambda one: [one], lambda one: {"values": one}, lambda one: {"values": [one]}]
)
def test_exception_of_any_shape_is_read(shape: Callable[[Any], Any]) -> None:
    event = keep({"exception": shape(exception("ValueError", "bad zip"))})
    assert (event["type"], event["message"], event["frames"][0]["function"]) == ("ValueError", "bad zip", "f0")


@pytest.mark.parametrize("value", [{"code": 7, "why": ["a", None]}, [1, {"a": True}]])
def test_object_as_a_value_is_kept_as_json(value: Any) -> None:
    event = keep({"exception": [exception("Error", value)]})
    assert event["message"] == event["exceptions"][0]["value"]
    assert json.loads(event["message"]) == value


def test_stack_at_the_top_belongs_to_a_message() -> None:
    event = keep({"message": "cache miss storm", "stacktrace": {"frames": [{"filename": "a.php", "function": "warmUp"}]}})
    assert event["frames"] == [{"filename": "a.php", "function": "warmUp"}]


def test_log_line_beside_an_exception_is_kept() -> None:
    entry = {"message": "Import of batch %s failed in step %s", "params": ["77", "dedupe"]}
    event = keep({"logentry": entry, "exception": [exception()]})
    assert event["message"] == "'id'"
    assert event["logentry"]["formatted"] == "Import of batch 77 failed in step dedupe"
    assert event["logentry"]["message"] == entry["message"]
    assert keep({"message": "while importing", "exception": [exception()]})["logentry"] == {"message": "while importing"}
    assert keep({"message": "alone"})["logentry"] is None


def test_parameters_of_a_log_line_are_kept_scrubbed() -> None:
    event = keep({"logentry": {"message": "no answer from %s", "params": ["ana.bell@example.com"]}})
    assert event["message"] == "no answer from [email]"
    assert "example.com" not in str(event)
    assert len(event["logentry"]["params"]) == 1


@pytest.mark.parametrize(
    ("template", "params", "text"),
    [
        ("a %s b %d", ["x", 7], "a x b 7"), ("a %s b %s", ["x"], "a x b %s"), ("100%% of %s", ["x"], "100% of x"),
        ("a %(name)s b", {"name": "x"}, "a x b"), ("a %(other)s b", {"name": "x"}, "a %(other)s b"),
        ("a {} b {}", ["x", "y"], "a x b y"), ("a {1} b {0}", ["x", "y"], "a y b x"), ("a {9}", ["x"], "a {9}"),
        ("a {name}", {"name": "x"}, "a x"), ("%5.2f and %-10s", [1.5, "x"], "1.5 and x"), ("a %s", [{"k": [1]}], 'a {"k": [1]}'),
        ("no field", ["x"], "no field"), ("a %s", None, "a %s"), ("%s" * 60, ["x"] * 60, "x" * 50 + "%s" * 10),
    ],
)  # fmt: skip
def test_template_is_filled_with_its_parameters(template: str, params: Any, text: str) -> None:
    assert fill_template(template, params) == text


CUTS: list[tuple[str, dict[str, Any]]] = [
    ("message", {"message": "word " * 3_000}),
    ("message", {"exception": [exception(value="word " * 3_000)]}),
    ("value", {"exception": [exception("A", "word " * 1_200), exception("B", "b")]}),
    ("breadcrumbs", {"message": "x", "breadcrumbs": {"values": [{"message": str(n)} for n in range(101)]}}),
    ("frames", {"exception": [exception(frames=251)]}),
    ("frames", {"exception": [exception(frames=251), exception("B", "b")]}),
    ("frames", {"exception": [exception(f"E{n}", frames=250) for n in range(9)]}),
    ("frames", {"exception": [{"type": "E", "stacktrace": {"frames": [{"filename": "a" * 1_001}]}}]}),
    ("release", {"message": "x", "release": "r" * 201}),
    ("environment", {"message": "x", "environment": "e" * 101}),
    ("transaction", {"message": "x", "transaction": "t" * 301}),
    ("server_name", {"message": "x", "server_name": "s" * 201}),
    ("type", {"exception": [{"type": "T" * 301}]}),
    ("exceptions", {"exception": [exception(f"E{n}") for n in range(51)]}),
    ("tags", {"message": "x", "tags": {f"t{n}": "v" for n in range(201)}}),
    ("tags", {"message": "x", "tags": {"t": "v" * 501}}),
    ("fingerprint", {"message": "x", "fingerprint": [str(n) for n in range(21)]}),
    ("modules", {"message": "x", "modules": {f"m{n}": "1" for n in range(501)}}),
    ("debug_meta", {"message": "x", "debug_meta": {"images": [{"type": "x"}] * 101}}),
    ("logentry", {"logentry": {"message": "%s" * 51, "params": ["x"] * 51}}),
]


@pytest.mark.parametrize(("name", "event"), CUTS, ids=[f"{name}-{number}" for number, (name, _event) in enumerate(CUTS)])
def test_what_is_cut_is_named(name: str, event: dict[str, Any]) -> None:
    assert name in keep(event)["trimmed"]


def test_what_is_not_cut_is_not_named() -> None:
    whole = {
        "logentry": {"message": "w" * MESSAGE_LIMIT}, "release": "r" * 200, "breadcrumbs": [{"message": "m"}] * 100,
        "exception": [exception(value="v" * 4_000, frames=250)], "tags": {"t": "v" * 500},
    }  # fmt: skip
    assert keep(whole)["trimmed"] == []


def test_message_that_grows_by_its_marks_is_cut_and_named() -> None:
    event = keep({"message": ("a@b.cd " * 1_143)[: MESSAGE_LIMIT - 1]})
    assert len(event["message"]) <= MESSAGE_LIMIT
    assert event["trimmed"] == ["message"]


def test_large_chain_is_trimmed_in_its_links_too() -> None:
    frame = {**FRAME, "vars": {"v": "x" * 400}, "pre_context": ["y" * 400], "post_context": ["z" * 400]}
    links = [{"type": f"E{n}", "value": "v", "frames": [frame] * 100} for n in range(4)]
    small = trim({"message": "m", "exceptions": links, "frames": [frame] * 100}, 60_000)
    assert small["trimmed"][:4] == ["vars", "source", "breadcrumbs", "frames"]
    assert [len(link["frames"]) for link in small["exceptions"]] == [50] * 4
    assert all("vars" not in kept and "pre_context" not in kept for link in small["exceptions"] for kept in link["frames"])


DAY = timedelta(days=1)


@pytest.mark.parametrize("drift", [timedelta(hours=-3), timedelta(hours=5), timedelta(days=-400), timedelta(days=3_650)])
def test_wrong_clock_is_corrected_and_marked(drift: timedelta) -> None:
    sent_at = NOW + drift
    found = correct_clock({"occurred_at": sent_at - timedelta(seconds=9), "sanitized": ["utf8"]}, sent_at, NOW)
    assert found == {"occurred_at": NOW - timedelta(seconds=9), "sanitized": ["utf8", "clock"]}
    assert finish_event({"message": "x", **found}, NOW)["sanitized"] == ["clock", "utf8"]


@pytest.mark.parametrize(
    ("occurred_at", "sent_at"),
    [
        (NOW - DAY, NOW), (NOW - DAY, NOW - timedelta(minutes=54)), (NOW - DAY, NOW + timedelta(minutes=54)), (NOW - DAY, None),
        (None, NOW - DAY),
        # The event's time is right, and the time of sending is not.
        (NOW, NOW - 300 * DAY),
    ],
)  # fmt: skip
def test_clock_that_is_not_proven_wrong_is_believed(occurred_at: datetime | None, sent_at: datetime | None) -> None:
    assert correct_clock({"occurred_at": occurred_at}, sent_at, NOW) == {"occurred_at": occurred_at}


def test_auto_is_no_address_of_a_user() -> None:
    assert convert({"message": "x", "user": {"ip_address": "{{auto}}"}}, "key")["user_hash"] is None
    assert convert({"message": "x", "user": {"ip_address": "{{auto}}", "id": "7"}}, "key")["user_hash"]
    assert convert({"message": "x", "user": {"ip_address": "192.0.2.7"}}, "key")["user_hash"]


def test_threads_keep_their_names_and_lost_stacks_are_named() -> None:
    stack = {"frames": [{"function": "spin", "filename": "w.c"}]}
    threads = [{"id": 1, "name": "main", "current": True, "stacktrace": stack}, {"id": 2, "name": "pool", "stacktrace": stack}]
    event = keep({"message": "x", "threads": {"values": threads}})
    assert [frame["function"] for frame in event["frames"]] == ["spin"]
    assert event["context"]["threads"] == [{"id": 1, "name": "main", "current": True}, {"id": 2, "name": "pool"}]
    assert event["trimmed"] == ["threads"]


def test_one_thread_loses_nothing() -> None:
    stack = {"frames": [{"function": "spin", "filename": "w.c"}]}
    event = keep({"message": "x", "threads": [{"id": 1, "crashed": True, "stacktrace": stack}]})
    assert (event["trimmed"], event["frames"][0]["function"]) == ([], "spin")


@pytest.mark.parametrize("name", ["template", "csp"])
def test_other_interfaces_are_kept_in_the_context(name: str) -> None:
    event = keep({"message": "x", name: {"filename": "page.html", "lineno": 4}})
    assert event["context"][name] == {"filename": "page.html", "lineno": 4}


def test_raw_stack_is_used_or_named() -> None:
    raw = {"frames": [{"function": "a", "filename": "min.js"}]}
    assert keep({"exception": {"type": "E", "raw_stacktrace": raw}})["frames"][0]["function"] == "a"
    assert keep({"exception": "the text alone"})["message"] == "the text alone"
    both = keep({"exception": {"type": "E", "raw_stacktrace": raw, "stacktrace": {"frames": [{"function": "load"}]}}})
    assert (both["frames"][0]["function"], both["trimmed"]) == ("load", ["raw_stacktrace"])


def test_dropped_parts_of_a_request_are_named() -> None:
    request = {"url": "https://a.example/x", "fragment": "step-2", "cookies": "sid=1"}
    assert keep({"message": "x", "request": request})["request"] == {"url": "https://a.example/x", "fragment": "step-2"}
    assert keep({"message": "x", "request": request})["trimmed"] == []
    assert keep({"message": "x", "request": request | {"protocol": "h2"}})["trimmed"] == ["request"]


def test_dropped_source_lines_are_named() -> None:
    frame = {"function": "f", "pre_context": [str(number) for number in range(30)]}
    event = keep({"exception": {"type": "E", "stacktrace": {"frames": [frame]}}})
    assert (event["frames"][0]["pre_context"][0], event["trimmed"]) == ("20", ["frames"])


@pytest.mark.parametrize("value", [1769860800, 1769860800000, "1769860800", "1769860800000", "2026-01-31T12:00:00Z"])
def test_times_in_milliseconds_and_texts_are_read(value: Any) -> None:
    event = keep({"message": "x", "timestamp": value})
    assert (event["occurred_at"], event["sanitized"]) == ("2026-01-31T12:00:00+00:00", [])


@pytest.mark.parametrize("value", ["yesterday", [], 1e300, "31.01.2026"])
def test_a_time_that_cannot_be_read_is_marked(value: Any) -> None:
    event = keep({"message": "x", "timestamp": value})
    assert (event["occurred_at"], event["sanitized"]) == (NOW.isoformat(), ["time"])
