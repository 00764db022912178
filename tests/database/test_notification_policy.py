"""The notification policy: storms as one message, silences, and inhibition by causes that were not notified."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.actions import acknowledge, act_on_rule
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.serializers import load_alert_detail
from callwatch.alerts.silence_actions import create_silence, delete_silence
from callwatch.db import connection, execute, fetch_all
from callwatch.exceptions import RequestRefused
from callwatch.models.sample import Sample
from callwatch.runtime.responses import find_status
from callwatch.settings import get_settings, reset_settings
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC).replace(microsecond=0)
METRICS = frozenset({"test.down", "test.slow", "test.cause"})
PATHS = {"/hook": "webhook", "/v2/enqueue": "pagerduty", "/slack": "slack"}
EVERYWHERE = (AlertChannel.LOG, AlertChannel.WEBHOOK, AlertChannel.PAGERDUTY)


def rule(rule_id: str, metric: str, level: AlertLevel = AlertLevel.CRITICAL, **more: Any) -> AlertRule:
    fields: dict[str, Any] = {"channels": EVERYWHERE, "cooldown_minutes": 15, **more}
    return AlertRule(rule_id, rule_id.title(), level, conditions=[Condition(metric, ">", 10)], **fields)


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    base = webhook.url.rpartition("/")[0]
    monkeypatch.setenv("PAGERDUTY_API_URL", base)
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "key")
    reset_settings()
    alert_manager.add_rule(rule("down", "test.down", depends_on=["cause"]))
    alert_manager.add_rule(rule("slow", "test.slow", AlertLevel.WARNING, channels=EVERYWHERE[:2], cooldown_minutes=30))
    alert_manager.add_rule(rule("cause", "test.cause"))
    yield
    alert_manager._added.clear()


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def cycle(minute: float, down: int = 0, slow: int = 0, cause: int = 0, value: float = 20, of: int = 50) -> Evaluated:
    """Run one cycle: the given numbers of instances per rule are bad, all others are clear; then send what is due."""
    samples = []
    for metric, bad in (("test.down", down), ("test.slow", slow), ("test.cause", cause)):
        samples += [Sample(metric, value if number < bad else 1.0, None, {"service": f"s{number:02}"}) for number in range(of)]
    with connection() as conn:
        done = evaluate_rules(conn, samples, after(minute), only_metrics=METRICS)
        conn.commit()
    deliver_due(after(minute), 5)
    return done


def sent(receiver: Receiver, channel: str) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in list(receiver.received) if PATHS[request.path] == channel]


def kinds(receiver: Receiver) -> list[str]:
    return [body["type"].removeprefix("alert.") for body in sent(receiver, "webhook")]


def alerts(rule_id: str) -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT * FROM callwatch.alerts WHERE rule_id = %s ORDER BY id", (rule_id,))


def detail(alert_id: int) -> Any:
    with connection() as conn:
        return load_alert_detail(conn, str(alert_id))


def silence(minutes: float, starts: float | None = None, at: float = 0, **matchers: Any) -> Any:
    given = {"matchers": matchers, "reason": "work", "ends_at": after(minutes).isoformat()}
    if starts is not None:
        given["starts_at"] = after(starts).isoformat()
    with connection() as conn:
        made = create_silence(conn, given, "ana", get_settings(), after(at))
        conn.commit()
    return made


def test_eleven_down_at_once_are_one_message_and_one_end(receiver: Receiver) -> None:
    cycle(0, down=11)
    cycle(1, down=11)
    cycle(2)
    cycle(3)
    assert kinds(receiver) == ["firing", "resolved"]
    began, ended = sent(receiver, "webhook")
    assert began["data"]["title"] == "Down (11)"
    assert len(began["data"]["alerts"]) == began["data"]["count"] == 11
    assert began["data"]["alert_id"] == ended["data"]["alert_id"]
    events = sent(receiver, "pagerduty")
    assert [event["event_action"] for event in events] == ["trigger", "resolve"]
    assert len({event["dedup_key"] for event in events}) == 1


def test_forty_five_slow_routes_are_one_webhook(receiver: Receiver) -> None:
    cycle(0, slow=45)
    assert kinds(receiver) == ["firing"]
    assert sent(receiver, "pagerduty") == [], "the rule names no PagerDuty"


def test_routes_that_slow_down_one_by_one_join_a_group(receiver: Receiver) -> None:
    for minute in range(15):
        cycle(minute, slow=3 * (minute + 1))
    assert len(kinds(receiver)) <= 3 + 4, "three by themselves, then a group that is followed up every five minutes"
    cycle(21, slow=45)
    assert sent(receiver, "webhook")[-1]["data"]["count"] == 45 - 3, "at last everybody was notified of"
    assert sum(row["group_id"] is not None for row in alerts("slow")) == 42


def test_the_worst_stands_first_and_each_channel_gets_its_own(receiver: Receiver) -> None:
    cycle(0, down=2, slow=10)
    (webhook,) = sent(receiver, "webhook")
    assert [each["level"] for each in webhook["data"]["alerts"]] == ["critical"] * 2 + ["warning"] * 10
    assert (webhook["data"]["title"], webhook["data"]["level"]) == ("12 alerts", "critical")
    (event,) = sent(receiver, "pagerduty")
    assert "Down (2)" in event["payload"]["summary"]
    cycle(1, slow=10)
    assert [event["event_action"] for event in sent(receiver, "pagerduty")] == ["trigger", "resolve"]
    assert kinds(receiver) == ["firing"], "the webhook's end waits for the rest"
    cycle(2)
    assert kinds(receiver) == ["firing", "resolved"]


def test_a_group_says_which_part_of_it_is_over(receiver: Receiver) -> None:
    cycle(0, slow=20)
    cycle(1, slow=8)
    assert kinds(receiver) == ["firing"], "not within the cooldown"
    cycle(31, slow=8)
    update = sent(receiver, "webhook")[-1]
    assert (update["type"], update["data"]["title"]) == ("alert.firing", "Slow (8)")
    assert sum(each["state"] == "resolved" for each in update["data"]["alerts"]) == 12
    cycle(32)
    last = sent(receiver, "webhook")[-1]
    assert (last["type"], last["data"]["count"]) == ("alert.resolved", 8)


def test_an_alert_of_a_group_shows_the_deliveries_of_the_group(receiver: Receiver) -> None:
    cycle(0, down=11)
    for row in alerts("down"):
        shown = detail(row["id"])
        assert {each["channel"] for each in shown["deliveries"]} == {"database", "log", "webhook", "pagerduty"}
        assert "notified: firing" in [each["kind"] for each in shown["timeline"]]


def test_an_acknowledged_member_acknowledges_the_incident(receiver: Receiver) -> None:
    cycle(0, down=11)
    with connection() as conn:
        acknowledge(conn, str(alerts("down")[-1]["id"]), {"reason": "mine"}, "ana", get_settings(), after(1))
        conn.commit()
    cycle(1, down=11)
    trigger, acknowledged = sent(receiver, "pagerduty")
    assert acknowledged["event_action"] == "acknowledge"
    assert trigger["dedup_key"] == acknowledged["dedup_key"]


def test_a_group_whose_rule_is_switched_off_ends_once(receiver: Receiver) -> None:
    cycle(0, down=11)
    with connection() as conn:
        act_on_rule(conn, "down", "disable", {"reason": "noise"}, "ana", get_settings(), after(1))
        conn.commit()
    cycle(1, down=11)
    assert kinds(receiver) == ["firing", "resolved"]
    assert [event["event_action"] for event in sent(receiver, "pagerduty")] == ["trigger", "resolve"]


def test_many_all_clears_are_one_message(receiver: Receiver) -> None:
    for number in range(4):
        cycle(number * 10, down=number + 1)
    for number in range(3):
        cycle(40 + number * 10, down=4, cause=0, slow=number + 1)
    before = len(kinds(receiver))
    cycle(80)
    assert kinds(receiver)[before:] == ["resolved"]
    events = sent(receiver, "pagerduty")
    opened = {event["dedup_key"] for event in events if event["event_action"] == "trigger"}
    closed = [event["dedup_key"] for event in events if event["event_action"] == "resolve"]
    assert sorted(opened) == sorted(closed)


def test_a_critical_whose_cause_is_silenced_is_notified(receiver: Receiver) -> None:
    silence(60, rule_id="cause")
    cycle(0, down=1, cause=1)
    (body,) = sent(receiver, "webhook")
    assert body["data"]["rule_id"] == "down"
    assert "Possible cause: Cause" in body["data"]["message"]


def test_a_critical_whose_cause_cools_down_is_notified(receiver: Receiver) -> None:
    cycle(0, cause=1)
    cycle(1)
    cycle(2, cause=1, down=1)
    assert [body["data"]["rule_id"] for body in sent(receiver, "webhook")] == ["cause", "cause", "down"]
    (second,) = alerts("cause")[1:]
    held = [each for each in detail(second["id"])["timeline"] if each["kind"] == "held back"]
    assert len(held) == 1, "what the cooldown holds back stands in the timeline"


def test_a_critical_whose_cause_is_told_elsewhere_is_notified(receiver: Receiver) -> None:
    alert_manager.add_rule(rule("cause", "test.cause", channels=[AlertChannel.LOG]))
    cycle(0, cause=1, down=1)
    assert [body["data"]["rule_id"] for body in sent(receiver, "webhook")] == ["down"]


def test_a_critical_whose_cause_is_milder_is_notified_with_it(receiver: Receiver) -> None:
    alert_manager.add_rule(rule("cause", "test.cause", level=AlertLevel.WARNING))
    cycle(0, cause=1)
    cycle(1, cause=1, down=1)
    first, second = sent(receiver, "webhook")
    assert [body["data"]["rule_id"] for body in (first, second)] == ["cause", "down"]
    assert second["data"]["alert_id"] == first["data"]["alert_id"], "in the thread of its cause"
    assert second["data"]["level"] == "critical"
    with connection() as conn:
        assert [row["level"] for row in fetch_all(conn, "SELECT level FROM callwatch.incidents")] == ["critical"]


def test_a_critical_whose_cause_was_notified_waits_for_its_end(receiver: Receiver) -> None:
    cycle(0, cause=1, down=1)
    cycle(1, cause=1, down=1)
    assert [body["data"]["rule_id"] for body in sent(receiver, "webhook")] == ["cause"]
    cycle(2, down=1)
    cause, update = sent(receiver, "webhook")
    assert (update["type"], update["data"]["rule_id"]) == ("alert.firing", "down")
    assert update["data"]["alert_id"] == cause["data"]["alert_id"], "the incident goes on under its id"
    assert [each["state"] for each in update["data"]["alerts"]] == ["firing", "resolved"]


def test_silence_also_holds_what_a_broken_channel_kept(receiver: Receiver) -> None:
    receiver.default = Scripted(503)
    cycle(0, down=1)
    receiver.default = Scripted(200)
    receiver.received.clear()
    silence(30, at=1, rule_id="down")
    for minute in (2, 10, 20):
        cycle(minute, down=1)
    assert receiver.received == []
    cycle(31, down=1)
    assert kinds(receiver) == ["firing"]
    cycle(32)
    assert kinds(receiver) == ["firing", "resolved"]


def test_what_ended_in_a_silence_and_was_never_sent_stays_unsaid(receiver: Receiver) -> None:
    receiver.default = Scripted(503)
    cycle(0, down=1)
    cycle(1)
    receiver.default = Scripted(200)
    receiver.received.clear()
    silence(30, at=2, rule_id="down")
    cycle(3)
    cycle(40)
    assert receiver.received == []
    with connection() as conn:
        states = {row["state"] for row in fetch_all(conn, "SELECT state FROM callwatch.deliveries WHERE channel = 'webhook'")}
    assert states == {"withdrawn"}


def test_a_silence_between_decision_and_sending_holds_it(receiver: Receiver) -> None:
    with connection() as conn:
        evaluate_rules(conn, [Sample("test.down", 20.0, None, {"service": "a"})], NOW, only_metrics=METRICS)
        conn.commit()
    made = silence(30, rule_id="down")
    deliver_due(after(1), 5)
    assert receiver.received == []
    with connection() as conn:
        delete_silence(conn, made["id"], "ana")
        conn.commit()
    deliver_due(after(2), 5)
    assert kinds(receiver) == ["firing"]


def test_a_group_in_the_outbox_leaves_out_what_is_silenced(receiver: Receiver) -> None:
    receiver.default = Scripted(503)
    cycle(0, down=11)
    receiver.default = Scripted(200)
    receiver.received.clear()
    silence(60, at=1, service="s03")
    deliver_due(after(20), 5)
    assert sent(receiver, "webhook") == [], "it waits until the evaluation takes the silenced part out"
    cycle(21, down=11)
    body = sent(receiver, "webhook")[0]
    assert body["data"]["title"] == "Down (10)"
    assert "s03" not in json.dumps(body)


def test_a_silence_that_begins_later_mutes_only_then(receiver: Receiver) -> None:
    silence(60, starts=20, rule_id="down")
    cycle(0, down=1)
    assert kinds(receiver) == ["firing"]
    cycle(21, down=2)
    assert kinds(receiver) == ["firing"]
    cycle(61, down=2)
    assert kinds(receiver)[1:] == ["firing", "firing"], "what still fires at its end is notified"


@pytest.mark.parametrize(("starts", "field"), [("soon", "starts_at"), ("2999-01-01T00:00:00Z", "starts_at"), (5, "starts_at")])
def test_a_silence_with_a_bad_start_is_refused(starts: object, field: str) -> None:
    given = {"matchers": {"rule_id": "down"}, "reason": "w", "ends_at": after(9).isoformat(), "starts_at": starts}
    with connection() as conn, pytest.raises(RequestRefused) as found:
        create_silence(conn, given, "ana", get_settings(), NOW)
    assert find_status(found.value) == 422
    assert field in str(found.value)


def test_silence_that_matches_nothing_returns_a_warning() -> None:
    assert "no rule has the id dwon" in silence(9, rule_id="dwon")["warnings"][0]
    assert "nothing evaluated now matches" in silence(9, rule_id="down", service="nowhere")["warnings"][0]
    cycle(0, down=1)
    assert silence(9, rule_id="down", service="s07")["warnings"] == []
    assert silence(9, service="deepgram")["warnings"] == []
    assert silence(9, rule_id="slow_route")["warnings"] == []


def test_every_one_of_two_thousand_silences_works(receiver: Receiver) -> None:
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.silences (matchers, reason, actor, starts_at, ends_at)"
            " SELECT jsonb_build_object('labels', jsonb_build_object('service', CASE WHEN n = 1 THEN 's00' ELSE 'x' || n END)),"
            " 'work', 'ana', %s, %s FROM generate_series(1, 2000) AS n",
            (NOW, after(60)),
        )
        conn.commit()
    cycle(0, down=2)
    assert [body["data"]["service"] for body in sent(receiver, "webhook")] == ["s01"]


def test_raised_level_or_added_channel_is_notified_at_once(receiver: Receiver) -> None:
    quiet = rule("down", "test.down", AlertLevel.WARNING, channels=EVERYWHERE[:2], cooldown_minutes=60)
    alert_manager.add_rule(quiet)
    cycle(0, down=1)
    alert_manager.add_rule(rule("down", "test.down", AlertLevel.CRITICAL, channels=EVERYWHERE[:2], cooldown_minutes=60))
    cycle(1, down=1)
    assert sent(receiver, "webhook")[-1]["data"]["message"].startswith("Raised to critical: ")
    assert alerts("down")[0]["level"] == "critical"
    alert_manager.add_rule(rule("down", "test.down", AlertLevel.CRITICAL, channels=EVERYWHERE, cooldown_minutes=60))
    cycle(2, down=1)
    cycle(3, down=1)
    assert [event["event_action"] for event in sent(receiver, "pagerduty")] == ["trigger"]
    assert kinds(receiver) == ["firing", "firing"]
    cycle(4)
    assert kinds(receiver)[2:] == ["resolved"]
    assert [event["event_action"] for event in sent(receiver, "pagerduty")] == ["trigger", "resolve"]


def test_no_cooldown_delays_an_all_clear(receiver: Receiver) -> None:
    for minute in range(0, 60, 2):
        cycle(minute, down=1 if minute % 20 == 0 else 0)
    assert kinds(receiver)[:4] == ["firing", "resolved"] * 2
    events = sent(receiver, "pagerduty")
    assert len([event for event in events if event["event_action"] == "trigger"]) == 3


def test_value_threshold_and_unit_are_of_one_condition(receiver: Receiver) -> None:
    conditions = [Condition("requests.avg_ms_5m", ">", 3000), Condition("requests.count_5xx_5m", ">=", 10)]
    alert_manager.add_rule(AlertRule("both", "Both", AlertLevel.WARNING, EVERYWHERE[:2], conditions))
    only = frozenset({"requests.avg_ms_5m", "requests.count_5xx_5m"})
    for minute, (slow, failed) in enumerate(((5000.0, 0.0), (1.0, 12.0))):
        samples = [Sample("requests.avg_ms_5m", slow), Sample("requests.count_5xx_5m", failed)]
        with connection() as conn:
            evaluate_rules(conn, samples, after(minute), only_metrics=only)
            conn.commit()
        (row,) = alerts("both")
        expected = [(5000.0, "ms", ">", 3000.0), (12.0, "count", ">=", 10.0)][minute]
        assert (row["value"], row["unit"], row["comparison"], row["threshold"]) == expected


def test_a_test_has_a_key_of_its_own_and_resolves_itself(receiver: Receiver) -> None:
    for _try in range(2):
        with connection() as conn:
            act_on_rule(conn, "down", "test", {"reason": "does it arrive?"}, "ana", get_settings(), NOW)
            conn.commit()
    deliver_due(NOW, 5)
    actions = [(event["event_action"], event["dedup_key"]) for event in sent(receiver, "pagerduty")]
    assert sorted(action for action, _key in actions) == ["resolve", "resolve", "trigger", "trigger"]
    assert len({key for _action, key in actions}) == 2
    assert all(":test-down-" in key for _action, key in actions)


def test_critical_that_joins_a_group_waits_for_nothing(receiver: Receiver) -> None:
    cycle(0, down=7)
    cycle(1, down=9)
    cycle(2, down=7)
    cycle(3)
    began, joined, ended = sent(receiver, "webhook")
    assert (began["data"]["count"], joined["data"]["count"], ended["data"]["count"]) == (7, 9, 9)
    assert [body["type"] for body in (began, joined, ended)] == ["alert.firing", "alert.firing", "alert.resolved"]


def test_what_ended_while_it_waited_stands_in_the_next_message(receiver: Receiver) -> None:
    cycle(0, slow=7)
    cycle(1, slow=9)
    cycle(2, slow=7)
    cycle(8, slow=7)
    assert kinds(receiver) == ["firing"], "nothing of it is worth a message of its own"
    cycle(9)
    _began, ended = sent(receiver, "webhook")
    assert [each["service"] for each in ended["data"]["alerts"]] == [f"s{number:02}" for number in range(9)]
    assert all(alert["state"] == "resolved" for alert in alerts("slow"))
    cycle(10)
    assert kinds(receiver) == ["firing", "resolved"], "it is mentioned once"


def test_what_ended_while_it_waited_may_fire_again(receiver: Receiver) -> None:
    cycle(0, slow=7)
    cycle(1, slow=8)
    cycle(2, slow=7)
    cycle(3, slow=8)
    cycle(6, slow=8)
    cycle(7)
    _began, joined, ended = sent(receiver, "webhook")
    assert (joined["type"], joined["data"]["count"]) == ("alert.firing", 8)
    assert (ended["type"], ended["data"]["count"]) == ("alert.resolved", 8)


@pytest.mark.parametrize("was_told_at", [0, 4])
def test_what_fires_at_the_end_of_a_silence_is_told_then(was_told_at: float, receiver: Receiver) -> None:
    cycle(was_told_at, slow=1)
    cycle(was_told_at + 1)
    silence(minutes=9, at=was_told_at + 2, rule_id="slow")
    cycle(6, slow=1)
    cycle(8, slow=1)
    assert kinds(receiver) == ["firing", "resolved"]
    cycle(9.5, slow=1)
    assert kinds(receiver) == ["firing", "resolved", "firing"], "its cooldown of 30 minutes holds nothing back"
    cycle(12, slow=1)
    assert len(kinds(receiver)) == 3


def test_storm_at_the_end_of_a_silence_is_one_message(receiver: Receiver) -> None:
    cycle(0, slow=45)
    silence(minutes=9, at=1, rule_id="slow")
    cycle(2, slow=45)
    cycle(8, slow=45)
    assert kinds(receiver) == ["firing"]
    cycle(9.5, slow=45)
    assert kinds(receiver) == ["firing", "firing"]
