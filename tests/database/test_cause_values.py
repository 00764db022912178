"""What the cause of an incident measured lately: the right alert's value, gaps that stay gaps, and a bounded number."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.incidents.cause_values import choose_shown, load_cause_values
from callwatch.alerts.incidents.serializers import load_worst_incidents
from callwatch.alerts.own_rules.metric_history import keep_samples
from callwatch.db import connection, execute
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.models.shapes.incidents.overview import CauseValues
from callwatch.settings import get_settings
from tests.database.test_incidents import MINUTE, NOW, evaluate, rules
from tests.support.api_shapes import check_shape

# Its rules are those of this file, too.
__all__ = ["rules"]


def keep(minute: int, *samples: Sample, unread: tuple[str, ...] = ()) -> None:
    with connection() as conn:
        keep_samples(conn, NOW + minute * MINUTE, samples, unread)
        conn.commit()


def load(minute: float) -> tuple[list[CauseValues], dict[str, Reason]]:
    with connection() as conn:
        now = NOW + minute * MINUTE
        incidents, _count = load_worst_incidents(conn, 20, now)
        found, unknown = load_cause_values(conn, incidents.items, get_settings(), now)
    for each in found:
        check_shape(CauseValues, each)
    return found, unknown


def of(value: float | None, name: str = "cause", **labels: str) -> Sample:
    return Sample(f"test.{name}", value, None, {"service": "a", **labels})


def minutes(values: CauseValues) -> list[tuple[int, float]]:
    """Points by the minute after the incident began."""
    return [((at - NOW) // MINUTE, value) for at, value in values["points"] or []]


def test_values_are_those_of_the_alert_alone() -> None:
    evaluate(0, "cause")
    keep(-1, of(4), of(99, service="b"), of(98, region="eu"), of(97, "other"))
    keep(0, of(20), Sample("test.cause", 96))
    ((values,), unknown) = load(1)
    assert minutes(values) == [(-1, 4), (0, 20)]
    assert (values["step_s"], values["until"] - values["since"], unknown) == (60, timedelta(minutes=24), {})
    assert values["since"] <= NOW < values["until"]


def test_a_minute_that_is_not_known_is_left_out() -> None:
    evaluate(0, "cause")
    keep(-3, of(1))
    keep(-2, of(None))
    keep(-1, unread=("test.",))
    keep(0, of(20))
    keep(1, of(21), of(22, service="b"))
    assert minutes(load(2)[0][0]) == [(-3, 1), (0, 20), (1, 21)]


def test_a_damaged_minute_costs_only_itself() -> None:
    evaluate(0, "cause")
    for minute in range(4):
        keep(minute, of(20))
    with connection() as conn:
        for minute, damage in enumerate(('{"test.cause": 5}', '{"test.cause": [["x", {}]]}', '{"test.cause": [[1]]}')):
            execute(conn, "UPDATE callwatch.metric_minutes SET samples = %s WHERE minute = %s", (damage, NOW + minute * MINUTE))
        conn.commit()
    assert minutes(load(4)[0][0]) == [(3, 20)]


def test_without_a_kept_value_the_past_is_unknown() -> None:
    evaluate(0, "cause")
    ((values,), unknown) = load(1)
    assert values["points"] is None
    assert {path: why.code for path, why in unknown.items()} == {"0.points": "not_recorded"}


def test_a_rule_that_is_gone_has_no_past() -> None:
    evaluate(0, "cause")
    keep(0, of(20))
    alert_manager.remove_rule("cause")
    ((values,), unknown) = load(1)
    assert (values["points"], unknown["0.points"].code) == (None, "not_recorded")


@pytest.mark.parametrize(
    ("age", "step_s"), [(12, 60), (13, 300), (60, 300), (61, 900), (180, 900), (720, 3600), (2880, 14_400), (9000, 25_200)]
)
def test_steps_grow_with_the_age_of_the_incident(age: int, step_s: int) -> None:
    evaluate(0, "cause")
    ((values,), _unknown) = load(age)
    assert values["step_s"] == step_s
    now = NOW + age * MINUTE
    assert values["until"] - timedelta(seconds=step_s) <= now < values["until"]
    assert values["since"].timestamp() % step_s == 0, "the next refresh asks for the same steps"


def test_a_step_has_its_last_kept_value() -> None:
    evaluate(0, "cause")
    for minute in range(-5, 20):
        keep(minute, of(minute))
    points = minutes(load(20)[0][0])
    assert [value for _minute, value in points] == [-1, 4, 9, 14, 19]
    assert [minute for minute, _value in points] == [-5, 0, 5, 10, 15]


@pytest.mark.parametrize(("comparison", "worst"), [(">", 30.0), ("<", 2.0)])
def test_joined_samples_show_the_worst_of_them(comparison: str, worst: float) -> None:
    threshold = 10 if comparison == ">" else 5
    conditions = [Condition("test.joined", comparison, threshold)]
    rule = AlertRule("joined", "Joined", AlertLevel.ERROR, [AlertChannel.LOG], conditions, joined=("window",))
    alert_manager.add_rule(rule)
    samples = [Sample("test.joined", value, None, {"window": str(value)}) for value in (2.0, 30.0)]
    try:
        with connection() as conn:
            evaluate_rules(conn, samples, NOW, only_metrics=frozenset({"test.joined"}))
            conn.commit()
        keep(0, *samples)
        assert minutes(load(1)[0][0]) == [(0, worst)]
    finally:
        alert_manager.remove_rule("joined")


def test_only_those_that_stand_as_cards_are_read() -> None:
    evaluate(0, "cause", "other:a", "other:b", "other:c", "other:d")
    keep(0, of(20), *[of(20, "other", service=service) for service in "abcd"])
    found, _unknown = load(1)
    assert len(found) == 3
    assert all(each["points"] for each in found)


def test_the_worst_that_nobody_works_on_are_shown() -> None:
    def incident(name: str, level: str, minute: int = 0, **fields: Any) -> Any:
        started_at: datetime = NOW + minute * MINUTE
        return {"id": name, "level": level, "started_at": started_at, "owner": None, "silenced_until": None, **fields}

    given = [
        incident("taken", "critical", owner="ann"),
        incident("silenced", "critical", silenced_until=NOW),
        incident("newer", "error", 5),
        incident("older", "error"),
        incident("worst", "critical", 9),
        incident("info", "info"),
    ]
    assert [each["id"] for each in choose_shown(given)] == ["worst", "older", "newer"]
    assert [each["id"] for each in choose_shown([*given[:2], given[5]])] == ["taken", "silenced"]
