"""The digest of an event source on a real PostgreSQL and a real queue: nothing is lost, worn out or failed for another."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import boto3
import pytest
from psycopg2.errors import QueryCanceled

from callwatch import sqs
from callwatch.db import connection, fetch_one, reset_pool
from callwatch.db.core import retry
from callwatch.digest import event_source, unstored
from callwatch.digest.event_source import Record, digest_records
from callwatch.digest.flush import flush
from callwatch.digest.store import Digested, digest
from callwatch.digest.unstored import (
    FLUSH_VISIBILITY_S,
    HIDDEN_FOR,
    MAX_PAUSE_S,
    MIN_PAUSE_S,
    UnstoredMessages,
    compute_pause_s,
)
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import DatabaseUnavailable
from callwatch.monitor import steps
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.state import MonitorState
from callwatch.settings import reset_settings
from local.api_gateway.template import load
from local.processes import find_free_port
from local.sqs import server as local_queue
from tests.support.database_faults import locked, read_only

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC)


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield the addresses of the error queue and the dead letters."""
    server = local_queue.start(tmp_path)
    given = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_ENDPOINT_URL_SQS": server.endpoint_url, "PARALLEL_DIGEST": "8"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(event_source, "WAIT_S", 0.0)
    monkeypatch.setattr(retry, "GIVE_UP_AFTER_S", 0.0)
    client = boto3.client("sqs", endpoint_url=server.endpoint_url)
    found = {name: client.create_queue(QueueName=name)["QueueUrl"] for name in ("ERROR", "CRITICAL", "DEAD_LETTER")}
    for name, url in found.items():
        monkeypatch.setenv(f"{name}_QUEUE_URL", url)
    sqs._make_client.cache_clear()
    reset_settings()
    yield found
    server.stop()
    sqs._make_client.cache_clear()


def message(text: str) -> str:
    return build_error_message(finish_event({"message": text, "type": text.split()[0]}, NOW), 1, NOW)


def deliver(url: str) -> list[Record]:
    """Receive what is visible as an event source does."""
    found: list[Record] = []
    while messages := sqs.receive(url):
        found += [
            Record(
                messageId=each.message_id,
                receiptHandle=each.receipt_handle,
                body=each.body,
                attributes={
                    "ApproximateReceiveCount": str(each.receive_count),
                    "SentTimestamp": str(round(each.sent_at.timestamp() * 1000)) if each.sent_at else "",
                },
            )
            for each in messages
        ]
    return found


def invoke(records: Sequence[Record], queues: dict[str, str], limit_s: float = 20.0) -> set[str]:
    """Digest records; return the ids of those that come again."""
    answer = digest_records(records, queues["ERROR"], queues["DEAD_LETTER"], NOW, limit_s)
    return {item["itemIdentifier"] for item in answer["batchItemFailures"]}


def finish(records: Sequence[Record], failed: set[str], url: str) -> None:
    """Delete as an event source does."""
    sqs.delete(url, [record["receiptHandle"] for record in records if record["messageId"] not in failed])


def figures() -> tuple[int, ...]:
    """Return rows, and what each counter says."""
    tables = ("error_counts_hourly", "error_counts_by_minute", "error_counts_by_group", "error_groups")
    with connection() as conn:
        rows = [fetch_one(conn, "SELECT count(*)::int AS n FROM callwatch.error_logs")]
        rows += [fetch_one(conn, f"SELECT coalesce(sum(count), 0)::int AS n FROM callwatch.{name}") for name in tables]
    return tuple(row["n"] for row in rows if row)


def test_good_records_never_fail_with_bad_ones(database: str, queues: dict[str, str]) -> None:
    sqs.send(queues["ERROR"], [*(message(f"Good {number}") for number in range(30)), "bad", '{"v": 9}'])
    records = deliver(queues["ERROR"])
    assert invoke(records, queues) == set()
    assert figures() == (30,) * 5
    dead = sqs.receive(queues["DEAD_LETTER"])
    assert {(each.body, each.reason) for each in dead} == {("bad", "not JSON"), ('{"v": 9}', "unknown message version 9")}
    finish(records, set(), queues["ERROR"])
    assert sqs.estimate_count(queues["ERROR"]) == 0


def test_where_dead_letters_cannot_be_written_only_they_return(database: str, queues: dict[str, str]) -> None:
    sqs.send(queues["ERROR"], [message("Good one"), "bad"])
    records = deliver(queues["ERROR"])
    bad = {record["messageId"] for record in records if record["body"] == "bad"}
    assert invoke(records, {**queues, "DEAD_LETTER": queues["DEAD_LETTER"] + "-gone"}) == bad
    assert figures() == (1,) * 5


@pytest.mark.parametrize("fault", [partial(locked, table="error_logs"), read_only])
def test_an_unusable_database_returns_all_and_hides_them(
    database: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch, fault: Callable[[str], AbstractContextManager[None]]
) -> None:
    monkeypatch.setattr(event_source, "_STATEMENT_S", 0.3)
    monkeypatch.setattr(event_source, "_MIN_S", 0.3)
    sqs.send(queues["ERROR"], [message("Good one"), message("Good two"), "bad"])
    records = deliver(queues["ERROR"])
    with fault(database):
        failed = invoke(records, queues, 5.0)
    assert {record["messageId"] for record in records if record["body"] != "bad"} <= failed
    assert sqs.estimate_count(queues["ERROR"]) == 3, "nothing was sent to the queue that invokes the digest"
    assert sqs.estimate_in_flight(queues["ERROR"]) == 3
    assert figures() == (0,) * 5


def test_an_unreachable_database_is_waited_for(database: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody:secret@127.0.0.1:{find_free_port()}/none")
    monkeypatch.setattr(event_source, "WAIT_S", 20.0)
    monkeypatch.setattr(event_source, "WAIT_STEP_S", 0.1)
    reset_settings()
    sqs.send(queues["ERROR"], [message("Good one")])
    records = deliver(queues["ERROR"])

    def return_soon() -> None:
        monkeypatch.setenv("DATABASE_URL", database)
        reset_settings()
        reset_pool()

    timer = threading.Timer(0.5, return_soon)
    timer.start()
    assert invoke(records, queues) == set()
    timer.join()
    assert figures() == (1,) * 5


def count_receives(outage: timedelta, first_at: float = 0.0) -> tuple[int, float]:
    """Return how often a message is received in an outage, each at the end of its pause, and its last pause; times in s.

    first_at: its age when it is received for the first time.
    """
    age_s, count, pause = first_at, 0, 0
    while age_s <= outage.total_seconds():
        count += 1
        pause = compute_pause_s(count, age_s)
        age_s += pause
    return count, pause


def read_max_receives(digests: str) -> int:
    redrive = load(ROOT / "template.yaml", {"PARALLEL_DIGEST": digests}, {}).queues["ErrorQueue"]["RedrivePolicy"]
    return int(json.loads(redrive)["maxReceiveCount"])


@pytest.mark.parametrize(
    ("outage", "most"), [(timedelta(minutes=10), 30), (timedelta(days=3), 400), (timedelta(days=10), read_max_receives("8"))]
)
def test_an_outage_of_days_wears_out_nothing(outage: timedelta, most: int) -> None:
    counts = [count_receives(outage, first_at)[0] for first_at in (0.0, 0.1, 6.0, 100.0, 5_000.0)]
    assert max(counts) < most
    # Then they are dead letters, which the monitor archives on their eleventh day; SQS keeps a message for 14 days.
    assert count_receives(timedelta(days=11))[0] > read_max_receives("8")


@pytest.mark.parametrize("outage_s", [12, 60, 600, 3_600, 86_400])
def test_after_an_outage_messages_return_within_a_sixth_of_it(outage_s: int) -> None:
    for first_at in (0.0, 1.0, outage_s / 2, outage_s - 1.0):
        _count, pause = count_receives(timedelta(seconds=outage_s), first_at)
        assert pause <= max(MIN_PAUSE_S, min(MAX_PAUSE_S, outage_s / 6))


def test_a_backlog_is_not_hidden_for_long_by_a_short_failure() -> None:
    assert [compute_pause_s(count, 86_400) for count in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]
    assert [compute_pause_s(1_000, age_s) for age_s in (-60, 0, 60, 600, 1e9)] == [5, 5, 10, 100, 900]
    assert timedelta(seconds=MAX_PAUSE_S) < HIDDEN_FOR


def test_hidden_records_are_seen_again_after_their_pause(queues: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody:secret@127.0.0.1:{find_free_port()}/none")
    monkeypatch.setattr(unstored, "MIN_PAUSE_S", 1)
    reset_settings()
    sqs.send(queues["ERROR"], [message(f"Good {number}") for number in range(25)])
    records = deliver(queues["ERROR"])
    assert invoke(records, queues) == {record["messageId"] for record in records}
    assert deliver(queues["ERROR"]) == []
    again: list[sqs.QueueMessage] = []
    while len(again) < 25 and (found := sqs.receive(queues["ERROR"], wait_s=2)):
        again += found
    assert [each.receive_count for each in again] == [2] * 25


def test_what_a_failed_flush_received_returns_within_seconds(
    database: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes while a batch is stored: it need not wait for the queue's timeout."""
    sqs.send(queues["ERROR"], [message(f"Good {number}") for number in range(25)])
    monkeypatch.setattr(unstored, "MIN_PAUSE_S", 1)
    monkeypatch.setattr("callwatch.digest.flush.store", lambda *_args: (_ for _ in ()).throw(DatabaseUnavailable("gone")))
    with pytest.raises(DatabaseUnavailable):
        flush(datetime.now(UTC), 5.0, UnstoredMessages())
    assert sqs.receive(queues["ERROR"]) == []
    again: list[sqs.QueueMessage] = []
    while len(again) < 25 and (found := sqs.receive(queues["ERROR"], wait_s=2)):
        again += found
    assert [each.receive_count for each in again] == [2] * 25
    template = load(ROOT / "template.yaml", {}, {}).queues["ErrorQueue"]
    assert int(template["VisibilityTimeout"]) == FLUSH_VISIBILITY_S


def test_a_batch_that_takes_too_long_is_stored_in_parts(
    database: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest_slowly(bodies: Sequence[str], now: datetime) -> Digested:
        if len(bodies) > 7:
            raise QueryCanceled
        return digest(bodies, now)

    monkeypatch.setattr(event_source, "digest", digest_slowly)
    sqs.send(queues["ERROR"], [message(f"Good {number}") for number in range(120)])
    assert invoke(deliver(queues["ERROR"]), queues) == set()
    assert figures() == (120,) * 5


def test_what_the_time_does_not_allow_comes_again(database: str, queues: dict[str, str]) -> None:
    sqs.send(queues["ERROR"], [message("Good one")])
    records = deliver(queues["ERROR"])
    assert invoke(records, queues, limit_s=0.5) == {records[0]["messageId"]}
    assert figures() == (0,) * 5


def test_our_own_mistake_raises_and_keeps_all(database: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_source, "digest", lambda *_args: (_ for _ in ()).throw(KeyError("ours")))
    sqs.send(queues["ERROR"], [message("Good one")])
    with pytest.raises(KeyError):
        invoke(deliver(queues["ERROR"]), queues)
    assert sqs.estimate_count(queues["ERROR"]) == 1


def test_the_monitor_knows_what_may_be_hidden_after_an_outage(
    database: str, queues: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs.send(queues["ERROR"], [message("Good one")])
    records = deliver(queues["ERROR"])
    state = MonitorState()

    def oldest(now: datetime) -> tuple[float | None, str | None]:
        cycle = Cycle(now, time.monotonic() + 60, state)
        steps._flush(cycle)
        (sample,) = [each for each in cycle.samples if each.metric == "queue.oldest_message_s"]
        return sample.value, cycle.uncounted

    assert oldest(NOW) == (0.0, None), "a message in flight is on its way, as one that is not sent yet"
    with read_only(database), pytest.raises(Exception, match="read-only"):
        steps._flush(Cycle(NOW, time.monotonic() + 60, state))
    later = NOW + timedelta(minutes=2)
    value, why = oldest(later)
    assert (value, "1 messages may wait hidden" in str(why)) == (120.0, True)
    finish(records, set(), queues["ERROR"])
    assert oldest(later + timedelta(minutes=1)) == (0.0, None)
