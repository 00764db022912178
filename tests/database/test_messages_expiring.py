"""The monitor reports messages that have waited for hours, and archives them; the alert ends when they are back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from callwatch import sqs
from callwatch.db import connection, fetch_all
from callwatch.digest.archive import count_archive, restore_archive
from callwatch.digest.expiring import ExpiringState, QueueLook
from callwatch.events.event import build_error_message, finish_event
from callwatch.monitor.archive_step import measure_expiring
from callwatch.monitor.cycle import CycleReport
from callwatch.settings import reset_settings
from tests.support import monitor_cycles
from tests.support.aws_server import run_aws


@pytest.fixture
def queues(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield the three queues, and an archive in a folder."""
    with run_aws(monkeypatch):
        sqs._make_client.cache_clear()
        found = {}
        for name in ("ERROR", "CRITICAL", "DEAD_LETTER"):
            made = boto3.client("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})
            found[name] = made["QueueUrl"]
            monkeypatch.setenv(f"{name}_QUEUE_URL", found[name])
        monkeypatch.setenv("ARCHIVE_URL", str(tmp_path / "archive"))
        monkeypatch.setattr("callwatch.monitor.archive_step._LIMIT_S", 60.0)
        monkeypatch.setattr("callwatch.digest.expiring.LOOK_EVERY_S", dict.fromkeys(("dead_letters", "errors", "critical"), 0.0))
        reset_settings()
        yield found
    sqs._make_client.cache_clear()


def cycle(now: datetime) -> CycleReport:
    """Return the report of a cycle with time for every step on a machine that is busy."""
    return monitor_cycles.cycle(now, budget_s=500)


def is_firing() -> bool:
    """Return whether an instance of the rule fires."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT state FROM callwatch.rule_states WHERE rule_id = 'messages_expiring'")
    return "firing" in {row["state"] for row in rows}


def test_a_dead_letter_that_waits_is_told_and_archived(queues: dict[str, str], tmp_path: Path) -> None:
    archive, now = str(tmp_path / "archive"), datetime.now(UTC)
    event = finish_event({"message": "unread"}, now)
    sqs.move_to_dead_letters(queues["DEAD_LETTER"], build_error_message(event, 1, now), "DataError")
    assert cycle(now)["steps"]["archive"] == {"error": None, "archived": {"dead_letters": 0}}
    cycle(now + timedelta(minutes=1))
    assert not is_firing()
    for hours in (7, 8):
        cycle(now + timedelta(hours=hours))
    assert is_firing()
    cycle(now + timedelta(days=12))
    assert (sqs.estimate_count(queues["DEAD_LETTER"]), count_archive(archive)) == (0, 1)
    cycle(now + timedelta(days=12, minutes=1))
    assert is_firing()
    assert restore_archive(archive, queues["ERROR"], 10) == 1
    for minutes in (2, 3):
        cycle(now + timedelta(days=12, minutes=minutes))
    assert not is_firing()


def test_a_queue_is_over_when_drained_not_when_a_process_begins() -> None:
    now = datetime(2031, 3, 12, 14, tzinfo=UTC)
    state = ExpiringState(looks={"errors": QueueLook(now, 0.0, now - timedelta(hours=9), True, 0)})

    def read() -> tuple[float | None, bool]:
        (found,) = [each for each in measure_expiring(state, now) if each.labels.get("queue") == "errors"]
        return found.value, found.is_abstention

    assert read() == (9 * 3600.0, False)
    state = ExpiringState()
    assert read() == (None, True)
    state.drained = frozenset({"errors"})
    assert read() == (0.0, False)
