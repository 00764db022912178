"""Critical errors while the database is down: they wait in the main queue, and no retry uses them up."""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from callwatch import sqs
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import QueueUnavailable
from callwatch.settings import reset_settings
from local.processes import find_free_port
from tests.support.database_faults import locked, read_only

FUNCTIONS = str(Path(__file__).resolve().parents[2] / "functions")


@pytest.fixture
def error_queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URL of a main queue, with a database that does not answer."""
    monkeypatch.syspath_prepend(FUNCTIONS)
    with mock_aws():
        sqs._make_client.cache_clear()
        url = boto3.client("sqs").create_queue(QueueName="errors")["QueueUrl"]
        monkeypatch.setenv("ERROR_QUEUE_URL", url)
        monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody:secret@127.0.0.1:{find_free_port()}/none")
        reset_settings()
        yield url
    sqs._make_client.cache_clear()
    sys.modules.pop("digest_critical", None)


def record(number: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    event = finish_event({"message": f"down {number}", "severity": "critical", "category": "system"}, now)
    return {"messageId": str(number), "body": build_error_message(event, 1, now)}


def test_database_outage_moves_messages_to_the_main_queue(error_queue: str) -> None:
    digest_critical = importlib.import_module("digest_critical")
    records = [record(number) for number in range(3)]
    assert digest_critical.handle({"Records": records}, None) == {"batchItemFailures": []}
    waiting = [json.loads(message.body)["event"]["message"] for message in sqs.receive(error_queue)]
    assert sorted(waiting) == ["down 0", "down 1", "down 2"]


def test_where_the_queue_is_down_too_the_event_source_keeps_them(error_queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest_critical = importlib.import_module("digest_critical")
    monkeypatch.setenv("ERROR_QUEUE_URL", f"{error_queue}-that-is-not-there")
    reset_settings()
    with pytest.raises(QueueUnavailable):
        digest_critical.handle({"Records": [record(1)]}, None)


@pytest.mark.parametrize("fault", [partial(locked, table="error_logs"), read_only])
def test_locked_table_moves_messages_to_the_main_queue(
    error_queue: str, database: str, monkeypatch: pytest.MonkeyPatch, fault: Callable[[str], AbstractContextManager[None]]
) -> None:
    digest_critical = importlib.import_module("digest_critical")
    monkeypatch.setattr(digest_critical, "_STATEMENT_S", 0.3)
    monkeypatch.setattr("callwatch.db.core.retry.GIVE_UP_AFTER_S", 0.0)
    with fault(database):
        assert digest_critical.handle({"Records": [record(1)]}, None) == {"batchItemFailures": []}
    (waiting,) = sqs.receive(error_queue)
    assert json.loads(waiting.body)["event"]["message"] == "down 1"
