"""One cause and what follows from it are one thread of notifications on each channel, with one id, one begin and one end."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.incidents import attach
from callwatch.alerts.incidents.actions import act_on_incident
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection, fetch_all
from callwatch.models.sample import Sample
from callwatch.settings import get_settings, reset_settings
from tests.support.scripted_receiver import Receiver

NOW = datetime.now(UTC).replace(microsecond=0)
HOOK, PAGER = AlertChannel.WEBHOOK, AlertChannel.PAGERDUTY
RULES = ("cause", "effect", "late", "leaf", "urgent")
METRICS = frozenset(f"test.{name}" for name in RULES)


def add(rule_id: str, level: AlertLevel, channels: tuple[AlertChannel, ...] = (HOOK,), *causes: str, **more: Any) -> None:
    conditions = [Condition(f"test.{rule_id}", ">", 10)]
    alert_manager.add_rule(
        AlertRule(rule_id, rule_id.title(), level, channels, conditions, cooldown_minutes=5, depends_on=causes, **more)
    )


@pytest.fixture(autouse=True)
def rules(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PAGERDUTY_API_URL", webhook.url.rpartition("/")[0])
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "key")
    monkeypatch.setenv("APP_URL", "https://ops.example.com")
    reset_settings()
    add("cause", AlertLevel.ERROR)
    add("late", AlertLevel.WARNING)
    add("effect", AlertLevel.WARNING, (HOOK,), "cause", "late")
    add("leaf", AlertLevel.INFO, (HOOK,), "effect")
    add("urgent", AlertLevel.CRITICAL, (HOOK, PAGER), "cause")
    yield
    alert_manager._added.clear()


def cycle(minute: int, *firing: str) -> None:
    samples = [Sample(f"test.{name}", 20.0 if name in firing else 1.0) for name in RULES]
    with connection() as conn:
        evaluate_rules(conn, samples, NOW + timedelta(minutes=minute), only_metrics=METRICS)
        conn.commit()
    deliver_due(NOW + timedelta(minutes=minute), 5)


def hooks(receiver: Receiver) -> list[Any]:
    return [json.loads(request.body) for request in list(receiver.received) if request.path == "/hook"]


def pages(receiver: Receiver) -> list[Any]:
    return [json.loads(request.body) for request in list(receiver.received) if request.path != "/hook"]


def told(receiver: Receiver) -> list[str]:
    return [f"{body['type'].removeprefix('alert.')} {body['data']['title']}" for body in hooks(receiver)]


def ids(receiver: Receiver) -> set[tuple[str, str]]:
    return {(body["data"]["alert_id"], body["data"]["incident_id"]) for body in hooks(receiver)}


def test_a_cause_and_its_consequences_are_one_message(receiver: Receiver) -> None:
    cycle(0, "cause", "effect", "leaf")
    cycle(1, "cause", "effect", "leaf")
    cycle(2)
    assert told(receiver) == ["firing Cause", "resolved Cause"]
    begun, ended = (body["data"] for body in hooks(receiver))
    assert "Inhibits: Effect; Leaf." in begun["message"], "the worst first"
    incident = begun["incident"]
    assert (incident["id"], incident["state"], incident["level"]) == (begun["incident_id"], "open", "error")
    assert incident["sentence"].endswith("2 more alerts follow")
    assert [each["rule_id"] for each in incident["alerts"]] == ["cause", "effect", "leaf"]
    assert incident["url"] == f"https://ops.example.com/admin/operations#/incidents/{incident['id']}"
    assert (ended["incident_id"], ended["incident"]["state"]) == (begun["incident_id"], "resolved")
    assert begun["value"] == 20, "an alert that is alone is sent as before"


def test_a_late_cause_joins_without_a_word_if_it_is_no_worse(receiver: Receiver) -> None:
    cycle(0, "effect")
    cycle(1, "effect", "late")
    cycle(2, "effect", "late")
    assert told(receiver) == ["firing Effect"]
    cycle(3)
    assert told(receiver) == ["firing Effect", "resolved Effect"]
    assert len(ids(receiver)) == 1


def test_what_raises_the_level_is_announced_in_the_thread(receiver: Receiver) -> None:
    cycle(0, "effect")
    cycle(1, "effect", "cause")
    assert told(receiver) == ["firing Effect", "firing 2 alerts"]
    raised = hooks(receiver)[-1]["data"]
    assert raised["message"].startswith("Raised to error: 2 alerts: Cause; Effect")
    assert raised["level"] == "error"
    cycle(2)
    assert told(receiver)[2:] == ["resolved 2 alerts"]
    assert len(ids(receiver)) == 1, "one id from the first message to the last"


def test_a_rule_that_demands_it_is_always_announced(receiver: Receiver) -> None:
    add("late", AlertLevel.WARNING, (HOOK,), announce=True)
    cycle(0, "effect")
    cycle(1, "effect", "late")
    assert told(receiver) == ["firing Effect", "firing 2 alerts"]


def test_what_goes_on_after_its_cause_takes_over_once(receiver: Receiver) -> None:
    cycle(0, "cause", "effect")
    cycle(10, "effect")
    assert told(receiver) == ["firing Cause", "firing 1 alert"]
    update = hooks(receiver)[-1]["data"]
    assert {each["rule_id"]: each["state"] for each in update["alerts"]} == {"effect": "firing", "cause": "resolved"}
    for minute in range(11, 20):
        cycle(minute, "effect")
    assert len(hooks(receiver)) == 2
    cycle(20)
    assert [body["type"] for body in hooks(receiver)] == ["alert.firing", "alert.firing", "alert.resolved"]
    assert len(ids(receiver)) == 1


def test_a_channel_not_reached_yet_gets_begin_and_end(receiver: Receiver) -> None:
    cycle(0, "cause")
    cycle(1, "cause", "urgent")
    cycle(2, "cause", "urgent")
    (page,) = pages(receiver)
    assert page["event_action"] == "trigger"
    cycle(3)
    assert [event["event_action"] for event in pages(receiver)] == ["trigger", "resolve"]
    assert len({event["dedup_key"] for event in pages(receiver)}) == 1
    assert len(ids(receiver)) == 1


def test_a_silenced_cause_keeps_nobody_from_hearing(receiver: Receiver) -> None:
    cycle(0, "cause")
    with connection() as conn:
        ends_at = (NOW + timedelta(hours=1)).isoformat()
        create_silence(
            conn, {"matchers": {"rule_id": "cause"}, "reason": "known", "ends_at": ends_at}, "ana", get_settings(), NOW
        )
        conn.commit()
    cycle(1, "cause", "urgent")
    assert told(receiver)[1:] == ["firing Urgent"]


def test_taking_the_incident_is_one_acknowledgement(receiver: Receiver) -> None:
    cycle(0, "effect")
    cycle(1, "effect", "cause")
    with connection() as conn:
        incident_id = hooks(receiver)[-1]["data"]["incident_id"]
        act_on_incident(conn, incident_id, "take", {}, "ana", get_settings(), NOW + timedelta(minutes=1))
        conn.commit()
    for minute in range(2, 200, 20):
        cycle(minute, "effect", "cause")
    assert [body["type"] for body in hooks(receiver)] == ["alert.firing", "alert.firing", "alert.acknowledged"]


def test_a_failure_of_the_incidents_costs_no_notification(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: Any) -> None:
        raise RuntimeError("no incident")

    monkeypatch.setattr(attach, "read_told_incidents", fail)
    cycle(0, "cause")
    (body,) = hooks(receiver)
    assert (body["type"], "incident_id" in body["data"]) == ("alert.firing", False)
    with connection() as conn:
        rows = fetch_all(conn, "SELECT channel FROM callwatch.deliveries WHERE state = 'due'")
    assert rows == []
