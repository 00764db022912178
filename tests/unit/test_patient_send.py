"""What nobody sends again waits for a queue that refuses, and no longer than its invocation allows."""

import time
from typing import Any

import pytest

from callwatch import sqs
from callwatch.exceptions import AwsCallFailed, QueueUnavailable
from callwatch.ingest import patient_send
from callwatch.ingest.patient_send import PATIENCE_S, compute_end_of_patience, send_patiently

QUEUE = "http://127.0.0.1:1/0/q"
AWAY = AwsCallFailed("status 500", is_passing=True)


class Service:
    """SQS that gives scripted responses, the last one again and again; a response is what it refuses, or an error."""

    def __init__(self, *script: list[dict[str, Any]] | AwsCallFailed) -> None:
        self.script = list(script)
        self.batches: list[list[str]] = []

    def send_message_batch(self, Entries: list[dict[str, str]], **_rest: Any) -> dict[str, Any]:  # noqa: N803
        self.batches.append([each["MessageBody"] for each in Entries])
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, AwsCallFailed):
            raise step
        return {"Failed": step}


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(patient_send, "time", found)
    return found


def serve(monkeypatch: pytest.MonkeyPatch, *script: list[dict[str, Any]] | AwsCallFailed) -> Service:
    service = Service(*script)
    monkeypatch.setattr(sqs, "_make_client", lambda *_given: service)
    return service


def test_a_queue_that_is_back_in_time_costs_nothing(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    service = serve(monkeypatch, *[AWAY] * 12, [])
    send_patiently(QUEUE, ["a", "b"], compute_end_of_patience(None))
    assert service.batches == [["a", "b"]] * 13
    assert 4 < clock.now - 100 < PATIENCE_S


def test_patience_ends(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    serve(monkeypatch, AWAY)
    with pytest.raises(QueueUnavailable):
        send_patiently(QUEUE, ["a"], compute_end_of_patience(None))
    assert PATIENCE_S - 1 <= clock.now - 100 <= PATIENCE_S


def test_patience_ends_with_the_invocation(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    serve(monkeypatch, AWAY)
    with pytest.raises(QueueUnavailable):
        send_patiently(QUEUE, ["a"], compute_end_of_patience(clock.now + 3))
    assert clock.now - 100 <= 3


def test_accepted_batches_are_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve(monkeypatch, [], AWAY, [{"Id": "0", "SenderFault": False}], [])
    send_patiently(QUEUE, [str(number) for number in range(12)], compute_end_of_patience(None))
    assert [len(batch) for batch in service.batches] == [10, 2, 2, 2]


@pytest.mark.parametrize(
    "step",
    [
        AwsCallFailed("RequestThrottled", is_passing=True), AwsCallFailed("AccessDenied"), AwsCallFailed("tls"),
        AwsCallFailed("timeout", is_passing=True),
        [{"Id": "0", "SenderFault": True}],
    ],
)  # fmt: skip
def test_what_waiting_does_not_end_is_told_at_once(step: Any, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    service = serve(monkeypatch, step)
    with pytest.raises(QueueUnavailable):
        send_patiently(QUEUE, ["a"], compute_end_of_patience(None))
    assert (len(service.batches), clock.now) == (1, 100)


def test_the_clock_of_patience_is_that_of_the_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_send, "time", time)
    assert compute_end_of_patience(None) == pytest.approx(time.monotonic() + PATIENCE_S, abs=1)
