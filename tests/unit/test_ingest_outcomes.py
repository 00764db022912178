"""What becomes of each item is counted once, under words from closed lists, whatever a sender writes."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.api.http import Request
from callwatch.ingest.report import MAX_COUNT, IngestReport
from callwatch.ingest.sdk import find_sdk
from callwatch.ingest.sentry.envelope import parse
from callwatch.ingest.sentry.items import take
from callwatch.ingest.sentry.reports.client_reports import list_discarded
from callwatch.models.ingest_outcome import CATEGORIES, DISCARD_REASONS, OTHER, Outcome, name_sdk, runs_at_users
from tests.support.flooded_ingest import KEY, FloodedIngest

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ERROR = {"message": "kept", "event_id": "b" * 32}
REPORT = {
    "timestamp": 1769860800.1,
    "discarded_events": [
        {"reason": "queue_overflow", "category": "error", "quantity": 200},
        {"reason": "sample_rate", "category": "transaction", "quantity": 3},
    ],
}


def build(*items: tuple[str, Any], **headers: Any) -> bytes:
    lines: list[bytes] = [json.dumps(headers).encode()]
    for kind, payload in items:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        lines += [json.dumps({"type": kind, "length": len(body)}).encode(), body]
    return b"\n".join(lines)


def count(*items: tuple[str, Any]) -> Mapping[tuple[Outcome, str, str], int]:
    return dict(take(*parse(build(*items)), "key", NOW).outcomes)


def test_each_refused_item_is_counted_and_named_in_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    items: list[tuple[str, Any]] = [
        ("event", ERROR), ("attachment", b"x"), ("replay_event", {}), ("profile", {}), ("profile", {}), ("statsd", b"a:1|c"),
        ("Weird <b>", {}),
    ]  # fmt: skip
    status, body, _headers = ingest.send_envelope(build(*items))
    assert status == 200
    assert {entry["type"]: entry["count"] for entry in body["rejected"]} == {
        "attachment": 1, "replay_event": 1, "profile": 2, "statsd": 1, "unknown": 1,
    }  # fmt: skip
    (report,) = ingest.reports
    assert sorted(report["counts"]) == [
        ["refused", "attachment", "not_kept", 1],
        ["refused", "metric_bucket", "not_kept", 1],
        ["refused", "other", "not_kept", 1],
        ["refused", "profile", "not_kept", 2],
        ["refused", "replay", "not_kept", 1],
    ]
    assert (report["project_id"], len(report["report_id"])) == (1, 32)


def test_an_error_alone_needs_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    ingest.send_envelope(build(("event", ERROR)), x_sentry_auth=f"Sentry sentry_key={KEY}, sentry_client=sentry.python/2.3.0")
    assert ingest.reports == []
    assert ingest.sent[0]["summary"]["sdk"] == "sentry.python/2.3.0"
    assert "cut" not in ingest.sent[0]["summary"]


def test_what_is_cut_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    ingest.send_envelope(build(("event", {**ERROR, "message": "x" * 20_000})))
    assert ingest.sent[0]["summary"]["cut"] is True


def test_a_body_refused_as_a_whole_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    assert ingest.send_envelope(b"nope")[0] == 400
    assert ingest.send_envelope(build(("session", b'{"a":"' + b"x" * 2**20 + b'"}')))[0] == 413
    assert ingest.send_errors_raw(b"nope")[0] == 400
    assert ingest.send_errors([{"no": "message"}])[0] == 422
    counts = [report["counts"] for report in ingest.reports]
    assert counts == [
        [["refused", "unknown", "bad_request", 1]],
        [["refused", "session", "too_large", 1]],
        [["refused", "error", "bad_request", 1]],
        [["refused", "error", "invalid", 1]],
    ]
    assert [report["sdk"] for report in ingest.reports] == ["unknown", "unknown", "api", "api"]


def test_a_client_report_is_counted() -> None:
    assert count(("client_report", REPORT)) == {
        ("accepted", "client_report", ""): 1,
        ("client_discarded", "error", "queue_overflow"): 200,
        ("client_discarded", "transaction", "sample_rate"): 3,
    }
    assert count(("client_report", b"nope")) == {("refused", "client_report", "invalid"): 1}


def test_a_trace_that_is_no_request_is_not_dropped_silently() -> None:
    trace = {"type": "transaction", "transaction": "/page", "contexts": {"trace": {"op": "pageload"}}}
    assert count(("transaction", trace)) == {("refused", "transaction", "not_counted"): 1}
    inner = {"span_id": "b", "parent_span_id": "a", "attributes": {}}
    assert count(("span", {"items": [inner, {"span_id": "c"}]})) == {("refused", "span", "not_counted"): 1}


@pytest.mark.parametrize(
    ("quantity", "counted", "is_limited"),
    [(1, 1, False), (2.9, 2, False), (10**30, MAX_COUNT, True), (float("inf"), MAX_COUNT, True), (MAX_COUNT, MAX_COUNT, False)],
)
def test_a_hostile_quantity_is_limited(quantity: Any, counted: int, is_limited: bool) -> None:
    (found,) = list_discarded({"discarded_events": [{"reason": "send_error", "category": "error", "quantity": quantity}]})
    assert found == ("error", "send_error", counted, is_limited)


@pytest.mark.parametrize("quantity", [0, -5, True, "7", None, float("nan"), [], {}])
def test_what_is_no_quantity_is_left_out(quantity: Any) -> None:
    assert not list(list_discarded({"discarded_events": [{"reason": "send_error", "category": "error", "quantity": quantity}]}))


def test_words_that_no_sdk_uses_are_other() -> None:
    entries = [{"reason": f"r{n}", "category": f"c{n}", "quantity": 1} for n in range(1_000)]
    found = list(list_discarded({"discarded_events": entries}))
    assert len(found) == 200
    assert {(category, reason) for category, reason, _quantity, _limited in found} == {(OTHER, OTHER)}


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3))


def test_bytes_of_discarded_items_are_no_items() -> None:
    # As sentry-sdk 2.75 reports two attachments, and a metric.
    named = [
        ("attachment", 3_000_000),
        ("attachment", 8_000_000),
        ("trace_metric_byte", 557),
        ("trace_metric", 1),
        ("log_byte", 90),
    ]
    entries = [{"reason": "ratelimit_backoff", "category": category, "quantity": quantity} for category, quantity in named]
    found = list(list_discarded({"discarded_events": entries}))
    assert [entry[::2] for entry in found] == [("attachment", 1), ("attachment", 1), ("trace_metric", 1)]
    counted = [*entries, {"reason": "ratelimit_backoff", "category": "attachment_item", "quantity": 2}]
    found = list(list_discarded({"discarded_events": counted}))
    assert [(category, quantity) for category, _reason, quantity, _is_limited in found] == [
        ("trace_metric", 1),
        ("attachment", 2),
    ]


@given(st.dictionaries(st.sampled_from(["discarded_events", "x"]), st.lists(
    st.dictionaries(st.sampled_from(["reason", "category", "quantity"]), JSON), max_size=4) | JSON))  # fmt: skip
def test_a_report_of_any_shape_gives_known_words(payload: Any) -> None:
    for category, reason, quantity, _is_limited in list_discarded(payload):
        assert category in CATEGORIES | {OTHER}
        assert reason in DISCARD_REASONS | {OTHER}
        assert 0 < quantity <= MAX_COUNT


def test_a_report_has_a_limited_number_of_counts() -> None:
    report = IngestReport(1, "api", NOW)
    for number in range(1_000):
        report.add("refused", "error", f"reason{number}", 10**9)
    (text,) = report.build_messages()
    assert len(json.loads(text)["counts"]) == 300
    assert {count for *_key, count in json.loads(text)["counts"]} == {MAX_COUNT}
    assert IngestReport(1, "api", NOW).build_messages() == []


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("sentry.python/2.3.0", "sentry.python/2.3.0"), ("raven-python/6.10.0", "raven-python/6.10.0"),
        ({"name": "Sentry.JavaScript.Node", "version": "9.1.0-beta.2"}, "sentry.javascript.node/9.1.0-beta.2"),
        ("sentry.go", "sentry.go"), ("sentry.go/<script>", "sentry.go"), ("<b>/1", None), ("", None), (None, None), (7, None),
        ({"name": 7}, None), ("x" * 60 + "/1", None), ({"name": "a" * 10**6}, None), ("ana@example.com/1", None),
    ],
)  # fmt: skip
def test_an_sdk_has_a_plain_name(value: Any, name: str | None) -> None:
    assert name_sdk(value) == name


def test_the_client_names_itself_before_its_events() -> None:
    auth = {"x-sentry-auth": "Sentry sentry_key=a, sentry_client=sentry.python/2.3.0, sentry_version=7"}
    events = [{"sdk": "sentry.python.flask/2.3.0"}]
    assert find_sdk(Request("POST", "/", headers=auth), {"sdk": {"name": "x"}}, events) == "sentry.python/2.3.0"
    assert find_sdk(Request("POST", "/", query={"sentry_client": "a.b/1"}), {}, events) == "a.b/1"
    assert find_sdk(Request("POST", "/"), {"sdk": {"name": "x", "version": "1"}}, events) == "x/1"
    named = Request("POST", "/", headers={"user-agent": "raven-go/1.0", "x-sentry-auth": "Sentry sentry_version=4"})
    assert (find_sdk(named, {}), find_sdk(named, {}, events)) == ("raven-go/1.0", "sentry.python.flask/2.3.0")
    for agent in ("Mozilla/5.0 (X11) sentry/1", "curl/8.1", "Go-http-client/1.1", "sentry", ""):
        assert find_sdk(Request("POST", "/", headers={"user-agent": agent}), {}) == "unknown"
    assert find_sdk(Request("POST", "/"), {"sdk": 5}, events) == "sentry.python.flask/2.3.0"
    assert find_sdk(Request("POST", "/"), {}) == "unknown"


@pytest.mark.parametrize(
    ("sdk", "expected"),
    [("sentry.javascript.browser/8.0.0", True), ("sentry.javascript.react", True), ("sentry.javascript.node/8.0.0", False),
     ("sentry.python/2.3.0", False), ("sentry.cocoa/8.1.0", True), ("unknown", False)],
)  # fmt: skip
def test_browsers_and_phones_run_at_users(sdk: str, expected: bool) -> None:
    assert runs_at_users(sdk) is expected


@pytest.mark.parametrize("quantity", [10**400, float("inf"), float("nan"), -1, 0, True, "9", None, [], 10**30])
def test_no_quantity_costs_the_event_beside_it(monkeypatch: pytest.MonkeyPatch, quantity: Any) -> None:
    ingest = FloodedIngest(monkeypatch)
    for report in (
        {"discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": quantity}]},
        {"aggregates": [{"started": "2026-01-31T12:00:00Z", "exited": quantity, "errored": quantity}], "attrs": {"release": "1"}},
    ):
        kind = "client_report" if "discarded_events" in report else "sessions"
        items = (("event", {**ERROR, "event_id": uuid.uuid4().hex}), (kind, report))
        lines = [line for name, payload in items for line in (json.dumps({"type": name}), json.dumps(payload))]
        sent = len(ingest.sent)
        assert ingest.send_envelope("\n".join(["{}", *lines]).encode())[0] == 200
        assert len(ingest.sent) == sent + 1


@pytest.mark.parametrize("reader", ["_take_check_in", "_read_spans", "take_other", "_read_transaction"])
def test_a_defect_in_one_reader_costs_no_event(monkeypatch: pytest.MonkeyPatch, reader: str) -> None:
    def fail(*_given: Any) -> None:
        raise ZeroDivisionError

    kind = {"_take_check_in": "check_in", "_read_spans": "span", "take_other": "session"}.get(reader, "transaction")
    monkeypatch.setattr(f"callwatch.ingest.sentry.items.{reader}", fail)
    ingest = FloodedIngest(monkeypatch)
    lines = ["{}", json.dumps({"type": kind}), "{}", json.dumps({"type": "event"}), json.dumps(ERROR)]
    status, body, _headers = ingest.send_envelope("\n".join(lines).encode())
    assert (status, [item["type"] for item in body["rejected"]]) == (200, [kind])
    assert [message["event"]["message"] for message in ingest.sent] == ["kept"]
