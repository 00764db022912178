"""Our own queue does not answer: that is told, and no rule on errors says that all is well."""

import socket
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch import queue
from callwatch.db import connection, fetch_all
from callwatch.exceptions import QueueUnavailable
from callwatch.settings import reset_settings
from tests.fakes import cycles
from tests.fakes.cycles import states
from tests.fakes.queue import FakeQueue

START = datetime.now(UTC)


def cycle(minutes: float) -> dict[str, Any]:
    return dict(cycles.cycle(START + timedelta(minutes=minutes))["steps"])


def test_a_queue_that_does_not_answer_is_an_alert_at_the_second_cycle(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
        patch.setenv("ERROR_QUEUE_URL", "http://127.0.0.1:1/0/ErrorQueue")
        reset_settings()
        queue._client.cache_clear()
        assert cycle(0)["flush"]["error"] == "QueueUnavailable"
        assert (states()["queue_down"], states()["high_error_rate"]) == ("pending", "unknown")
        cycle(1)
        assert (states()["queue_down"], states()["ingest_backlog"]) == ("firing", "unknown")
    with connection() as conn:
        ((alert),) = fetch_all(conn, "SELECT message FROM callwatch.alerts WHERE rule_id = 'queue_down'")
    assert "the queue does not answer (EndpointConnectionError)" in alert["message"]
    FakeQueue([], START).stand_in(monkeypatch)
    reset_settings()
    for minute in range(2, 10):
        cycle(minute)
    assert (states()["queue_down"], states()["high_error_rate"]) == ("ok", "ok")


def test_a_queue_that_hangs_leaves_the_cycle_its_time_to_judge_and_tell(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", address)
        for name in ("ERROR_QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
            monkeypatch.setenv(name, f"{address}/0/{name}")
        reset_settings()
        queue._client.cache_clear()
        started = time.monotonic()
        steps = cycle(0)
        assert time.monotonic() - started < 20
    assert [steps[name]["error"] for name in ("flush", "check", "evaluate")] == ["QueueUnavailable", None, None]
    assert states()["queue_down"] == "pending"


def test_a_queue_that_wants_fewer_calls_is_there(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def throttle(*_given: Any) -> None:
        raise QueueUnavailable("the queue does not answer (ClientError)", is_throttled=True)

    monkeypatch.setattr(queue, "receive", throttle)
    cycle(0)
    cycle(2)
    assert (states()["queue_down"], states()["high_error_rate"]) == ("ok", "unknown")
