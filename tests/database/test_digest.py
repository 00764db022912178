"""From messages to rows on a real PostgreSQL: exact under redelivery, atomic, poison messages isolated."""

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch import sqs
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection, execute, fetch_all, fetch_one
from callwatch.db.error_queries import error_groups
from callwatch.db.error_queries.error_groups import add_history, set_state
from callwatch.db.error_queries.group_lists import GroupFilters
from callwatch.digest import flush
from callwatch.digest.groups import assign
from callwatch.digest.groups import updates as tally
from callwatch.digest.store import PAYLOADS_PER_HOUR, digest
from callwatch.digest.unstored import UnstoredMessages
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import DatabaseUnavailable, LockUnavailable
from callwatch.reports.groups.error_groups import list_groups_page, load_group_detail
from callwatch.reports.groups.group_actions import act
from callwatch.settings import reset_settings
from callwatch.sqs import QueueMessage
from callwatch.tracker import error_tracker
from tests.support.fake_queue import FakeQueue

NOW = datetime.now(UTC)


def message(text: str = "boom", now: datetime = NOW, project: int = 1, **fields: Any) -> str:
    return build_error_message(finish_event({"message": text, **fields}, now), project, now)


def scalar(sql: str, *params: Any) -> Any:
    with connection() as conn:
        row = fetch_one(conn, sql, params)
    assert row is not None
    return next(iter(row.values()))


def count_rows() -> int:
    return int(scalar("SELECT count(*) FROM callwatch.error_logs"))


def counted() -> tuple[int, int, int, int]:
    return (
        int(scalar("SELECT coalesce(sum(count), 0) FROM callwatch.error_counts_hourly")),
        int(scalar("SELECT coalesce(sum(count), 0) FROM callwatch.error_counts_by_minute")),
        int(scalar("SELECT coalesce(sum(count), 0) FROM callwatch.error_counts_by_group")),
        int(scalar("SELECT coalesce(sum(count), 0) FROM callwatch.error_groups")),
    )


def test_errors_become_rows_groups_and_counters(database: str) -> None:
    at = [NOW - timedelta(milliseconds=30 - n) for n in range(30)]
    given: dict[str, Any] = {"type": "LookupError", "severity": "high", "endpoint": "GET /u"}
    bodies = [message(f"user {n} not found", occurred_at=at[n], **given) for n in range(30)]
    bodies += [message("disk full", severity="critical")]
    done = digest(bodies, NOW)
    assert (done.errors, done.duplicates, done.poison) == (31, 0, [])
    assert count_rows() == 31
    assert counted() == (31, 31, 31, 31)
    with connection() as conn:
        found = read_error_metrics(conn, NOW)
    assert found["summary"]["total_1h"] == found["summary"]["total_24h"] == 31
    assert (found["summary"]["critical"], found["summary"]["high"], found["summary"]["unresolved"]) == (1, 30, 2)
    assert found["by_endpoint"] == [{"endpoint": "GET /u", "route": "/u", "count": 30, "last_error": "user 29 not found"}]
    assert found["trends"] is not None
    assert len(found["trends"]["hours"]) == 24
    assert found["trends"]["error_rate_per_hour"][-1] == 31


def test_every_message_delivered_twice_counts_once(database: str) -> None:
    bodies = [message(f"error {n}", user_hash=f"user{n % 3}") for n in range(50)]
    first = digest(bodies[:30], NOW)
    again = digest(bodies, NOW)
    third = digest([*bodies, *bodies], NOW)
    assert (first.errors, again.errors, again.duplicates, third.errors, third.duplicates) == (30, 20, 30, 0, 100)
    assert count_rows() == 50
    assert counted() == (50, 50, 50, 50)
    assert scalar("SELECT sum(users) FROM callwatch.error_groups") == 3


def test_concurrent_digests_of_same_messages_count_once(database: str) -> None:
    bodies = [message(f"kind {n % 7}", type=f"Type{n % 7}") for n in range(200)]
    failures: list[BaseException] = []

    def run(mine: list[str]) -> None:
        try:
            digest(mine, NOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(bodies[::step] if step > 0 else bodies[::-1],)) for step in (1, -1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert count_rows() == 200
    assert counted() == (200, 200, 200, 200)
    assert scalar("SELECT count(*) FROM callwatch.error_groups") == 7


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("not json", "not JSON"),
        ('{"v": 9}', "unknown message version 9"),
        ('{"v": 1, "kind": "dance", "project_id": 1}', "unknown kind"),
        ('{"v": 1, "kind": "error", "project_id": 1}', "event is missing"),
        ('{"v": 1, "kind": "error", "project_id": "x", "event": {}}', "project_id"),
        ('{"v": 1, "kind": "requests", "project_id": 1, "requests": [{}]}', "KeyError"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_poison_message_is_isolated_with_its_reason(database: str, body: str, reason: str) -> None:
    done = digest([message("good"), body, message("also good")], NOW)
    assert done.errors == 2
    ((poisoned, why),) = done.poison
    assert poisoned == body
    assert reason in why


def spoiled(**fields: Any) -> str:
    """Build what ingest would have sanitized: a message of another sender without a head may contain it."""
    bad = json.loads(message("bad"))
    del bad["summary"]
    bad["event"] |= fields
    return json.dumps(bad)


def beheaded(**fields: Any) -> str:
    """Build a message as ingest does, with another head."""
    bad = json.loads(message("bad"))
    bad["summary"] |= fields
    return json.dumps(bad, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    "bad",
    [
        spoiled(message="with a \x00 in it"),
        spoiled(message="a lone \ud800"),
        spoiled(user_hash={"\ud800": 1}),
        spoiled(frames=7),
        spoiled(occurred_at="0001-01-01T00:00:00+14:00"),
        spoiled(event_id="0" * 30 + "_1"),
        spoiled(severity=["high"]),
        spoiled(occurred_at=None),
        beheaded(message="with a \x00 in it"),
        message("cut")[:-40] + "}}",
    ],
)
def test_only_the_row_that_cannot_be_stored_is_left_out(database: str, bad: str) -> None:
    bodies = [message(f"good {n}") for n in range(40)]
    bodies.insert(17, bad)
    done = digest(bodies, NOW)
    assert done.errors == 40
    ((body, reason),) = done.poison
    assert body == bad
    assert reason
    assert counted()[0] == 40


def test_a_message_without_a_head_makes_the_same_rows_and_groups(database: str) -> None:
    given: dict[str, Any] = {"type": "A", "tags": {"k": 'v,"event":{'}, "release": "1", "endpoint": "GET /", "user_hash": "u"}
    with_head = message('a text with ,"event":{ in it', event_id="aa" * 16, **given)
    without = json.loads(message('a text with ,"event":{ in it', event_id="bb" * 16, **given))
    del without["summary"]
    assert digest([with_head, json.dumps(without, indent=1)], NOW).errors == 2
    with connection() as conn:
        one, two = fetch_all(conn, "SELECT *, payload::text AS payload FROM callwatch.error_logs ORDER BY event_id")
        found = load_group_detail(conn, "1", NOW, 90, {})
    assert {name for name in one if one[name] != two[name]} == {"event_id", "payload"}
    assert {**json.loads(one["payload"]), "event_id": None} == {**json.loads(two["payload"]), "event_id": None}
    assert (found["count"], found["tags"]) == (2, ['k:v,"event":{'])


@pytest.mark.parametrize(
    "fields", [{"title": 7}, {"fingerprint": None}, {"tags": 3}, {"user_hash": {"a": 1}}, {"severity": "odd"}, {"event_id": "x"}]
)
def test_a_head_that_cannot_be_used_is_made_anew_of_the_event(database: str, fields: dict[str, Any]) -> None:
    assert digest([beheaded(**fields), message("bad")], NOW).errors == 2
    assert scalar("SELECT count(*) FROM callwatch.error_groups") == 1


def test_a_failure_that_passes_makes_no_poison(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tally, "touch_groups", lambda *_args: (_ for _ in ()).throw(LockUnavailable("busy")))
        with pytest.raises(LockUnavailable):
            digest([message("good")], NOW)
    assert digest([message("good")], NOW).errors == 1


def test_missing_partition_is_created_and_blames_no_row(database: str) -> None:
    with connection() as conn:
        execute(conn, f"DROP TABLE callwatch.error_logs_p{NOW:%Y%m%d}")
        conn.commit()
    done = digest([message("good")], NOW)
    assert (done.errors, done.poison) == (1, [])


def test_event_id_is_unique_per_project_and_environment(database: str) -> None:
    event_id = "ab" * 16
    bodies = [message("x", project=p, environment=e, event_id=event_id) for p in (1, 2) for e in ("a", "b")]
    upper = json.loads(bodies[0])
    del upper["summary"]
    upper["event"]["event_id"] = event_id.upper()
    done = digest([*bodies, json.dumps(upper)], NOW)
    assert (done.errors, done.duplicates) == (4, 1)
    assert counted() == (4, 4, 4, 4)


def test_group_dropped_during_a_digest_is_created_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest([message("again")], NOW)
    lock = error_groups.lock_groups

    def forget_first(conn: Any, ids: list[int]) -> Any:
        monkeypatch.setattr(assign, "lock_groups", lock)
        with connection() as other:
            for table in ("error_fingerprints WHERE group_id", "error_groups WHERE id"):
                execute(other, f"DELETE FROM callwatch.{table} = ANY (%s)", (ids,))
            other.commit()
        return lock(conn, ids)

    monkeypatch.setattr(assign, "lock_groups", forget_first)
    assert digest([message("again")], NOW).errors == 1
    assert scalar("SELECT count FROM callwatch.error_groups") == 1


def test_a_new_group_has_all_that_its_first_occurrences_carry(database: str) -> None:
    hostile = {"path": 'C:\\temp,"{x}"\t', "empty": "", "null": "NULL"}
    early: dict[str, Any] = {"severity": "low", "release": "1", "endpoint": "GET /a", "occurred_at": NOW - timedelta(days=3)}
    late: dict[str, Any] = {"severity": "high", "release": "2", "endpoint": "GET /b", "occurred_at": NOW}
    bodies = [message("call 7 failed", tags=hostile, user_hash=user, **late) for user in ("u1", "u1", "u2")]
    digest([*bodies, message("call 8 failed", tags={"zone": "a"}, **early)], NOW)
    with connection() as conn:
        found = load_group_detail(conn, "1", NOW, 90, {})
    assert (found["message"], found["endpoint"], found["count"]) == ("call 8 failed", "GET /a", 4)
    assert found["severity"] == "high", "the worst of its occurrences"
    assert (found["users"], found["first_release"], found["release"]) == (2, "1", "2")
    assert found["first_seen_at"] == early["occurred_at"]
    assert found["last_seen_at"] == NOW
    assert {(row["release"], row["count"]) for row in found["releases"]} == {("1", 1), ("2", 3)}
    assert set(found["tags"]) == {*(f"{key}:{value}" for key, value in hostile.items()), "zone:a"}
    assert found["state"] == "new", "news, however late it comes"
    assert scalar("SELECT sum(count) FROM callwatch.error_counts_by_group_minute") == 4
    digest([message("call 9 failed", tags={"zone": "b"}, **late, user_hash="u2")], NOW)
    with connection() as conn:
        found = load_group_detail(conn, "1", NOW, 90, {})
    assert (found["count"], found["users"], found["state"]) == (5, 2, "unresolved")
    assert "zone:b" in found["tags"]


def test_redelivery_with_new_fingerprint_adds_no_group(database: str) -> None:
    digest([message("one", event_id="ab" * 16)], NOW)
    done = digest([message("two", event_id="ab" * 16), message("three")], NOW)
    assert (done.errors, done.duplicates) == (1, 1)
    assert counted() == (2, 2, 2, 2)
    assert scalar("SELECT count(*) FROM callwatch.error_groups") == 2
    assert scalar("SELECT count(*) FROM callwatch.error_fingerprints") == 2


def test_concurrent_digests_create_each_group_once(database: str) -> None:
    bodies = [message("x", type=f"Kind{n % 60}", user_hash=f"u{n % 5}", tags={"n": str(n % 3)}) for n in range(240)]
    parts = [bodies[start::4] + bodies[:60] for start in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda part: digest(part[::-1], NOW), parts))
    assert sum(one.errors for one in done) == count_rows() == 240
    assert counted() == (240, 240, 240, 240)
    assert scalar("SELECT count(*) FROM callwatch.error_groups") == 60
    assert scalar("SELECT sum(users) FROM callwatch.error_groups") == scalar("SELECT count(*) FROM callwatch.error_group_users")


def test_a_spike_keeps_its_count_and_samples_its_payloads(database: str) -> None:
    bodies = [message("the same again", type="Spike") for _ in range(PAYLOADS_PER_HOUR + 300)]
    for start in range(0, len(bodies), 100):
        digest(bodies[start : start + 100], NOW)
    assert count_rows() == PAYLOADS_PER_HOUR + 300
    kept = scalar("SELECT count(payload) FROM callwatch.error_logs")
    assert PAYLOADS_PER_HOUR <= kept < PAYLOADS_PER_HOUR + 30
    digest(bodies, NOW)
    assert counted()[0] == PAYLOADS_PER_HOUR + 300


def test_old_and_future_times_have_their_partition(database: str) -> None:
    times = [NOW - timedelta(days=400), NOW - timedelta(days=5), NOW + timedelta(days=30)]
    done = digest([message(f"at {at}", occurred_at=at) for at in times], NOW)
    assert (done.errors, done.poison) == (3, [])


def test_event_of_a_fast_clock_counts_at_its_arrival(database: str) -> None:
    digest([message("ahead", severity="critical", occurred_at=NOW + timedelta(hours=20))], NOW)
    for later, found in ((NOW, 1), (NOW + timedelta(hours=2), 0)):
        with connection() as conn:
            assert read_error_metrics(conn, later)["summary"]["total_1h"] == found
    assert scalar("SELECT last_seen_at FROM callwatch.error_groups") == NOW


def test_the_monitors_own_errors_are_not_the_products(database: str) -> None:
    digest([message("ours", project=0), message("theirs", project=1)], NOW)
    with connection() as conn:
        assert read_error_metrics(conn, NOW)["summary"]["total_24h"] == 1
        assert read_error_metrics(conn, NOW, {"project_id": 0, "environment": None})["summary"]["total_24h"] == 1
        items, _cursor = list_groups_page(conn, {}, 50, NOW)
    assert [item["message"] for item in items] == ["theirs"]


def test_resolved_group_that_returns_is_marked_regressed(database: str) -> None:
    digest([message("flaky", type="Flaky", release="1.9")], NOW)
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "fixed", "in_release": "1.10"}, "ana", NOW)
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=5)
    digest([message("flaky", later, type="Flaky", release="1.9", occurred_at=later)], later)
    assert scalar("SELECT state FROM callwatch.error_groups") == "resolved", "an older release may still run"
    digest([message("flaky", later, type="Flaky", release="1.11", occurred_at=later)], later)
    with connection() as conn:
        found = load_group_detail(conn, "1", later, 90, {})
    assert found["state"] == "regressed"
    assert [entry["action"] for entry in found["history"]] == ["regressed", "resolve"]


@pytest.mark.parametrize("seed", range(8))
def test_regression_does_not_depend_on_order_of_digests(database: str, seed: int) -> None:
    """Occurrences of five releases are digested before and after a resolution, in any order, in batches and by two digests."""
    chance = random.Random(seed)
    names = [f"1.{number}.0" for number in range(5)] if seed % 2 else [f"dpl_{chance.randbytes(8).hex()}z" for _ in range(5)]
    began = NOW - timedelta(hours=1)
    for number, name in enumerate(names):
        at = began + timedelta(minutes=number)
        digest([message("beacon", at, type="Beacon", release=name, occurred_at=at)], at)
    digest([message("flaky", began, type="Flaky", release=names[0], occurred_at=began)], began)
    fixed_in = chance.randrange(5)
    group = str(scalar("SELECT id FROM callwatch.error_groups WHERE type = 'Flaky'"))
    later = datetime.now(UTC) + timedelta(seconds=5)
    made = [(chance.randrange(5), chance.choice((NOW - timedelta(seconds=3), later))) for _ in range(chance.randint(1, 4))]
    bodies = [message("flaky", later, type="Flaky", release=names[number], occurred_at=at) for number, at in made]
    before = [] if seed % 3 else [message("flaky", NOW, type="Flaky", release=names[4], occurred_at=NOW)]
    digest(before, NOW)
    with connection() as conn:
        act(conn, group, "resolve", {"reason": "fixed", "in_release": names[fixed_in]}, "ana", NOW)
        conn.commit()
    middle = chance.randint(0, len(bodies))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda part: digest(part, later), (bodies[:middle], bodies[middle:])))
    is_back = any(number > fixed_in or (number == fixed_in and at == later) for number, at in made)
    assert scalar("SELECT state FROM callwatch.error_groups WHERE type = 'Flaky'") == ("regressed" if is_back else "resolved")


def test_whole_seconds_of_a_sender_hide_no_regression(database: str) -> None:
    digest([message("flaky", type="Flaky")], NOW)
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "fixed"}, "ana", NOW)
        conn.commit()
    at: Any = scalar("SELECT state_changed_at FROM callwatch.error_groups")
    second, later = at.replace(microsecond=0), at + timedelta(seconds=1)
    digest([message("flaky", at, type="Flaky", occurred_at=second)], at)
    assert scalar("SELECT state FROM callwatch.error_groups") == "resolved", "it was received before"
    digest([message("flaky", later, type="Flaky", occurred_at=second)], later)
    assert scalar("SELECT state FROM callwatch.error_groups") == "regressed"


def test_unordered_commit_before_fix_is_no_regression(database: str) -> None:
    digest([message("flaky", type="Flaky", release=release) for release in ("fff0001", "app@0a0b0c0d")], NOW)
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "told by ana@example.com", "in_release": "ccc0002"}, "ana", NOW)
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=5)
    for old in ("fff0001", "app@0a0b0c0d"):
        digest([message("flaky", later, type="Flaky", release=old, occurred_at=later)], later)
    assert scalar("SELECT state FROM callwatch.error_groups") == "resolved"
    digest([message("flaky", later, type="Flaky", release="aaa0003", occurred_at=later)], later)
    assert scalar("SELECT state FROM callwatch.error_groups") == "regressed"
    assert scalar("SELECT reason FROM callwatch.error_group_history WHERE action = 'resolve'") == "told by [email]"


def test_an_ignored_group_comes_back_when_its_number_is_over(database: str) -> None:
    digest([message("noise", type="Noise")], NOW)
    with connection() as conn:
        set_state(conn, 1, "ignored", more=2)
        add_history(conn, [(1, "ana", "ignore", "noise")])
        conn.commit()
    digest([message("noise", type="Noise")], NOW)
    assert scalar("SELECT state FROM callwatch.error_groups") == "ignored"
    digest([message("noise", type="Noise")], NOW)
    assert scalar("SELECT state FROM callwatch.error_groups") == "unresolved"


def test_pages_and_search_find_groups(database: str) -> None:
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    for index, word in enumerate(words):
        at = NOW - timedelta(minutes=index)
        digest(
            [message(f"{word} broke", occurred_at=at, type=f"{word}Error", environment="staging" if index else "production")], NOW
        )
    with connection() as conn:
        first, position = list_groups_page(conn, {}, 2, NOW)
        assert position is not None
        after: GroupFilters = {"before_at": datetime.fromisoformat(position[0]), "before_id": int(position[1])}
        second, _rest = list_groups_page(conn, after, 2, NOW)
        searched, _none = list_groups_page(conn, {"q": "gamma"}, 10, NOW)
        staging, _none = list_groups_page(conn, {"environment": "staging"}, 10, NOW)
    assert [item["message"] for item in first + second] == [f"{word} broke" for word in words[:4]]
    assert [item["message"] for item in searched] == ["gamma broke"]
    assert len(staging) == 4


@pytest.fixture
def fake_queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    fake = FakeQueue([message(f"queued {n}") for n in range(120)] + ["poison"], datetime.now(UTC))
    fake.stand_in(monkeypatch)
    return fake


def test_flush_drains_the_queue_and_sets_poison_aside(database: str, fake_queue: FakeQueue) -> None:
    result = flush.flush(NOW, 20, UnstoredMessages())
    assert (result.received, result.errors, result.poisoned, result.is_drained) == (121, 120, 1, True)
    assert fake_queue.waiting == {}
    assert fake_queue.dead == [("poison", "not JSON")]


class SteadyQueue(FakeQueue):
    """A queue that is never empty: whenever it was, a message has just been sent."""

    def __init__(self, backlog: list[str], sent_at: datetime) -> None:
        super().__init__(backlog, sent_at)
        self.arrived = self.empty = 0

    def receive(self, _url: str | None, most: int = 10, wait_s: int = 0) -> list[QueueMessage]:
        with self.lock:
            found = super().receive(_url, most, wait_s)
            self.empty += not found
            # Of the receivers that ask at once, one finds the new message.
            return found if found or self.empty % 4 != 1 else self._arrive()

    def _arrive(self) -> list[QueueMessage]:
        self.arrived += 1
        handle = f"new-{self.arrived}"
        self.waiting[handle] = message(f"new {self.arrived}")
        self.hidden.add(handle)
        return [QueueMessage(self.waiting[handle], handle, handle, 1, sent_at=datetime.now(UTC))]


def test_a_steady_load_does_not_keep_the_flush_going(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = SteadyQueue([message(f"queued {n}") for n in range(4_000)], datetime.now(UTC) - timedelta(minutes=1))
    queue.stand_in(monkeypatch)
    started = time.monotonic()
    result = flush.flush(NOW, 60, UnstoredMessages())
    assert time.monotonic() - started < 30, "the time that was given is not used up"
    assert result.is_drained
    assert result.errors == 4_000 + queue.arrived
    assert 0 < queue.arrived < 50
    assert result.oldest_s < 30


def test_flush_receives_nothing_while_the_database_is_down(monkeypatch: pytest.MonkeyPatch, fake_queue: FakeQueue) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    reset_settings()
    with pytest.raises(DatabaseUnavailable):
        flush.flush(NOW, 5, UnstoredMessages())
    assert fake_queue.hidden == set(), "an outage must not wear good messages out"


def test_flusher_dying_after_commit_keeps_exact_counts(
    database: str, fake_queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sqs, "delete", die)
        with pytest.raises(KeyboardInterrupt):
            flush.flush(NOW, 20, UnstoredMessages())
    assert count_rows() > 0
    fake_queue.hidden.clear()
    flush.flush(NOW, 20, UnstoredMessages())
    assert count_rows() == 120
    assert counted() == (120, 120, 120, 120)


def test_flusher_dying_before_commit_stores_nothing(
    database: str, fake_queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tally, "touch_groups", lambda *_args: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            flush.flush(NOW, 20, UnstoredMessages())
    assert count_rows() == 0
    fake_queue.hidden.clear()
    flush.flush(NOW, 20, UnstoredMessages())
    assert counted() == (120, 120, 120, 120)


def test_the_trackers_statistics_come_from_the_counters(database: str) -> None:
    digest([message("a", severity="high", category="database"), message("b", severity="low", category="api")], NOW)
    stats = error_tracker.get_error_stats(hours=24)
    assert (stats["total"], stats["by_severity"], stats["by_category"]) == (2, {"high": 1, "low": 1}, {"database": 1, "api": 1})
    assert {entry["message"] for entry in stats["top_errors"]} == {"a", "b"}


def test_partitions_hold_the_rows_of_their_days(database: str) -> None:
    digest([message("today"), message("before", occurred_at=NOW - timedelta(days=2))], NOW)
    with connection() as conn:
        rows = fetch_all(conn, "SELECT tableoid::regclass::text AS name FROM callwatch.error_logs ORDER BY day")
    assert len({row["name"] for row in rows}) == 2
