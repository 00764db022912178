"""Any content of samples, stored states and rules: the evaluation completes, and other rules are unaffected."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.alerts.evaluation import decisions
from callwatch.alerts.evaluation import evaluate as evaluation
from callwatch.alerts.evaluation.context import Context
from callwatch.alerts.evaluation.evaluate import BROKEN_METRIC, BROKEN_RULE, evaluate
from callwatch.alerts.evaluation.instance import Instance, Outcome
from callwatch.alerts.notifications.notification import Notification, dump_notification, load_notification
from callwatch.alerts.notifications.rendering import build_notification, render_body, render_text
from callwatch.alerts.rule_state import build_row, load_instance
from callwatch.alerts.rules.manager import AlertManager
from callwatch.alerts.rules.rule import AlertRule, Cause, Condition
from callwatch.alerts.rules.sanitize import clean_labels, clean_samples, is_storable
from callwatch.db.alert_queries.rule_states import StoredState
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertLevel
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.settings import Settings
from tests.support import hostile_samples

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rule(rule_id: str, metric: str, **given_fields: Any) -> AlertRule:
    conditions = (Condition(metric, ">", 10),)
    return AlertRule(rule_id, rule_id.title(), AlertLevel.ERROR, conditions=conditions, cooldown_minutes=5, **given_fields)


BROKEN = AlertRule(BROKEN_RULE, "Broken", AlertLevel.ERROR, conditions=(Condition(BROKEN_METRIC, ">=", 3),))
OTHERS = (rule("bad", "other.bad"), rule("good", "other.good", depends_on=("bad",)), rule("blank", "other.blank"))
OTHER_FACTS = [
    Sample("other.bad", 20.0, since=NOW - MINUTE),
    Sample("other.good", 1.0),
    Sample("other.blank", None, Reason("missing", "why")),
]
RULES = (*OTHERS, rule("subject", "m"), BROKEN)


def of_others(outcome: Outcome) -> tuple[Any, ...]:
    instances = {key: each for key, each in outcome.instances.items() if each.rule_id in {"bad", "good", "blank"}}
    return instances, [change for change in outcome.changes if change.instance.rule_id in {"bad", "good", "blank"}]


EXPECTED = of_others(evaluate(RULES, OTHER_FACTS, {}, NOW))


def assert_sendable(notification: Notification) -> None:
    """Check that it survives the outbox unchanged, and that channels can send its text."""
    kept = json.dumps(dump_notification(notification), allow_nan=False, ensure_ascii=False)
    assert is_storable(kept)
    assert load_notification(json.loads(kept)) == notification
    assert is_storable(json.dumps(render_body(notification), allow_nan=False, ensure_ascii=False))


def test_row_of_an_earlier_version_keeps_its_channels() -> None:
    instance = Instance("k", "subject", {}, "firing", NOW, is_notified=True, notified_channels=("slack",), notified_level="error")
    row = build_row(instance, None, NOW)
    details = dict(row["details"])
    details["told_channels"], details["told_level"] = details.pop("notified_channels"), details.pop("notified_level")
    stored = json.loads(json.dumps({**row, "details": details, "alert_key": row["key"], "now": None}))
    assert load_instance(stored) == instance


def assert_storable(outcome: Outcome) -> None:
    """Check that PostgreSQL and JSON accept everything stored of an outcome."""
    for instance in outcome.instances.values():
        row = build_row(instance, None, NOW)
        assert is_storable(json.dumps(row["details"], allow_nan=False, ensure_ascii=False))
        assert is_storable(instance.key)
        assert len(instance.key.encode()) < 2600, "an index of PostgreSQL takes no longer key"
        assert_sendable(build_notification("alert.firing", 1, RULES[3], instance, Settings(), NOW))
        # A stored state reads as it was written.
        again = load_instance(json.loads(json.dumps({**row, "alert_key": row["key"], "now": None})))
        assert again == instance


@settings(max_examples=300)
@given(st.lists(hostile_samples.samples("m"), min_size=1, max_size=4))
def test_hostile_facts_leave_other_rules_alone(samples: list[Sample]) -> None:
    outcome = evaluate(RULES, [*samples, *OTHER_FACTS], {}, NOW)
    assert of_others(outcome) == EXPECTED
    assert not outcome.failed
    assert_storable(outcome)
    for instance in outcome.instances.values():
        assert instance.state != "unknown" or instance.reason
    later = evaluate(RULES, [*samples, *OTHER_FACTS], outcome.instances, NOW + MINUTE)
    assert_storable(later)


@pytest.mark.parametrize(
    "value", [number for number in hostile_samples.NUMBERS if clean_samples([Sample("m", number)])[0].value is None]
)
def test_value_that_is_no_finite_number_is_unknown(value: Any) -> None:
    instance = evaluate(RULES, [Sample("m", value)], {}, NOW).instances["subject"]
    assert instance.state == "unknown"
    assert instance.reason


@pytest.mark.parametrize(("value", "kept"), [(Decimal("12.5"), 12.5), (True, 1.0), (10**30, 1e30), (12, 12.0)])
def test_numbers_of_any_kind_keep_their_value(value: Any, kept: float) -> None:
    assert evaluate(RULES, [Sample("m", value)], {}, NOW).instances["subject"].value == kept
    custom = AlertRule("c", "C", AlertLevel.INFO, condition=lambda: value)
    assert AlertManager().measure_custom_samples([custom]) == [Sample("custom.c", kept)]
    assert Condition("m", ">", value).holds(kept + 10**29)


instances = st.sampled_from([field.name for field in fields(Instance) if field.name not in ("key", "rule_id")])


@settings(max_examples=300)
@given(
    st.dictionaries(
        instances, hostile_samples.odd | hostile_samples.labels | st.sampled_from(["firing", "pending", "ok"]), max_size=25
    )
)
def test_hostile_states_leave_other_rules_alone(odd: dict[str, Any]) -> None:
    damaged = replace(Instance("subject", "subject", {}, "firing", NOW - MINUTE), **odd)
    outcome = evaluate(RULES, [Sample("m", 20.0), *OTHER_FACTS], {"subject": damaged}, NOW)
    assert of_others(outcome) == EXPECTED
    assert not outcome.failed
    assert outcome.instances["subject"].state == "firing", "what the state lost, the samples of now say"
    assert_storable(outcome)


json_odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_samples.texts, lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=4,
)  # fmt: skip
names = st.sampled_from(["since", "began_at", "labels", "fired", "clear_since", "is_notified", "detail", "last_notified_at"])
dates = st.sampled_from(["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-14:00", "2026-01-01", "infinity", "-4713-01-01"])


@settings(max_examples=200)
@given(st.dictionaries(names, json_odd | dates, max_size=8) | json_odd, st.floats())
def test_damaged_row_still_is_an_instance(details: Any, value: float) -> None:
    row: StoredState = {
        "alert_id": 1,
        "last_evaluated_at": NOW,
        "alert_key": "subject",
        "rule_id": "subject",
        "state": "firing",
        "value": value,
        "threshold": value,
        "details": details,
    }
    outcome = evaluate(RULES, [Sample("m", 1.0), *OTHER_FACTS], {"subject": load_instance(row)}, NOW)
    assert of_others(outcome) == EXPECTED
    assert outcome.instances["subject"].state == "ok"
    assert_storable(outcome)


class Refuses(Exception):
    """Raised by a deliberate fault."""


@pytest.mark.parametrize("place", ["compute_state", "group_samples", "is_idle", "decide"])
def test_rule_that_cannot_be_evaluated_is_unknown_alone(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = decisions if place == "decide" else evaluation
    real: Callable[..., Any] = getattr(module, place)

    def refuse(*given_values: Any) -> Any:
        if any(value is RULES[3] for value in given_values):
            raise Refuses
        return real(*given_values)

    monkeypatch.setattr(module, place, refuse)
    gone = Instance("subject|stage=x", "subject", {"stage": "x"}, "ok", NOW)
    outcome = evaluate(RULES, [Sample("m", 20.0), *OTHER_FACTS], {gone.key: gone}, NOW)
    assert of_others(outcome) == EXPECTED
    unknown = [each for each in outcome.instances.values() if each.rule_id == "subject" and each.state == "unknown"]
    assert {each.reason for each in unknown} == {Reason("unavailable", "its evaluation failed (Refuses)")}
    assert outcome.failed == {"subject": "its evaluation failed (Refuses)"}
    assert [type(error) for error in outcome.errors][:1] == [Refuses]


def test_third_failing_cycle_fires_an_alert_that_clears() -> None:
    known: dict[str, Instance] = {}
    states = []
    for minute in range(6):
        failed = {"subject": "its condition raised ValueError"} if minute < 4 else {}
        outcome = evaluate(RULES, OTHER_FACTS, known, NOW + minute * MINUTE, Context(failed=failed))
        known = outcome.instances
        states.append([change.notify for change in outcome.changes if change.instance.rule_id == BROKEN_RULE])
        if minute == 2:
            assert known["rule_broken|rule=subject"].detail == "its condition raised ValueError"
    assert states == [[], [], ["firing"], [], ["resolved"], []]


def test_interrupted_failures_count_anew() -> None:
    known: dict[str, Instance] = {}
    for minute in range(8):
        failed = {} if minute % 3 == 2 else {"subject": "its condition raised ValueError"}
        outcome = evaluate(RULES, OTHER_FACTS, known, NOW + minute * MINUTE, Context(failed=failed))
        known = outcome.instances
        assert not [change for change in outcome.changes if change.instance.rule_id == BROKEN_RULE]


def test_instance_that_cannot_be_stored_is_unknown() -> None:
    samples = [Sample("m", 20.0, labels={"stage": name}) for name in ("x", "y")]
    outcome = evaluate(RULES, samples, {}, NOW, Context(broken={"subject|stage=x": "it could not be stored (DataError)"}))
    assert {key: each.state for key, each in outcome.instances.items() if each.rule_id == "subject"} == {
        "subject|stage=x": "unknown",
        "subject|stage=y": "firing",
    }
    assert outcome.failed == {"subject": "it could not be stored (DataError)"}


@settings(max_examples=200)
@given(hostile_samples.texts, hostile_samples.texts, hostile_samples.texts)
def test_rule_of_hostile_texts_makes_storable_messages(name: str, message: str, hint: str) -> None:
    found = AlertRule("r", name, AlertLevel.INFO, conditions=(Condition("m", ">", 1),), message=message, hint=hint)
    instance = evaluate((found,), [Sample("m", 2.0)], {}, NOW).instances["r"]
    assert_sendable(build_notification("alert.firing", 1, found, instance, Settings(), NOW))


def raises(error: BaseException) -> Callable[..., Any]:
    def run(*_given: Any) -> Any:
        raise error

    return run


@pytest.mark.parametrize("error", [ValueError("x"), OverflowError(), SystemExit(1), RecursionError(), Exception("\ud800")])
def test_message_that_raises_gives_way_to_built_in_words(error: BaseException) -> None:
    subject = rule("subject", "m", message=raises(error), hint="Too much")
    failed: dict[str, str] = {}
    instance = evaluate((subject,), [Sample("m", 20.0)], {}, NOW).instances["subject"]
    assert render_text(subject, instance, failed) == "Too much: measured 20, threshold > 10"
    assert failed == {"subject": f"its message function raised {type(error).__name__}"}


@pytest.mark.parametrize("text", [*hostile_samples.TEXTS, None, 12, b"x"])
def test_message_function_may_return_anything(text: Any) -> None:
    subject = rule("subject", "m", message=lambda _context: text)
    instance = evaluate((subject,), [Sample("m", 20.0)], {}, NOW).instances["subject"]
    found = render_text(subject, instance)
    assert is_storable(found)
    assert len(found) <= 1000


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), OverflowError()])
def test_condition_that_raises_is_unknown_and_counted(error: BaseException) -> None:
    subject = AlertRule("c", "C", AlertLevel.INFO, condition=raises(error))
    failed: dict[str, str] = {}
    (sample,) = AlertManager().measure_custom_samples([subject], failed=failed)
    assert (sample.value, sample.reason) == (None, Reason("unavailable", f"its condition raised {type(error).__name__}"))
    assert failed == {"c": f"its condition raised {type(error).__name__}"}


@pytest.mark.parametrize("value", [float("nan"), 10**400, Decimal("NaN")])
def test_condition_without_a_finite_number_is_counted(value: Any) -> None:
    failed: dict[str, str] = {}
    (sample,) = AlertManager().measure_custom_samples(
        [AlertRule("c", "C", AlertLevel.INFO, condition=lambda: value)], failed=failed
    )
    assert sample.value is None
    assert failed == {"c": "its condition returned no finite number"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": None}, "name must be a text"),
        ({"hint": 7}, "hint must be a text"),
        ({"message": 7}, "message must be a text, or a callable"),
        ({"labels": None}, "labels must be an object of texts"),
        ({"labels": {"a": 1}}, "labels must be an object of texts"),
        ({"depends_on": "x"}, "depends_on must be a list"),
        ({"depends_on": [7]}, "depends_on must be a list"),
        ({"depends_on": [Cause("x", labels=None)]}, "depends_on must be a list"),  # type: ignore[arg-type]
        ({"depends_on": [Cause("x", same=(1,))]}, "depends_on must be a list"),  # type: ignore[arg-type]
        ({"conditions": (Condition("m", ">", 10**400),)}, "threshold must be a finite number"),
        ({"conditions": (Condition("m", ">", Decimal("NaN")),)}, "threshold must be a finite number"),  # type: ignore[arg-type]
    ],
)
def test_rule_in_python_with_an_odd_field_is_refused(change: dict[str, Any], says: str) -> None:
    given_fields = {"id": "r", "name": "R", "level": AlertLevel.INFO, "conditions": (Condition("m", ">", 1),)} | change
    with pytest.raises(ConfigurationError, match=says):
        AlertRule(**given_fields)


def test_long_labels_are_cut_and_stay_apart() -> None:
    one, other = (clean_labels({"route": hostile_samples.MEGABYTE + end}) for end in "ab")
    assert len(one["route"].encode()) <= 1000
    assert one != clean_labels({"route": hostile_samples.MEGABYTE[:5000]})
    assert clean_labels({"route": "/a" * 600 + "1"}) != clean_labels({"route": "/a" * 600 + "2"})
    assert clean_labels({"a": "b"}) == {"a": "b"}
    assert one == other, "beyond ten thousand characters nothing is compared"
