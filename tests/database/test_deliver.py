"""Alerts end to end on a real PostgreSQL: one transaction, one claim, one message id, in order, and during an outage."""

import base64
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.actions import acknowledge, act_on_rule
from callwatch.alerts.evaluation import planner as policy
from callwatch.alerts.evaluation import storms
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.outage.issues import list_current_issues
from callwatch.alerts.serializers import load_alert_detail
from callwatch.alerts.silence_actions import create_silence, delete_silence
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.alert_transitions import open_alerts
from callwatch.db.alert_queries.alerts import NewAlert
from callwatch.db.alert_queries.channel_states import open_breaker
from callwatch.exceptions import RequestRefused
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.steps import build_steps
from callwatch.runtime.responses import find_status
from callwatch.settings import get_settings, reset_settings
from tests.support.scripted_receiver import Receiver, Scripted

KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OLD_KEY = base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
NOW = datetime.now(UTC)
RULE = AlertRule(
    "subject", "Subject", AlertLevel.ERROR, (AlertChannel.WEBHOOK,), (Condition("test.value", ">", 10),), cooldown_minutes=5
)


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", f"whsec_{KEY},whsec_{OLD_KEY}")
    monkeypatch.setenv("APP_URL", "https://ops.example.com")
    reset_settings()
    alert_manager.add_rule(RULE)
    yield
    alert_manager._added.clear()


def evaluate(value: float | None, at: datetime = NOW, **labels: str) -> Evaluated:
    with connection() as conn:
        sample = Sample("test.value", value, None if value is not None else Reason("unavailable", "why"), labels)
        done = evaluate_rules(conn, [sample], at, only_metrics=frozenset({"test.value"}))
        conn.commit()
    return done


def alerts(**where: Any) -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT * FROM callwatch.alerts WHERE rule_id = 'subject' ORDER BY id")


def deliveries() -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT * FROM callwatch.deliveries WHERE channel <> 'database' ORDER BY id")


def kinds(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["type"] for request in receiver.received]


def test_an_alert_is_told_signed_and_its_resolve_too(receiver: Receiver) -> None:
    assert evaluate(20, service="openai").fired == 1
    assert deliver_due(NOW, 5).sent == 1
    evaluate(1, NOW + timedelta(minutes=1), service="openai")
    deliver_due(NOW + timedelta(minutes=1), 5)
    assert kinds(receiver) == ["alert.firing", "alert.resolved"]
    for key in (KEY, OLD_KEY):
        verified = Webhook(f"whsec_{key}").verify(receiver.received[0].body, receiver.received[0].headers)
        assert verified["data"]["service"] == "openai"
    data = json.loads(receiver.received[0].body)["data"]
    names = (
        "alert_id rule_id title level message value threshold since service labels dashboard_url runbook_url incident_id incident"
    )
    assert set(data) == set(names.split())
    assert data["dashboard_url"] == f"https://ops.example.com/admin/operations#/alerts/{data['alert_id']}"
    (alert,) = alerts()
    assert (alert["state"], alert["service"], alert["value"]) == ("resolved", "openai", 20)


def test_retry_uses_the_same_id_and_a_fresh_signature(receiver: Receiver) -> None:
    receiver.script.extend([Scripted(500), Scripted(503), Scripted(200)])
    evaluate(20)
    for minutes in (0, 5, 30):
        deliver_due(NOW + timedelta(minutes=minutes), 5)
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    assert len(receiver.received) == 3
    assert [(row["state"], row["attempts"]) for row in deliveries()] == [("sent", 3)]


def test_retry_after_is_honoured(receiver: Receiver) -> None:
    receiver.script.append(Scripted(429, {"retry-after": "1200"}))
    evaluate(20)
    deliver_due(NOW, 5)
    deliver_due(NOW + timedelta(minutes=19), 5)
    assert len(receiver.received) == 1
    deliver_due(NOW + timedelta(minutes=21), 5)
    assert deliveries()[0]["state"] == "sent"


def test_retry_after_counts_from_the_response(receiver: Receiver) -> None:
    receiver.script.append(Scripted(429, {"retry-after": "60"}, delay_s=0.5))
    evaluate(20)
    cycle = Cycle(now=NOW, deadline=time.monotonic() + 30)
    cycle.began -= 40
    dict(build_steps(list))["notify"](cycle)
    (row,) = deliveries()
    assert timedelta(seconds=100.5) <= row["due_at"] - NOW < timedelta(seconds=105)
    deliver_due(NOW + timedelta(seconds=100), 5)
    assert len(receiver.received) == 1, "nor does the channel's breaker let it through before"


@pytest.mark.parametrize(
    "answer",
    [Scripted(400), Scripted(401), Scripted(403), Scripted(404), Scripted(410), Scripted(302, {"location": "http://x/"})],
)
def test_a_permanent_refusal_is_not_retried_and_is_shown(receiver: Receiver, answer: Scripted) -> None:
    receiver.script.append(answer)
    evaluate(20)
    deliver_due(NOW, 5)
    deliver_due(NOW + timedelta(hours=1), 5)
    assert len(receiver.received) == 1
    (row,) = deliveries()
    assert row["state"] == "failed"
    assert str(answer.status) in row["last_error"]


def test_response_cut_after_its_status_counts_as_that_status(receiver: Receiver) -> None:
    receiver.script.append(Scripted(200, is_truncated=True))
    evaluate(20)
    assert deliver_due(NOW, 5).sent == 1


def test_a_receiver_that_hangs_holds_up_nothing_for_long(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.alerts.notifications.channel_worker.TIMEOUT_S", 0.5)
    receiver.script.append(Scripted(delay_s=30))
    evaluate(20)
    started = datetime.now(UTC)
    deliver_due(NOW, 5)
    assert (datetime.now(UTC) - started).total_seconds() < 15
    assert deliveries()[0]["state"] == "due"


def test_a_resolve_never_overtakes_what_it_resolves(receiver: Receiver) -> None:
    receiver.script.append(Scripted(500))
    evaluate(20)
    deliver_due(NOW, 5)
    evaluate(1, NOW + timedelta(minutes=1))
    deliver_due(NOW + timedelta(seconds=1), 5)
    assert kinds(receiver) == ["alert.firing"], "the resolve waits for the retry"
    deliver_due(NOW + timedelta(minutes=30), 5)
    deliver_due(NOW + timedelta(minutes=30), 5)
    assert kinds(receiver) == ["alert.firing", "alert.firing", "alert.resolved"]


def test_two_senders_at_once_never_both_send(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (policy, storms):
        monkeypatch.setattr(module, "MAX_SINGLE", 1000)
    with connection() as conn:
        samples = [Sample("test.value", 20.0, None, {"stage": str(number)}) for number in range(10)]
        evaluate_rules(conn, samples, NOW, only_metrics=frozenset({"test.value"}))
        conn.commit()
    threads = [threading.Thread(target=lambda: deliver_due(NOW, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ids = [request.headers["webhook-id"] for request in receiver.received]
    assert len(ids) == len(set(ids)) == 10


def test_delivery_of_a_dead_sender_repeats_under_the_same_id(receiver: Receiver) -> None:
    evaluate(20)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET claimed_by = 'dead', claimed_until = now() + interval '1 hour'")
        conn.commit()
    assert deliver_due(NOW, 5).sent == 0
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET claimed_until = now() - interval '1 second'")
        conn.commit()
    assert deliver_due(NOW, 5).sent == 1
    assert receiver.received[0].headers["webhook-id"] == deliveries()[0]["message_id"]


def test_two_evaluators_at_once_make_one_alert(receiver: Receiver) -> None:
    threads = [threading.Thread(target=lambda: evaluate(20)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(alerts()) == 1
    assert len(deliveries()) == 1


def test_private_target_is_refused_unless_allowed(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBHOOK_ALLOWED_NETWORKS")
    reset_settings()
    evaluate(20)
    deliver_due(NOW, 5)
    assert receiver.received == []
    assert "private address" in deliveries()[0]["last_error"]


def test_acknowledgement_names_its_author_until_resolved(receiver: Receiver) -> None:
    evaluate(20)
    alert_id = str(alerts()[0]["id"])
    with connection() as conn:
        shown = acknowledge(conn, alert_id, {"reason": "on it"}, "ana", get_settings(), NOW)
        conn.commit()
    assert shown["acknowledged_by"] == "ana"
    assert ("acknowledged", "ana", "on it") in [(e["kind"], e["actor"], e["details"]) for e in shown["timeline"]]
    evaluate(1, NOW + timedelta(minutes=1))
    with connection() as conn:
        assert load_alert_detail(conn, alert_id)["state"] == "resolved"
        with pytest.raises(RequestRefused) as refusal:
            acknowledge(conn, alert_id, {"reason": "late"}, "ana", get_settings(), NOW)
    assert find_status(refusal.value) == 409


def test_resolution_reaches_recipients_despite_rule_change(receiver: Receiver) -> None:
    evaluate(20)
    alert_manager.add_rule(dataclasses.replace(RULE, channels=(AlertChannel.LOG,)))
    evaluate(1, NOW + timedelta(minutes=1))
    deliver_due(NOW + timedelta(minutes=1), 5)
    assert kinds(receiver) == ["alert.firing", "alert.resolved"]
    assert [row["channel"] for row in deliveries()] == ["webhook", "webhook"]


@pytest.mark.parametrize("payload", ["{}", "[]", '{"v": 9, "at": 1}', '{"type": "alert.firing", "data": {"message": "no time"}}'])
def test_a_payload_that_cannot_be_read_stops_no_other(receiver: Receiver, payload: str) -> None:
    """With a silence in force, every waiting notification is read before any is sent."""
    evaluate(20, service="openai")
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET payload = %s WHERE channel = 'webhook'", (payload,))
        given = {"matchers": {"rule_id": "queue_backlog"}, "reason": "reload", "ends_at": ends_at}
        create_silence(conn, given, "ana", get_settings(), NOW)
        conn.commit()
    evaluate(20, NOW + timedelta(minutes=1), service="deepgram")
    assert deliver_due(NOW + timedelta(minutes=1), 5).sent == 1
    assert [json.loads(request.body)["data"]["service"] for request in receiver.received] == ["deepgram"]
    damaged = deliveries()[0]
    assert damaged["state"] == "due"
    assert "unexpected error" in damaged["last_error"]


def test_a_silence_mutes_until_it_is_ended(receiver: Receiver) -> None:
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    with connection() as conn:
        silence = create_silence(
            conn, {"matchers": {"rule_id": "subject"}, "reason": "reload", "ends_at": ends_at}, "ana", get_settings(), NOW
        )
        conn.commit()
    evaluate(20)
    assert (len(alerts()), deliveries()) == (1, [])
    with connection() as conn:
        delete_silence(conn, silence["id"], "ana")
        conn.commit()
    evaluate(20, NOW + timedelta(minutes=1))
    assert len(deliveries()) == 1


def test_disabled_rule_is_quiet_and_test_message_is_marked(receiver: Receiver) -> None:
    evaluate(20)
    with connection() as conn:
        act_on_rule(conn, "subject", "test", {"reason": "does it arrive?"}, "ana", get_settings(), NOW)
        act_on_rule(conn, "subject", "disable", {"reason": "noise"}, "ana", get_settings(), NOW)
        conn.commit()
    evaluate(30, NOW + timedelta(minutes=1))
    deliver_due(NOW + timedelta(minutes=1), 5)
    assert sorted(kinds(receiver)) == ["alert.firing", "alert.resolved", "alert.test"], (
        "each recipient of the alert receives its end"
    )
    assert alerts()[0]["state"] == "resolved"


def test_a_rule_in_python_is_judged_by_its_condition(receiver: Receiver) -> None:
    answers: list[Any] = [True]
    alert_manager.add_rule(
        AlertRule(
            id="custom_rule", name="Custom", condition=lambda: answers[0], level=AlertLevel.WARNING,
            message=lambda given: f"measured {given['value']}", channels=[AlertChannel.WEBHOOK], cooldown_minutes=30,
        )
    )  # fmt: skip
    with connection() as conn:
        evaluate_rules(conn, [], NOW, only_metrics=frozenset({"custom.custom_rule"}))
        issues = list_current_issues(conn)
        conn.commit()
    assert [(issue["type"], issue["rule_id"]) for issue in issues] == [("warning", "custom_rule")]
    assert issues[0]["message"] == "Custom: measured 1.0"


def test_every_firing_alert_is_an_issue_worst_first() -> None:
    with connection() as conn:
        alert: NewAlert = {
            "rule_id": "slow_route", "title": "Slow route", "message": "slow", "value": None, "threshold": None, "service": None,
            "labels": {}, "suppressed_by": None, "runbook_url": "x", "unit": "ms", "comparison": ">", "measures": "p95",
            "alert_key": "oldest", "level": "critical", "started_at": NOW - timedelta(days=3),
        }  # fmt: skip
        for n in range(1_200):
            open_alerts(conn, [{**alert, "alert_key": f"slow_route{{{n}}}", "level": "warning", "started_at": NOW}])
        open_alerts(conn, [alert])
        issues = list_current_issues(conn)
        conn.rollback()
    assert len(issues) == 1_201
    assert issues[0]["type"] == "error"


def test_nothing_private_is_told(receiver: Receiver) -> None:
    with connection() as conn:
        sample = Sample("test.value", 20.0, None, {}, "call of +1 415 555 2671 for bob@example.com")
        evaluate_rules(conn, [sample], NOW, only_metrics=frozenset({"test.value"}))
        conn.commit()
    deliver_due(NOW, 5)
    text = receiver.received[0].body.decode()
    assert "555 2671" not in text
    assert "bob@" not in text


def test_waits_of_a_clock_that_was_ahead_end(receiver: Receiver) -> None:
    ahead = NOW + timedelta(days=365)
    evaluate(20, ahead)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET claimed_until = %s, claimed_by = 'dead'", (ahead,))
        open_breaker(conn, "webhook", ahead, ahead + timedelta(minutes=5), False)
        conn.commit()
    assert deliver_due(NOW, 5).sent == 1
    assert kinds(receiver) == ["alert.firing"]


def test_waits_within_their_limits_are_kept(receiver: Receiver) -> None:
    evaluate(20, NOW)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET due_at = %s", (NOW + timedelta(minutes=59),))
        conn.commit()
    assert deliver_due(NOW, 5).sent == 0
