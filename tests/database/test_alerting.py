"""The evaluation with state in a real PostgreSQL: what is stored, what is notified, and its wording."""

import json
import math
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.actions import acknowledge, act_on_rule
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.notifications.notification import load_notification
from callwatch.alerts.notifications.rendering import render_message
from callwatch.alerts.rules.rule import Cause
from callwatch.alerts.serializers import load_alert_detail, serialize_rules
from callwatch.alerts.silence_actions import create_silence, delete_silence
from callwatch.db import connection, execute, fetch_all
from callwatch.exceptions import RequestRefused
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.runtime.responses import find_status
from callwatch.settings import get_settings

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
METRICS = frozenset({"test.cause", "test.effect", "test.value"})


def rule(rule_id: str, metric: str, **fields: Any) -> AlertRule:
    return AlertRule(
        id=rule_id, name=rule_id.title(), level=AlertLevel.WARNING, channels=[AlertChannel.LOG],
        conditions=[Condition(metric, ">", 10)], cooldown_minutes=5, **fields,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def rules(database: str) -> Iterator[None]:
    alert_manager.add_rule(rule("cause", "test.cause"))
    alert_manager.add_rule(rule("effect", "test.effect", depends_on=[Cause("cause", same=("service",))]))
    alert_manager.add_rule(rule("subject", "test.value", hint="Too much of it"))
    yield
    for rule_id in ("cause", "effect", "subject"):
        alert_manager.remove_rule(rule_id)


def evaluate(at: datetime, *samples: Sample, is_whole: bool = False, unread: Sequence[str] = ()) -> Evaluated:
    with connection() as conn:
        done = evaluate_rules(conn, samples, at, unread, None if is_whole else METRICS)
        execute(conn, "UPDATE callwatch.deliveries SET state = 'sent', sent_at = now() WHERE state = 'due'")
        conn.commit()
    return done


def sample(metric: str, value: float | None, **labels: str) -> Sample:
    return Sample(f"test.{metric}", value, Reason("unavailable", "why") if value is None else None, labels)


def told() -> list[tuple[str, str]]:
    """Return rule and kind of each notification to the log, in order."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT kind, payload FROM callwatch.deliveries WHERE channel = 'log' ORDER BY id")
    return [(row["payload"]["rule_id"], row["kind"].removeprefix("alert.")) for row in rows]


def messages() -> list[str]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT payload FROM callwatch.deliveries WHERE channel = 'log' ORDER BY id")
    return [render_message(load_notification(row["payload"])) for row in rows]


def alerts() -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, "SELECT * FROM callwatch.alerts ORDER BY id")


def silence(minutes: int, **matchers: Any) -> int:
    ends_at = (datetime.now(UTC) + timedelta(days=4000)).isoformat() if minutes < 0 else (NOW + minutes * MINUTE).isoformat()
    with connection() as conn:
        made = create_silence(conn, {"matchers": matchers, "reason": "work", "ends_at": ends_at}, "ana", get_settings(), NOW)
        conn.commit()
    return int(made["id"])


def test_message_states_what_how_much_and_since_when() -> None:
    began = NOW - 12 * MINUTE
    evaluate(NOW, Sample("test.value", 42.0, None, {"stage": "transcriptions"}, "3 of 4 failed", began))
    evaluate(NOW + 8 * MINUTE, sample("value", 3, stage="transcriptions"))
    firing, resolved = messages()
    assert firing.splitlines() == [
        "Too much of it [stage transcriptions]: measured 42, threshold > 10 (3 of 4 failed)",
        "Since 01 Mar 11:48 UTC (12 min).",
    ]
    assert resolved.splitlines() == [
        "Resolved: too much of it [stage transcriptions]; now measured 3, threshold > 10",
        "It began 01 Mar 11:48 UTC and lasted 20 min.",
    ]
    assert len(firing.splitlines()[0]) < 100


def test_a_message_is_silent_about_an_empty_label() -> None:
    evaluate(NOW, sample("value", 42, type="", group="7"))
    (firing,) = messages()
    assert firing.splitlines()[0] == "Too much of it [group 7]: measured 42, threshold > 10"


def test_inhibited_alert_is_notified_after_its_cause() -> None:
    both = [sample("cause", 20, service="a"), sample("effect", 20, service="a"), sample("effect", 20, service="b")]
    evaluate(NOW, *both)
    assert sorted(told()) == [("cause", "firing"), ("effect", "firing")], "service b follows from nothing"
    cause = next(row for row in alerts() if row["rule_id"] == "cause")
    effect = next(row for row in alerts() if row["rule_id"] == "effect" and row["service"] == "a")
    assert (effect["suppressed_by"], effect["cause_id"]) == ("cause", cause["id"])
    assert any("Inhibits: Effect [a]." in message for message in messages())
    with connection() as conn:
        detail = load_alert_detail(conn, str(cause["id"]))
        assert [(each["rule_id"], each["id"]) for each in detail["follows"]] == [("effect", str(effect["id"]))]
        kinds = [(each["kind"], each["details"]) for each in load_alert_detail(conn, str(effect["id"]))["timeline"]]
    assert kinds[1] == ("suppressed", "inhibited by cause")
    evaluate(NOW + MINUTE, sample("cause", 1, service="a"), *both[1:])
    assert told()[2:] == [("effect", "firing")], "one message: the cause is over, and the effect goes on"
    assert "1 alert: Effect [a]" in messages()[-1]
    assert "Resolved: " in messages()[-1]
    freed = next(row for row in alerts() if row["id"] == effect["id"])
    assert (freed["suppressed_by"], freed["cause_id"]) == (None, cause["id"]), "what it followed from stays known"


def test_acknowledging_what_nobody_was_told_of_tells_nobody() -> None:
    evaluate(NOW, sample("cause", 20, service="a"), sample("effect", 20, service="a"))
    effect = next(row for row in alerts() if row["rule_id"] == "effect")
    with connection() as conn:
        shown = acknowledge(conn, str(effect["id"]), {"reason": "on it"}, "ana", get_settings(), NOW)
        conn.commit()
    assert (shown["acknowledged_by"], shown["deliveries"]) == ("ana", [])
    assert told() == [("cause", "firing")]


def test_silenced_refiring_stays_one_alert_with_one_end() -> None:
    evaluate(NOW, sample("value", 20))
    made = silence(-1, rule_id="subject")
    for minute, value in ((1, 1), (2, 20), (3, 1)):
        evaluate(NOW + minute * MINUTE, sample("value", value))
    assert told() == [("subject", "firing")]
    with connection() as conn:
        delete_silence(conn, str(made), "ana")
        conn.commit()
    evaluate(NOW + 4 * MINUTE, sample("value", 1))
    assert told() == [("subject", "firing"), ("subject", "resolved")]
    (alert,) = alerts()
    assert alert["state"] == "resolved"


def test_flapping_is_one_alert_with_one_late_all_clear() -> None:
    shown = []
    for minute in range(24):
        evaluate(NOW + minute * MINUTE, sample("value", 20 if minute % 2 == 0 else 1))
        shown.append(alerts()[-1]["state"])
    assert shown == ["firing", "resolved"] * 12
    rows = alerts()
    assert len(rows) == 4
    for minute in range(24, 60):
        evaluate(NOW + minute * MINUTE, sample("value", 1))
    assert told() == [("subject", "firing"), ("subject", "resolved")] * 2
    assert messages()[2].startswith("Flapping: Too much of it")
    with connection() as conn:
        ids = [
            row["alert_id"]
            for row in fetch_all(conn, "SELECT alert_id FROM callwatch.deliveries WHERE channel = 'log' ORDER BY id")
        ]
    assert ids == [rows[0]["id"]] * 2 + [rows[3]["id"]] * 2, "receivers close what they opened"


def test_alert_outliving_a_silence_is_notified_again() -> None:
    evaluate(NOW, sample("value", 20))
    silence(30, rule_id="subject")
    for minute in (10, 20):
        evaluate(NOW + minute * MINUTE, sample("value", 20))
    assert len(told()) == 1
    evaluate(NOW + 31 * MINUTE, sample("value", 20))
    evaluate(NOW + 41 * MINUTE, sample("value", 20))
    assert [message.split(":")[0] for message in messages()] == ["Too much of it", "Still firing"]
    with connection() as conn:
        noted = [each for each in load_alert_detail(conn, str(alerts()[0]["id"]))["timeline"] if each["kind"] == "silenced"]
    assert [(each["actor"], each["details"]) for each in noted] == [("ana", "until 01 Mar 2026, 12:30 UTC: work")]


def test_acknowledged_alert_sends_no_reminders() -> None:
    alert_manager.add_rule(
        AlertRule("subject", "S", AlertLevel.CRITICAL, [AlertChannel.LOG], [Condition("test.value", ">", 10)], cooldown_minutes=5)
    )
    evaluate(NOW, sample("value", 20))
    evaluate(NOW + 61 * MINUTE, sample("value", 20))
    assert told() == [("subject", "firing")] * 2, "critical: it reminds each hour"
    (alert,) = alerts()
    with connection() as conn:
        shown = acknowledge(conn, str(alert["id"]), {"reason": "on it"}, "ana", get_settings(), NOW)
        conn.commit()
        sent = len(shown["deliveries"])
        assert len(acknowledge(conn, str(alert["id"]), {"reason": "on it"}, "ana", get_settings(), NOW)["deliveries"]) == sent
        conn.rollback()
    assert shown["acknowledged_by"] == "ana"
    assert messages()[-1].startswith("Acknowledged by ana: on it\n")
    evaluate(NOW + 180 * MINUTE, sample("value", 20))
    evaluate(NOW + 181 * MINUTE, sample("value", 1))
    assert [kind for _rule, kind in told()] == ["firing", "firing", "acknowledged", "resolved"]
    with connection() as conn:
        detail = load_alert_detail(conn, str(alert["id"]))
        with pytest.raises(RequestRefused) as caught:
            acknowledge(conn, str(alert["id"]), {"reason": "late"}, "ana", get_settings(), NOW)
    assert (detail["acknowledged_by"], find_status(caught.value)) == (None, 409)
    assert [(each["actor"], each["details"]) for each in detail["timeline"] if each["kind"] == "acknowledged"] == [
        ("ana", "on it")
    ]


def test_an_acknowledgement_is_not_lost_to_an_evaluation_at_work() -> None:
    evaluate(NOW, sample("value", 20))
    (alert,) = alerts()
    with connection() as working:
        evaluate_rules(working, [sample("value", 21)], NOW + MINUTE, (), METRICS)
        done = threading.Event()

        def act() -> None:
            with connection() as conn:
                acknowledge(conn, str(alert["id"]), {"reason": "on it"}, "ana", get_settings(), NOW)
                conn.commit()
            done.set()

        thread = threading.Thread(target=act)
        thread.start()
        assert not done.wait(0.3), "it waits for the evaluation"
        working.commit()
        thread.join(10)
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT details FROM callwatch.rule_states WHERE rule_id = 'subject'")
    assert row["details"]["is_acknowledged"] is True


def test_two_evaluators_at_once_tell_each_alert_once() -> None:
    samples = [sample("value", 20, entity=str(number)) for number in range(20)]
    threads = [threading.Thread(target=lambda: evaluate(NOW, *samples)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(alerts()) == 20
    assert told() == [("subject", "firing")], "twenty at once are one notification"


def test_disabled_rule_ends_its_alert_and_notifies() -> None:
    evaluate(NOW, sample("value", 20))
    with connection() as conn:
        act_on_rule(conn, "subject", "disable", {"reason": "noise of bob@example.com"}, "ana", get_settings(), NOW)
        conn.commit()
    evaluate(NOW + MINUTE, sample("value", 30))
    assert told() == [("subject", "firing"), ("subject", "resolved")]
    assert messages()[-1].splitlines()[0] == (
        "Rule disabled: Too much of it: measured 20, threshold > 10. The rule was disabled by ana: noise of [email]."
        " This is no recovery: whether it is still wrong is unknown."
    )
    with connection() as conn:
        kinds = [each["kind"] for each in load_alert_detail(conn, str(alerts()[0]["id"]))["timeline"]]
        assert kinds == ["firing", "notified: firing", "rule disabled", "notified: ended"]
        (item,) = serialize_rules(
            conn, [r for r in alert_manager.list_rules(get_settings()) if r.id == "subject"], get_settings()
        )
        act_on_rule(conn, "subject", "enable", {"reason": "again"}, "bea", get_settings(), NOW)
        conn.commit()
    assert (item["state"], item["value"]) == ("disabled", None)
    assert item["unknown"]["value"].message == "disabled by ana: noise of [email]"
    assert [(each["actor"], each["action"]) for each in item["history"]] == [("ana", "disable")]
    evaluate(NOW + 10 * MINUTE, sample("value", 30))
    assert told()[-1] == ("subject", "firing")


def test_a_rule_that_is_taken_out_leaves_no_alert_behind() -> None:
    evaluate(NOW, sample("value", 20), is_whole=True)
    alert_manager.remove_rule("subject")
    evaluate(NOW + MINUTE, is_whole=True)
    assert [(row["rule_id"], row["state"]) for row in alerts()] == [("subject", "resolved")]
    assert told() == [("subject", "firing"), ("subject", "resolved")]
    with connection() as conn:
        assert fetch_all(conn, "SELECT 1 FROM callwatch.rule_states WHERE rule_id = 'subject'") == []


def test_a_thing_that_is_gone_resolves_and_is_forgotten() -> None:
    evaluate(NOW, sample("value", 20, cron="x"), sample("value", 1, cron="y"))
    evaluate(NOW + MINUTE)
    assert told() == [("subject", "firing"), ("subject", "resolved")]
    assert "no longer reported" in messages()[-1]
    evaluate(NOW + 120 * MINUTE)
    with connection() as conn:
        assert fetch_all(conn, "SELECT 1 FROM callwatch.rule_states") == []


def test_wholly_unknown_rule_ends_no_alert_on_a_part() -> None:
    evaluate(NOW, sample("value", 20, cron="x"))
    evaluate(NOW + MINUTE, sample("value", None))
    evaluate(NOW + 2 * MINUTE, unread=("test.",))
    assert [row["state"] for row in alerts()] == ["firing"]


def test_firing_rule_without_data_shows_no_old_value() -> None:
    evaluate(NOW, sample("value", 20))
    evaluate(NOW + MINUTE, sample("value", None))
    with connection() as conn:
        (item,) = serialize_rules(
            conn, [each for each in alert_manager.list_rules(get_settings()) if each.id == "subject"], get_settings()
        )
    assert (item["state"], item["value"], item["unknown"]) == ("firing", None, {"value": Reason("unavailable", "why")})


def test_a_message_tells_what_changed_lately() -> None:
    group = """
        INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, message, severity, category,
                                            first_seen_at, last_seen_at, release)
        VALUES (1, 'production', %s, 't', 'm', 'low', 'api', %s, %s, %s)
    """
    with connection() as conn:
        execute(conn, group, ("one", NOW - 60 * MINUTE, NOW - 60 * MINUTE, "1.0"))
        conn.commit()
    evaluate(NOW - 55 * MINUTE, is_whole=True)
    with connection() as conn:
        execute(conn, group, ("two", NOW - 21 * MINUTE, NOW - 21 * MINUTE, "1.1"))
        conn.commit()
    drift = Sample("schema.drift", 1.0, None, {"table": "calls", "column": "source"})
    evaluate(NOW - 20 * MINUTE, drift, sample("cause", 20, service="a"), is_whole=True)
    evaluate(NOW, drift, sample("cause", 20, service="a"), sample("value", 20), is_whole=True)
    assert messages()[-1].splitlines()[-1] == (
        "Recent changes: release 1.1 (production) first seen 11:39 UTC; Schema drift [source, calls] began 11:40 UTC; "
        "Cause [a] began 11:40 UTC."
    )


def test_python_rule_shows_its_value_or_is_unknown() -> None:
    outcomes: dict[str, Any] = {"number": 7, "none": None, "false": False, "raises": 0, "endless": math.nan}

    def condition(name: str) -> Any:
        return lambda: 1 / 0 if name == "raises" else outcomes[name]

    async def waits() -> bool:
        return True

    names = [*outcomes, "waits"]
    for name in names:
        alert_manager.add_rule(
            AlertRule(
                id=f"custom_{name}", name=name, condition=waits if name == "waits" else condition(name),
                level=AlertLevel.WARNING, message=lambda context: f"measured {context.value} {context['value']}",
                channels=[AlertChannel.LOG, AlertChannel.EMAIL], cooldown_minutes=30,
            )
        )  # fmt: skip
    try:
        with connection() as conn:
            evaluate_rules(conn, [], NOW, (), frozenset(f"custom.custom_{name}" for name in names))
            conn.commit()
            mine = [r for r in alert_manager.list_rules(get_settings()) if r.id.startswith("custom_")]
            items = serialize_rules(conn, mine, get_settings())
    finally:
        for name in names:
            alert_manager.remove_rule(f"custom_{name}")
    assert {item["name"]: (item["state"], item["unknown"].get("value")) for item in items} == {
        "number": ("firing", None),
        "none": ("unknown", Reason("unavailable", "its condition returned None")),
        "false": ("ok", None),
        "raises": ("unknown", Reason("unavailable", "its condition raised ZeroDivisionError")),
        "endless": ("unknown", Reason("unavailable", "its condition returned no finite number")),
        "waits": ("firing", None),
    }
    assert {message.splitlines()[0] for message in messages()} == {"measured 7.0 7.0", "measured 1.0 1.0"}


def test_a_condition_that_hangs_holds_up_nothing_else() -> None:
    held = threading.Event()
    slow = AlertRule(id="slow", name="s", condition=held.wait, level=AlertLevel.INFO)
    quick = AlertRule(id="quick", name="q", condition=lambda: True, level=AlertLevel.INFO)
    samples = alert_manager.measure_custom_samples([slow, quick], 0.5)
    held.set()
    assert [(each.value, each.reason) for each in samples] == [
        (None, Reason("timeout", "its condition takes too long")),
        (1.0, None),
    ]


def test_a_message_that_raises_is_replaced_not_lost() -> None:
    alert_manager.add_rule(rule("subject", "test.value", hint="Too much of it", message=lambda context: context.nothing))
    evaluate(NOW, sample("value", 20))
    assert messages()[0].startswith("Too much of it: measured 20, threshold > 10")


def test_nothing_private_gets_into_a_message_or_a_timeline() -> None:
    evaluate(NOW, Sample("test.value", 20.0, None, {}, "call of +1 415 555 2671, key sk-abcdefghijklmnopqrstuvwxyz123456"))
    with connection() as conn:
        everything = json.dumps(
            [fetch_all(conn, f"SELECT * FROM callwatch.{table}") for table in ("alerts", "alert_timeline", "deliveries")],
            default=str,
        )
    assert "555 2671" not in everything
    assert "sk-abcdef" not in everything
