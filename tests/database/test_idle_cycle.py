"""What a cycle of an idle monitor asks of SQS, which a deployment pays for each minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch import sqs
from callwatch.settings import reset_settings
from tests.support.monitor_cycles import cycle
from tools.cost.bill import CYCLE_QUEUE_CALLS

QUEUE = "https://sqs.us-east-1.amazonaws.com/000000000000"


class IdleQueues:
    """Queues without messages; `calls` holds the name of each operation."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def receive_message(self, **given: Any) -> dict[str, Any]:
        self.calls.append(f"receive {given['QueueUrl'].rpartition('/')[2]}")
        return {}

    def get_queue_attributes(self, **given: Any) -> dict[str, Any]:
        self.calls.append(f"count {given['QueueUrl'].rpartition('/')[2]}")
        return {"Attributes": {}}


def test_idle_cycle_asks_the_queues_as_often_as_it_is_priced(
    database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    queues = IdleQueues()
    monkeypatch.setattr(sqs, "_make_client", lambda *_given: queues)
    for name in ("ERROR", "CRITICAL", "DEAD_LETTER"):
        monkeypatch.setenv(f"{name}_QUEUE_URL", f"{QUEUE}/{name}")
    monkeypatch.setenv("ARCHIVE_URL", str(tmp_path / "archive"))
    reset_settings()
    start = datetime.now(UTC)
    # The first cycles of a process look for messages that expire soon, later ones once an hour.
    for minute in range(4):
        queues.calls.clear()
        cycle(start + timedelta(minutes=minute))
    assert len(queues.calls) == CYCLE_QUEUE_CALLS, queues.calls
