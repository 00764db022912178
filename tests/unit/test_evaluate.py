"""The pure evaluation, by examples and by properties."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.alerts.evaluation.context import Context
from callwatch.alerts.evaluation.evaluate import BLIND_RULE, evaluate
from callwatch.alerts.evaluation.instance import Instance, Outcome, Planned
from callwatch.alerts.evaluation.silences import Silence
from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def rule(**fields: object) -> AlertRule:
    given_fields: dict[str, object] = {
        "id": "r", "name": "R", "level": AlertLevel.ERROR, "channels": (AlertChannel.LOG,),
        "conditions": (Condition("m", ">", 10),), "cooldown_minutes": 5,
    } | fields  # fmt: skip
    return AlertRule(**given_fields)  # type: ignore[arg-type]


class Play:
    """Evaluates minute by minute, and records notifications."""

    def __init__(self, *rules: AlertRule) -> None:
        self.rules = rules
        self.known: dict[str, Instance] = {}
        self.now = T0
        self.told: list[tuple[int, str, str]] = []
        self.transitions: list[tuple[int, str]] = []

    def minute(
        self, value: float | None = None, *samples: Sample, silences: tuple[Silence, ...] = (), unread: tuple[str, ...] = ()
    ) -> Outcome:
        given_samples = [
            *samples,
            *(
                [Sample("m", value, None if value is not None else Reason("unavailable", "why"))]
                if not samples and not unread
                else []
            ),
        ]
        outcome = evaluate(self.rules, given_samples, self.known, self.now, Context(silences, unread))
        self.known = outcome.instances
        minutes = round((self.now - T0) / MINUTE)
        for planned in outcome.planned:
            self._note(minutes, planned, outcome)
        self.transitions += [(minutes, change.transition) for change in outcome.changes if change.transition]
        self.now += MINUTE
        return outcome

    def _note(self, minutes: int, planned: Planned, outcome: Outcome) -> None:
        for key in planned.keys:
            kind = "resolved" if key in planned.over else planned.kind
            self.told.append((minutes, outcome.instances[key].rule_id, kind))


def test_burn_in_two_windows_is_one_alert_until_both_end() -> None:
    play = Play(next(each for each in RULES if each.id == "error_budget_burn"))
    for short, long in ((0, 0), (20, 20), (0, 7), (0, 0)):
        rates = {"1h_5m": short, "6h_30m": long, "3d_6h": 9}
        outcome = play.minute(None, *(Sample("slo.errors_burn", rate, None, {"window": name}) for name, rate in rates.items()))
        play.now += 60 * MINUTE
    assert play.transitions == [(61, "firing"), (183, "resolved")]
    assert [kind for _minute, _rule, kind in play.told] == ["firing", "resolved"]
    assert [instance.labels for instance in outcome.instances.values()] == [{}]


def test_alert_ends_despite_another_unknown_condition() -> None:
    play = Play(rule(conditions=(Condition("m", ">", 10), Condition("n", ">", 10))))
    for value in (20, None, 5, 5):
        play.minute(None, Sample("m", value), Sample("n", None, Reason("missing", "its table is missing")))
    assert play.transitions == [(0, "firing"), (2, "resolved")]
    assert [kind for _minute, _rule, kind in play.told] == ["firing", "resolved"]
    assert [instance.state for instance in play.known.values()] == ["unknown"]


def test_alert_continues_while_its_condition_is_half_known() -> None:
    play = Play(rule())
    play.minute(20)
    play.minute(None, Sample("m", 5), Sample("m", None, Reason("unavailable", "more was accepted than is counted")))
    play.minute(None, Sample("n", 5), unread=("m",))
    assert play.transitions == [(0, "firing")]


def test_a_rule_fires_once_and_resolves_once() -> None:
    play = Play(rule())
    for value in (1, 20, 30, 40, 5, 5):
        play.minute(value)
    assert play.told == [(1, "r", "firing"), (4, "r", "resolved")]


def test_nothing_fires_before_its_time() -> None:
    play = Play(rule(for_s=120))
    for value in (20, 20, 1, 20, 20, 20):
        play.minute(value)
    assert play.told == [(5, "r", "firing")]


def test_it_resolves_only_after_it_was_clear_for_its_time() -> None:
    play = Play(rule(resolve_for_s=120))
    for value in (20, 1, 20, 1, 1, 1):
        play.minute(value)
    assert play.told == [(0, "r", "firing"), (5, "r", "resolved")]


def test_facts_older_than_what_fired_meanwhile_do_not_clear_it() -> None:
    play = Play(rule())
    started_at = play.now
    play.now += timedelta(seconds=5)
    play.minute(20)
    play.now = started_at
    play.minute(1)
    assert [kind for _minute, kind in play.transitions] == ["firing"], "they were measured before it fired"
    play.minute(1)
    assert [kind for _minute, kind in play.transitions] == ["firing", "resolved"]


def test_unknown_is_read_neither_as_ok_nor_as_firing() -> None:
    play = Play(rule())
    assert play.minute(None).instances["r"].state == "unknown"
    play.minute(20)
    assert play.minute(None).instances["r"].state == "firing"
    play.minute(20)
    assert play.told == [(1, "r", "firing")]


def test_unread_source_is_unknown_and_empty_source_is_ok() -> None:
    play = Play(rule())
    play.minute(20)
    assert play.minute(unread=("m",)).instances["r"].state == "firing"
    play.minute(None, Sample("other", 1))
    assert play.told[-1][2] == "resolved"


def test_cooldown_keeps_two_notifications_apart() -> None:
    play = Play(rule(cooldown_minutes=10))
    for value in (20, 1, 20, 20, 20):
        play.minute(value)
    assert play.told == [(0, "r", "firing"), (1, "r", "resolved")]
    for _ in range(8):
        play.minute(20)
    assert play.told[-1] == (10, "r", "firing"), "an alert that outlives the cooldown notifies at its end"


def test_silenced_alert_is_notified_when_the_silence_ends() -> None:
    play = Play(rule())
    silence = (Silence(rule_id="r"),)
    for _ in range(3):
        play.minute(20, silences=silence)
    assert play.told == []
    play.minute(20)
    assert play.told == [(3, "r", "firing")]


def test_silences_match_by_rule_service_and_labels() -> None:
    instance = Instance("k", "r", {"service": "openai", "zone": "a"}, "firing", T0)
    assert Silence(rule_id="r").matches(instance)
    assert Silence(service="openai").matches(instance)
    assert Silence(labels={"zone": "a"}).matches(instance)
    assert not Silence(rule_id="r", service="deepgram").matches(instance)
    assert not Silence(labels={"zone": "b"}).matches(instance)


def test_inhibited_alert_is_sent_only_after_its_cause_ends() -> None:
    cause = rule(id="cause", conditions=(Condition("c", ">=", 1),))
    effect = rule(id="effect", depends_on=("cause",))
    play = Play(cause, effect)
    outcome = play.minute(None, Sample("c", 1), Sample("m", 20))
    assert outcome.instances["effect"].suppressed_by == "cause"
    assert play.told == [(0, "cause", "firing")]
    play.minute(None, Sample("c", 0), Sample("m", 20))
    assert set(play.told[1:]) == {(1, "cause", "resolved"), (1, "effect", "firing")}


def test_each_set_of_labels_is_an_alert_of_its_own() -> None:
    play = Play(rule())
    outcome = play.minute(None, Sample("m", 20, labels={"stage": "a"}), Sample("m", 1, labels={"stage": "b"}))
    assert {instance.labels["stage"]: instance.state for instance in outcome.instances.values()} == {"a": "firing", "b": "ok"}


def test_flapping_becomes_one_notification() -> None:
    play = Play(rule())
    for _ in range(30):
        play.minute(20)
        play.minute(1)
    kinds = [kind for _minute, _rule, kind in play.told]
    assert kinds.count("flapping") == 1
    assert len(kinds) <= 8
    for _ in range(40):
        play.minute(1)
    assert play.told[-1][2] == "resolved"
    assert kinds.count("firing") == len([k for k in kinds if k == "resolved"])


def test_critical_alert_reminds_hourly_until_acknowledged() -> None:
    play = Play(rule(level=AlertLevel.CRITICAL))
    for _ in range(125):
        play.minute(20)
    assert [kind for _minute, _rule, kind in play.told] == ["firing", "reminder", "reminder"]


def test_many_unknown_rules_are_one_alert() -> None:
    rules = [rule(id=f"r{n}", conditions=(Condition(f"m{n}", ">", 1),)) for n in range(4)]
    play = Play(*rules, next(r for r in RULES if r.id == BLIND_RULE))
    play.minute(None, *[Sample(f"m{n}", 0) for n in range(4)])
    for _ in range(3):
        play.minute(None, *[Sample(f"m{n}", None, Reason("unavailable", "why")) for n in range(3)], Sample("m3", 0))
    assert [told[1] for told in play.told] == [BLIND_RULE]


def harmless() -> list[Sample]:
    """Return a sample for each condition of the built-in rules, on the good side of its threshold."""
    samples = []
    for each in RULES:
        for condition in each.list_conditions():
            step = {">": 0.0, ">=": -1.0, "<": 0.0, "<=": 1.0, "==": -1.0}[condition.comparison]
            samples.append(Sample(condition.metric, condition.threshold + step, labels={**each.labels, **condition.labels}))
    return [sample for sample in samples if sample.metric != "monitor.unknown_ratio"]


def test_all_rules_going_unknown_at_once_are_one_alert() -> None:
    blank = [Sample(sample.metric, None, Reason("unavailable", "the source is gone"), sample.labels) for sample in harmless()]
    for first, expected in ((harmless(), [(3, BLIND_RULE, "firing")]), (blank, [])):
        play = Play(*RULES)
        play.minute(None, *first)
        for _ in range(4):
            play.minute(None, *blank)
        assert play.told == expected


def test_a_source_that_fails_from_the_start_is_blindness_too() -> None:
    play = Play(*RULES)
    prefixes = tuple({metric for each in RULES for metric in each.metrics if metric != "monitor.unknown_ratio"})
    for _ in range(4):
        play.minute(unread=prefixes)
    assert play.told == [(2, BLIND_RULE, "firing")]


def test_the_built_in_five_have_their_defaults() -> None:
    found = {r.id: r for r in RULES}
    expected = {
        "database_health": (AlertLevel.CRITICAL, 5, {"log", "email"}),
        "high_error_rate": (AlertLevel.ERROR, 15, {"log", "webhook"}),
        "queue_backlog": (AlertLevel.WARNING, 30, {"log"}),
        "api_degradation": (AlertLevel.WARNING, 10, {"log"}),
        "memory_usage": (AlertLevel.WARNING, 20, {"log"}),
    }
    for rule_id, (level, cooldown, channels) in expected.items():
        assert (found[rule_id].level, found[rule_id].cooldown_minutes) == (level, cooldown)
        assert channels <= {str(channel) for channel in found[rule_id].channels}


values = st.lists(st.sampled_from([None, 0.0, 5.0, 20.0, 99.0]), min_size=1, max_size=90)


@settings(max_examples=150, deadline=None)
@given(values, st.sampled_from([0, 60, 180]), st.sampled_from([0, 120]), st.sampled_from([5, 30]))
def test_notifications_alternate_and_each_alert_resolves(
    given_values: list[float | None], for_s: int, resolve_for_s: int, cooldown: int
) -> None:
    play = Play(rule(for_s=for_s, resolve_for_s=resolve_for_s, cooldown_minutes=cooldown))
    for value in given_values:
        play.minute(value)
    for _ in range(80):
        play.minute(0.0)
    kinds = [kind for _minute, _rule, kind in play.told]
    told = ["firing" if kind == "flapping" else kind for kind in kinds if kind != "reminder"]
    assert told == ["firing", "resolved"] * (len(told) // 2)
    states = [kind for _minute, kind in play.transitions]
    assert states == ["firing", "resolved"] * (len(states) // 2)
    fired = [minute for minute, _rule, kind in play.told if kind in ("firing", "flapping")]
    assert all(later - earlier >= cooldown for earlier, later in itertools.pairwise(fired))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, 0.0, 20.0]), st.integers(-40, 90)), min_size=1, max_size=60))
def test_a_clock_that_jumps_does_no_harm(steps: list[tuple[float | None, int]]) -> None:
    play = Play(rule(for_s=60))
    for value, jump in steps:
        play.now += timedelta(minutes=jump)
        play.minute(value)
    states = [kind for _minute, kind in play.transitions]
    assert states in (["firing", "resolved"] * (len(states) // 2), ["firing", "resolved"] * (len(states) // 2) + ["firing"])


@settings(max_examples=60, deadline=None)
@given(values)
def test_nothing_is_told_while_silenced(given_values: list[float | None]) -> None:
    play = Play(rule())
    for value in given_values:
        play.minute(value, silences=(Silence(rule_id="r"),))
    assert play.told == []
