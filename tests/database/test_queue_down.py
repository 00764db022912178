"""Our own queue does not answer: that is an alert, and no rule on errors claims that all is well."""

import itertools
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch import sqs
from callwatch.db import connection, fetch_all
from callwatch.exceptions import QueueUnavailable
from callwatch.settings import reset_settings
from tests.support import monitor_cycles
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import states

START = datetime.now(UTC)


def cycle(minutes: float) -> dict[str, Any]:
    return dict(monitor_cycles.cycle(START + timedelta(minutes=minutes))["steps"])


def test_silent_queue_is_an_alert_at_the_second_cycle(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
        patch.setenv("ERROR_QUEUE_URL", "http://127.0.0.1:1/0/ErrorQueue")
        reset_settings()
        sqs._make_client.cache_clear()
        assert cycle(0)["flush"]["error"] == "QueueUnavailable"
        assert (states()["queue_down"], states()["high_error_rate"]) == ("pending", "unknown")
        cycle(1)
        assert (states()["queue_down"], states()["ingest_backlog"]) == ("firing", "unknown")
    with connection() as conn:
        ((alert),) = fetch_all(conn, "SELECT message FROM callwatch.alerts WHERE rule_id = 'queue_down'")
    assert "the queue does not respond (unreachable)" in alert["message"]
    FakeQueue([], START).stand_in(monkeypatch)
    reset_settings()
    for minute in range(2, 10):
        cycle(minute)
    assert (states()["queue_down"], states()["high_error_rate"]) == ("ok", "ok")


def test_hanging_queue_leaves_time_to_evaluate_and_notify(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as mute:
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", address)
        for name in ("ERROR_QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
            monkeypatch.setenv(name, f"{address}/0/{name}")
        reset_settings()
        sqs._make_client.cache_clear()
        steps = cycle(0)
    assert [steps[name]["error"] for name in ("flush", "check", "evaluate")] == ["QueueUnavailable", None, None]
    assert states()["queue_down"] == "pending"
    with connection() as conn:
        ((row),) = fetch_all(conn, "SELECT steps FROM callwatch.monitor_cycles")
    earlier = itertools.takewhile(lambda step: step["name"] != "evaluate", row["steps"])
    # The cycle has 50 s, of which 20 are for evaluating and notifying.
    assert sum(step["duration_ms"] for step in earlier) < 30_000


def test_a_queue_that_wants_fewer_calls_is_there(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def throttle(*_given: Any, **_named: Any) -> None:
        raise QueueUnavailable("the queue does not respond (RequestThrottled)", is_throttled=True)

    monkeypatch.setattr(sqs, "receive", throttle)
    cycle(0)
    cycle(2)
    assert (states()["queue_down"], states()["high_error_rate"]) == ("ok", "unknown")
