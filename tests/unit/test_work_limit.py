"""Work on a foreign event ends by itself: by CPU time or by the remaining time, and always keeps an event."""

import contextlib
import re
import signal
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from callwatch.events import event as module
from callwatch.events.event import finish_foreign_event
from callwatch.events.event_summary import summarize_event
from callwatch.events.trim import measure_size
from callwatch.events.work_limit import WorkBudget, WorkLimitReached, limit_work
from callwatch.ingest import hostile_json
from callwatch.scrubbing.scrubber import scrub_event
from tests.support.flooded_ingest import FloodedIngest, build_envelope

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
EXPONENTIAL = re.compile(r"(a+)+$")
GIVEN = {
    "event_id": "b" * 32, "type": "ValueError", "message": "call 415-555-2671 " * 40, "severity": "critical",
    "environment": "staging", "context": {"card": "4111 1111 1111 1111"},
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _compiled_rules() -> None:
    """The first event of a process compiles the scrubbing rules, which takes longer than these limits."""
    finish_foreign_event(GIVEN, NOW, WorkBudget(cpu_s=60))


class Context:
    aws_request_id = "11111111-2222-3333-4444-555555555555"
    memory_limit_in_mb = "512"
    function_name = "ingest"

    def __init__(self, remaining_ms: int) -> None:
        self.remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def work_forever(*_given: Any) -> Any:
    EXPONENTIAL.match("a" * 40 + "b")


def test_an_expression_that_never_ends_is_interrupted() -> None:
    started = time.process_time()
    with pytest.raises(WorkLimitReached), limit_work(0.1):
        work_forever()
    assert time.process_time() - started < 0.5


class WorksAsItIsDeleted:
    def __del__(self) -> None:
        work_forever()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_destructor_does_not_swallow_the_limit() -> None:
    def work() -> None:
        WorksAsItIsDeleted()
        work_forever()

    with pytest.raises(WorkLimitReached), limit_work(0.1):
        work()


def test_time_counts_where_the_process_gets_no_cpu() -> None:
    with pytest.raises(WorkLimitReached), limit_work(60, time.monotonic() + 0.05):
        time.sleep(30)
    with pytest.raises(WorkLimitReached), limit_work(60, time.monotonic() - 1):
        pytest.fail("there is no time left for this")


def test_a_limit_leaves_handlers_and_timers_as_they_were() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_given: calls.append(1))
    outer = signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with limit_work(5, time.monotonic() + 5):
            pass
        assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
        time.sleep(0.3)
        assert calls == [1]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *outer)


def test_a_thread_works_without_limit() -> None:
    done: list[bool] = []

    def work() -> None:
        with limit_work(0.000001):
            done.append(sum(range(100_000)) > 0)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_scrubber_that_hangs_leaves_the_event_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    scrub = scrub_event
    # It hangs at the context: with the whole event and with the trimmed one.
    monkeypatch.setattr(module, "scrub_event", lambda event: work_forever() if event["context"] else scrub(event))
    started = time.process_time()
    event = finish_foreign_event(GIVEN, NOW, WorkBudget(cpu_s=0.2))
    assert time.process_time() - started < 1
    assert (event["event_id"], event["type"], event["severity"]) == ("b" * 32, "ValueError", "critical")
    assert event["trimmed"] == ["cpu_limit"]
    assert event["message"].startswith("call [phone] call [phone]")
    assert not re.search(r"\d{3}", event["message"]), "no half of a number is left at the cut"


def test_many_costly_events_share_one_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    scrub, budget = scrub_event, WorkBudget(cpu_s=0.1)
    monkeypatch.setattr(module, "scrub_event", lambda event: work_forever() if event["context"] else scrub(event))
    started = time.process_time()
    events = [finish_foreign_event(GIVEN, NOW, budget) for _ in range(60)]
    # Two tries for each of 60 events, with 0.03 s for each, would take 3.6 s.
    assert time.process_time() - started < 1.5
    assert all(event["event_id"] == "b" * 32 and event["trimmed"] == ["cpu_limit"] for event in events)


def test_an_event_too_costly_as_a_whole_keeps_a_smaller_form(monkeypatch: pytest.MonkeyPatch) -> None:
    scrub = scrub_event
    monkeypatch.setattr(module, "scrub_event", lambda event: work_forever() if measure_size(event) > 40_000 else scrub(event))
    event = finish_foreign_event({**GIVEN, "context": {"a": "x " * 90_000, "b": 1}}, NOW, WorkBudget(cpu_s=0.3))
    assert event["trimmed"][0] == "cpu_limit"
    assert event["context"]["b"] == 1
    assert 3_000 < len(event["context"]["a"]) < 4_100


def test_one_costly_item_does_not_cost_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest, scrub = FloodedIngest(monkeypatch), scrub_event
    monkeypatch.setattr(module, "scrub_event", lambda event: work_forever() if event["message"] == "bad" else scrub(event))
    started = time.process_time()
    given = [{"message": "bad" if number in (3, 50) else f"good {number}", "context": {"n": number}} for number in range(100)]
    status, answer, _headers = ingest.send_errors(given)
    assert (status, answer["accepted"]) == (202, 100)
    assert time.process_time() - started < 3
    kept = [message["event"] for message in ingest.sent]
    assert [event["message"] for event in kept if event["trimmed"]] == ["an event that could not be read in time"] * 2
    assert [event["trimmed"] for event in kept if event["message"].startswith("good")] == [[]] * 98
    assert all(event["context"] == {"n": number} for number, event in enumerate(kept) if number not in (3, 50))


def test_grouping_that_hangs_leaves_the_event_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest, summarize = FloodedIngest(monkeypatch), summarize_event
    monkeypatch.setattr(module, "summarize_event", lambda event: work_forever() if event["stack"] else summarize(event))
    started = time.process_time()
    given = [{**GIVEN, "event_id": f"{number:032x}", "stack": "at f (a.js:1:1)"} for number in range(100)]
    status, answer, _headers = ingest.send_errors(given)
    assert time.process_time() - started < 2
    assert (status, answer["accepted"], len(ingest.sent)) == (202, 100, 100)
    for message in ingest.sent:
        event = message["event"]
        assert (event["trimmed"], event["severity"], message["environment"]) == (["cpu_limit"], "critical", "staging")
        assert event["stack"] is event["context"] is None
        assert message["summary"]["fingerprint"]
        assert message["summary"]["cut"] is True
    assert ingest.sent[0]["event"]["message"].startswith("call [phone]")


def test_a_spent_budget_stops_before_the_work() -> None:
    budget, done = WorkBudget(cpu_s=0.02), []
    for spend in (budget.spend, budget.spend_on_group, budget.spend_on_stub):
        for _ in range(60):
            with contextlib.suppress(WorkLimitReached), spend():
                work_forever()
        started = time.process_time()
        with pytest.raises(WorkLimitReached), spend():
            done.append(spend)
        assert time.process_time() - started < 0.005
    assert done == []


def test_a_body_too_costly_to_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    monkeypatch.setattr(hostile_json, "load_hostile", work_forever)
    for function in ("errors", "requests"):
        started = time.process_time()
        status, answer, _headers = ingest.post(function, b"[]", role="ingest", actor="project:1")
        assert time.process_time() - started < 1
        assert (status, answer["error"]["code"]) == (413, "too_large")
        assert "takes too long to read" in answer["error"]["message"]


def test_an_invocation_gives_up_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    scrub = scrub_event
    # A frozen or starved process uses no CPU: the deadline ends it.
    monkeypatch.setattr(module, "scrub_event", lambda event: time.sleep(30) if event["context"] else scrub(event))
    body = build_envelope({"message": "kept", "level": "fatal", "event_id": "c" * 32, "extra": {"a": 1}})
    started = time.monotonic()
    status, answer, _headers = ingest.post("envelope", body, {"x-sentry-auth": f"sentry_key={'ab' * 16}"}, context=Context(2_000))
    assert (status, answer) == (200, {"id": "c" * 32})
    assert 0.9 < time.monotonic() - started < 1.9
    (message,) = ingest.sent
    assert (message["event"]["message"], message["event"]["trimmed"]) == ("kept", ["cpu_limit"])
    assert message["summary"]["fingerprint"]


def test_a_reader_that_hangs_leaves_a_stub(monkeypatch: pytest.MonkeyPatch) -> None:
    from callwatch.ingest.sentry import items as taking

    ingest = FloodedIngest(monkeypatch)
    monkeypatch.setattr(taking, "load_marked", work_forever)
    status, _answer, _headers = ingest.send_envelope(build_envelope({"message": "x"}))
    assert status == 200
    assert ingest.sent[0]["event"]["type"] == "UnreadableEvent"
    assert "takes too long" in ingest.sent[0]["event"]["message"]
