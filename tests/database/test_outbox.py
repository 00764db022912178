"""The outbox under faults: channels that are down for long, senders that die, and many senders at once."""

import dataclasses
import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.actions import acknowledge, act_on_rule
from callwatch.alerts.evaluation import planner as policy
from callwatch.alerts.evaluation import storms
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.notifications.channels import GAP_S, slack
from callwatch.alerts.notifications.delivery import LEASE_S, deliver_due
from callwatch.alerts.serializers import load_alert_detail
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.outbox import forget_deliveries
from callwatch.exceptions import DatabaseUnavailable
from callwatch.models.sample import Sample
from callwatch.monitor.own_samples import measure_channels
from callwatch.settings import get_settings, reset_settings
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC)
RULE = AlertRule(
    "subject", "Subject", AlertLevel.ERROR, (AlertChannel.WEBHOOK, AlertChannel.LOG), (Condition("test.value", ">", 10),),
    cooldown_minutes=5,
)  # fmt: skip


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Grouping of storms has its own tests; here each alert has its own deliveries.
    for module in (policy, storms):
        monkeypatch.setattr(module, "MAX_SINGLE", 1000)
    alert_manager.add_rule(RULE)
    yield
    alert_manager._added.clear()


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def fire(*subjects: str, at: datetime = NOW, value: float = 20) -> Evaluated:
    samples = [Sample("test.value", value, None, {"stage": subject}) for subject in subjects]
    return judge(samples, at, "test.value")


def judge(samples: list[Sample], at: datetime, metric: str) -> Evaluated:
    with connection() as conn:
        done = evaluate_rules(conn, samples, at, only_metrics=frozenset({metric}))
        conn.commit()
    return done


def rows(sql: str = "SELECT * FROM callwatch.deliveries WHERE channel = 'webhook' ORDER BY id") -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, sql)


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    """Return kind, subject and webhook-id of each request in order of arrival."""
    found = []
    for request in list(receiver.received):
        body = json.loads(request.body)
        found.append((body["type"], body["data"]["labels"].get("stage", ""), request.headers["webhook-id"]))
    return found


def broken_samples(at: datetime) -> dict[str, float | None]:
    with connection() as conn:
        return {sample.labels["channel"]: sample.value for sample in measure_channels(conn, at)}


def test_channel_back_after_an_outage_gets_each_message_once(
    receiver: Receiver,
) -> None:
    receiver.default = Scripted(503)
    for minute in range(25):
        if minute == 10:
            receiver.default = Scripted(200)
            receiver.received.clear()
        # Three more each minute; at the end one resolves.
        subjects = [f"{earlier}-{number}" for earlier in range(min(minute, 7) + 1) for number in range(3)]
        fire(*[subject for subject in subjects if minute < 9 or subject != "0-0"], at=after(minute))
        deliver_due(after(minute), 5)
    ids = Counter(message_id for _kind, _subject, message_id in told(receiver))
    assert Counter((kind, subject) for kind, subject, _id in told(receiver)) == Counter(
        [("alert.firing", f"{minute}-{number}") for minute in range(8) for number in range(3)] + [("alert.resolved", "0-0")]
    )
    assert set(ids.values()) == {1}
    assert {row["state"] for row in rows()} == {"sent"}
    assert all(row["created_at"] <= row["sent_at"] for row in rows("SELECT created_at, sent_at FROM callwatch.deliveries"))


def test_open_breaker_uses_up_no_attempts_and_no_time(receiver: Receiver) -> None:
    receiver.default = Scripted(500)
    fire(*"abcde")
    deliver_due(NOW, 5)
    assert len(receiver.received) == 3, "three failures in a row open the breaker"
    for minute in range(1, 60):
        deliver_due(after(minute), 5)
    assert len(receiver.received) < 25, "one trial at a time"
    waiting = rows("SELECT attempts, trying_since FROM callwatch.deliveries WHERE channel = 'webhook' AND attempts = 0")
    assert all(row["trying_since"] is None for row in waiting)
    assert sum(row["attempts"] for row in rows()) == len(receiver.received)
    receiver.default = Scripted(200)
    receiver.received.clear()
    deliver_due(after(66), 5)
    _trial, *others = [subject for _kind, subject, _id in told(receiver)]
    assert others == sorted(others), "in the order in which they were queued"
    assert len(receiver.received) == 5, "the trial got through, and all that waited follow at once"


def test_a_breaker_does_not_count_its_time_as_time_of_trying(receiver: Receiver) -> None:
    receiver.default = Scripted(500)
    fire("a", "b", "c")
    deliver_due(NOW, 5)
    # Held for 30 hours without an attempt: the monitor was off, or others kept the breaker open.
    receiver.script.append(Scripted(200))
    receiver.default = Scripted(500)
    deliver_due(after(30 * 60), 5)
    states = Counter(row["state"] for row in rows())
    assert states == {"sent": 1, "due": 2}


def test_delivery_is_abandoned_and_reported_after_a_day(receiver: Receiver) -> None:
    receiver.default = Scripted(500)
    fire("lost")
    at = NOW
    while at < after(25 * 60):
        deliver_due(at, 5)
        at += timedelta(minutes=20)
    (row,) = rows()
    assert (row["state"], row["last_error"]) == ("failed", "the receiver responded with 500")
    assert row["attempts"] > 20
    with connection() as conn:
        shown = load_alert_detail(conn, str(row["alert_id"]))
    assert {d["channel"]: d["state"] for d in shown["deliveries"]} == {"database": "sent", "log": "sent", "webhook": "failed"}
    assert "not delivered: webhook" in [entry["kind"] for entry in shown["timeline"]]
    assert broken_samples(at) == {"webhook": 1.0, "log": 0.0}


def test_what_waited_for_three_days_is_no_news_any_more(receiver: Receiver) -> None:
    fire("old")
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET created_at = now() - interval '73 hours'")
        conn.commit()
    deliver_due(NOW, 5)
    assert receiver.received == []
    assert [(row["state"], row["last_error"]) for row in rows()] == [("failed", "too old to be sent")]


def test_broken_channel_is_reported_through_the_others(receiver: Receiver) -> None:
    receiver.script.append(Scripted(410))
    fire("refused")
    deliver_due(NOW, 5)
    with connection() as conn:
        samples = measure_channels(conn, after(1))
    assert judge(samples, after(1), "channel.broken").fired == 1
    queued = rows(
        "SELECT d.channel, a.labels FROM callwatch.deliveries d JOIN callwatch.alerts a ON a.id = d.alert_id"
        " WHERE a.rule_id = 'channel_broken' AND d.channel <> 'database'"
    )
    assert [(row["channel"], row["labels"]) for row in queued] == [("log", {"channel": "webhook"})]
    (alert,) = rows("SELECT message FROM callwatch.alerts WHERE rule_id = 'channel_broken'")
    assert "responded with 410" in alert["message"]
    fire("refused", "next", at=after(7))
    deliver_due(after(7), 5)
    assert [kind for kind, _subject, _id in told(receiver)] == ["alert.firing", "alert.firing"]
    assert broken_samples(after(8))["webhook"] == 1.0, "one notification was lost: that stays said for a while"
    assert broken_samples(after(30))["webhook"] == 0.0


def test_rejecting_channel_keeps_deliveries_until_fixed(receiver: Receiver) -> None:
    receiver.default = Scripted(401)
    fire("a", "b", "c")
    deliver_due(NOW, 5)
    assert Counter(row["state"] for row in rows()) == {"failed": 1, "due": 2}
    receiver.default = Scripted(200)
    deliver_due(after(6), 5)
    assert Counter(row["state"] for row in rows()) == {"failed": 1, "sent": 2}


@pytest.mark.parametrize(("answer", "is_sent"), [(Scripted(404), True), (Scripted(429, {"retry-after": "300"}), False)])
def test_channel_test_ignores_all_but_a_receiver_given_pause(answer: Scripted, is_sent: bool, receiver: Receiver) -> None:
    receiver.script.append(answer)
    fire("a", "b")
    deliver_due(NOW, 5)
    with connection() as conn:
        act_on_rule(conn, "subject", "test", {"reason": "fixed"}, "ana", get_settings(), after(0.1))
        conn.commit()
    deliver_due(after(0.1), 5)
    kinds = [kind for kind, _subject, _id in told(receiver)]
    assert kinds == (["alert.firing", "alert.test", "alert.firing"] if is_sent else ["alert.firing"])


def test_slack_gets_its_messages_with_the_gap_that_it_asks_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", receiver.url)
    monkeypatch.setitem(GAP_S, "slack", 0.2)
    reset_settings()
    alert_manager.add_rule(dataclasses.replace(RULE, channels=(AlertChannel.SLACK,)))
    fire("a", "b", "c")
    started = time.monotonic()
    assert deliver_due(NOW, 10).sent == 3
    assert time.monotonic() - started >= 0.4
    assert slack.GAP_S == 1.0


def test_one_message_that_is_refused_holds_up_no_other(receiver: Receiver) -> None:
    receiver.script.append(Scripted(400))
    fire("a", "b", "c")
    deliver_due(NOW, 5)
    assert [row["state"] for row in rows()] == ["failed", "sent", "sent"]


def test_a_firing_that_was_refused_does_not_block_its_resolve(receiver: Receiver) -> None:
    receiver.script.append(Scripted(400))
    fire("a")
    deliver_due(NOW, 5)
    fire("a", at=after(1), value=1)
    deliver_due(after(1), 5)
    assert [kind for kind, _subject, _id in told(receiver)] == ["alert.firing", "alert.resolved"]
    assert [row["state"] for row in rows()] == ["failed", "sent"]


def test_round_ends_in_time_despite_a_hanging_channel(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_given: Any) -> None:
        time.sleep(30)

    monkeypatch.setattr("callwatch.alerts.notifications.channels.webhook.send", hang)
    fire("a", "b")
    started = time.monotonic()
    done = deliver_due(NOW, 1)
    assert time.monotonic() - started < 10
    assert (done.sent, done.postponed) == (2, 1), "the log got both; the webhook's first is tried later"
    assert [(row["state"], row["attempts"], row["claimed_until"]) for row in rows()] == [("due", 1, None), ("due", 0, None)]


def test_database_lost_before_marking_repeats_the_same_id(
    receiver: Receiver, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fire("a")
    real = __import__("callwatch.alerts.notifications.delivery", fromlist=["mark_sent"]).mark_sent

    def lose(conn: Any, delivery_id: int, holder: str) -> bool:
        with psycopg2.connect(database) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
        return bool(real(conn, delivery_id, holder))

    monkeypatch.setattr("callwatch.alerts.notifications.delivery.mark_sent", lose)
    with pytest.raises(DatabaseUnavailable):
        deliver_due(NOW, 5)
    monkeypatch.setattr("callwatch.alerts.notifications.delivery.mark_sent", real)
    forget_claims()
    deliver_due(NOW, 5)
    ids = {message_id for _kind, _subject, message_id in told(receiver)}
    assert len(ids) == 1
    assert rows()[0]["state"] == "sent"


def forget_claims() -> None:
    """Expire the leases of claims."""
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET claimed_until = now() - interval '1 second' WHERE state = 'due'")
        conn.commit()


def send_in_a_process(environ: dict[str, str]) -> None:
    os.environ.update(environ)
    reset_settings()
    deliver_due(NOW, 20)


def environ() -> dict[str, str]:
    names = ("DATABASE_URL", "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "WEBHOOK_ALLOWED_NETWORKS")
    return {name: os.environ[name] for name in names}


def test_senders_in_four_processes_never_both_send(receiver: Receiver) -> None:
    fire(*[str(number) for number in range(60)])
    context = multiprocessing.get_context("spawn")
    senders = [context.Process(target=send_in_a_process, args=(environ(),)) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    ids = [message_id for _kind, _subject, message_id in told(receiver)]
    assert len(ids) == len(set(ids)) == 60
    assert {(row["state"], row["attempts"]) for row in rows()} == {("sent", 1)}


def test_killed_sender_is_followed_under_the_same_id(receiver: Receiver) -> None:
    receiver.script.append(Scripted(delay_s=20))
    fire("a")
    context = multiprocessing.get_context("spawn")
    sender = context.Process(target=send_in_a_process, args=(environ(),))
    sender.start()
    deadline = time.monotonic() + 30
    while not receiver.received and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sender.pid
    os.kill(sender.pid, signal.SIGKILL)
    sender.join(10)
    assert rows()[0]["claimed_until"] - datetime.now(UTC) < timedelta(seconds=LEASE_S), "nobody is held up for longer"
    forget_claims()
    assert deliver_due(NOW, 5).sent == 1
    assert len({message_id for _kind, _subject, message_id in told(receiver)}) == 1
    assert len(receiver.received) == 2


def test_pagerduty_keeps_one_incident_until_it_resolves(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGERDUTY_API_URL", receiver.url.rpartition("/")[0])
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "routing-key")
    reset_settings()
    alert_manager.add_rule(dataclasses.replace(RULE, channels=(AlertChannel.PAGERDUTY,)))
    fire("a")
    deliver_due(NOW, 5)
    with connection() as conn:
        (alert,) = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = 'subject'")
        acknowledge(conn, str(alert["id"]), {"reason": "on it"}, "ana", get_settings(), after(1))
        conn.commit()
    deliver_due(after(1), 5)
    fire("a", at=after(2), value=1)
    deliver_due(after(2), 5)
    events = [json.loads(request.body) for request in receiver.received]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert len({event["dedup_key"] for event in events}) == 1


def test_old_deliveries_are_dropped_but_not_open_recipients(receiver: Receiver) -> None:
    fire("over", "goes on")
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET created_at = %s, state = 'sent'", (after(-90 * 1440),))
        execute(conn, "UPDATE callwatch.alerts SET state = 'resolved' WHERE labels->>'stage' = 'over'")
        conn.commit()
    # A day later the alert that still fires is notified once more, to the webhook alone.
    again = """
        INSERT INTO callwatch.deliveries (alert_id, channel, kind, message_id, payload, state, due_at)
        SELECT alert_id, channel, kind, 'again ' || message_id, payload, state, due_at FROM callwatch.deliveries
        WHERE channel = 'webhook' AND payload #>> '{labels,stage}' = 'goes on'
    """
    with connection() as conn:
        execute(conn, again)
        execute(conn, "INSERT INTO callwatch.deliveries (channel, kind, message_id, payload, due_at, created_at)"
                      " VALUES ('webhook', 'alert.test', 'due', '{}', now(), %s)", (after(-90 * 1440),))  # fmt: skip
        assert forget_deliveries(conn, after(-30 * 1440)) == 4
        conn.commit()
    left = [
        (row["channel"], row["message_id"].partition("_")[0], row["state"])
        for row in rows("SELECT * FROM callwatch.deliveries ORDER BY id")
    ]
    assert left == [
        ("database", "msg", "sent"),
        ("log", "msg", "sent"),
        ("webhook", "again msg", "sent"),
        ("webhook", "due", "due"),
    ]
