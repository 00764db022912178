"""Properties of every history: random samples, silences, gaps and clocks, evaluated minute by minute."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.alerts.evaluation.context import Context
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluation.instance import Instance, build_instance_key
from callwatch.alerts.evaluation.silences import Silence
from callwatch.alerts.rules.rule import AlertRule, Cause, Condition
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

T0 = datetime(2026, 1, 1, tzinfo=UTC)
BAD, GOOD, ODD = 20.0, 1.0, float("nan")


def rule(rule_id: str = "r", metric: str = "m", **fields: object) -> AlertRule:
    given_fields: dict[str, object] = {
        "id": rule_id, "name": "R", "level": AlertLevel.ERROR, "channels": (AlertChannel.LOG,),
        "conditions": (Condition(metric, ">", 10),), "cooldown_minutes": 5,
    } | fields  # fmt: skip
    return AlertRule(**given_fields)  # type: ignore[arg-type]


@dataclass
class Story:
    """The events of one instance in order: (at, kind), with kinds of transitions and of notifications."""

    notices: list[tuple[datetime, str]] = field(default_factory=list)
    transitions: list[tuple[datetime, str]] = field(default_factory=list)
    reopened: int = 0


@dataclass
class Minute:
    """The input of one evaluation."""

    samples: Sequence[Sample]
    is_silenced: bool = False
    is_unread: bool = False
    jump: timedelta = timedelta(0)


def play(rules: Sequence[AlertRule], minutes: Sequence[Minute], is_checked: bool = True) -> dict[str, Story]:
    """Evaluate minute by minute; each evaluation starts from the previous state."""
    known: dict[str, Instance] = {}
    stories: dict[str, Story] = {}
    now = T0
    for minute in minutes:
        now += timedelta(minutes=1) + minute.jump
        silences = (Silence(),) if minute.is_silenced else ()
        before = known
        outcome = evaluate(rules, minute.samples, known, now, Context(silences, ("m",) if minute.is_unread else ()))
        for change in outcome.changes:
            story = stories.setdefault(change.instance.key, Story())
            if change.transition:
                story.transitions.append((now, change.transition))
            story.reopened += change.is_reopened
            if change.notify:
                assert not minute.is_silenced, "a silenced alert sends nothing"
                story.notices.append((now, change.notify))
        if is_checked:
            _check_states(minute, before, outcome.instances)
        known = outcome.instances
    return stories


def _check_states(minute: Minute, before: dict[str, Instance], after: dict[str, Instance]) -> None:
    for key, instance in after.items():
        samples = [sample for sample in minute.samples if sample.labels == instance.labels]
        is_known = any(sample.value is not None and sample.value == sample.value for sample in samples)
        was = before[key].state if key in before else "ok"
        if not is_known and (samples or minute.is_unread):
            assert instance.state == ("firing" if was == "firing" else "unknown"), "unknown is neither ok nor firing"
        if instance.state == "firing" and was != "firing":
            assert any(sample.value == BAD for sample in samples), "only what is bad begins to fire"


values = st.sampled_from([None, ODD, GOOD, BAD, BAD])
minutes = st.builds(
    Minute,
    samples=values.map(lambda value: [Sample("m", value, None if value is not None else Reason("unavailable", "why"))]),
    is_silenced=st.sampled_from([False, False, False, True]),
)
calm = [Minute([Sample("m", GOOD)])] * 130


def _alternates(story: Story) -> None:
    kinds = ["firing" if kind == "flapping" else kind for _at, kind in story.notices if kind != "reminder"]
    assert kinds == ["firing", "resolved"] * (len(kinds) // 2), "each told firing has one told end"
    moves = [kind for _at, kind in story.transitions]
    assert moves == ["firing", "resolved"] * (len(moves) // 2), "every firing resolves at last"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(minutes, min_size=1, max_size=100),
    st.sampled_from([0, 60, 180]),
    st.sampled_from([0, 120]),
    st.sampled_from([5, 30]),
    st.sampled_from([AlertLevel.ERROR, AlertLevel.CRITICAL]),
)
def test_each_span_notifies_once_and_keeps_the_cooldown(
    history: list[Minute], for_s: int, resolve_for_s: int, cooldown: int, level: AlertLevel
) -> None:
    subject = rule(for_s=for_s, resolve_for_s=resolve_for_s, cooldown_minutes=cooldown, level=level)
    for story in play([subject], [*history, *calm]).values():
        _alternates(story)
        told = [at for at, kind in story.notices if kind != "resolved"]
        # The end of a silence is a time that a person chose: the least cooldown is enough there.
        least = timedelta(minutes=5 if any(minute.is_silenced for minute in history) else cooldown)
        assert all(later - earlier >= least for earlier, later in itertools.pairwise(told))
        told_spans = sum(kind in ("firing", "flapping") for _at, kind in story.notices)
        assert told_spans <= sum(kind == "firing" for _at, kind in story.transitions) - story.reopened, "one notice a span"


@settings(max_examples=150, deadline=None)
@given(st.lists(minutes, min_size=1, max_size=60), st.sampled_from([60, 180, 300]))
def test_none_fires_before_it_was_bad_for_its_time(history: list[Minute], for_s: int) -> None:
    story = play([rule(for_s=for_s)], history).get("r", Story())
    needed = for_s // 60
    for at, kind in story.transitions:
        if kind == "firing":
            index = round((at - T0) / timedelta(minutes=1)) - 1
            stretch = history[index - needed : index + 1]
            assert len(stretch) == needed + 1
            assert all(minute.samples[0].value == BAD for minute in stretch)


jumps = st.sampled_from([0, 0, 0, 0, -1, -600, 3, 700, -100000, 100000]).map(lambda n: timedelta(minutes=n))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(Minute, values.map(lambda value: [Sample("m", value)]), st.booleans(), st.booleans(), jumps), max_size=50),
    st.sampled_from([0, 120]),
)
def test_a_clock_that_jumps_neither_repeats_nor_loses_nor_blocks(history: list[Minute], for_s: int) -> None:
    subject = rule(for_s=for_s, resolve_for_s=60)
    story = play([subject], [*history, *calm]).get("r", Story())
    _alternates(story)
    # Whatever the clock said before: a bad sample from now on notifies within its time and one cooldown.
    bad = [Minute([Sample("m", BAD)])] * 10
    again = play([subject], [*history, *calm, *bad])["r"]
    assert again.notices[-1][1] in ("firing", "flapping")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([GOOD, BAD]), min_size=60, max_size=60))
def test_flapping_is_one_alert(history: list[float]) -> None:
    story = play([rule()], [*(Minute([Sample("m", value)]) for value in history), *calm]).get("r", Story())
    begun = sum(kind == "firing" for _at, kind in story.transitions) - story.reopened
    assert begun <= 4, "from the fourth time within the hour on it stays one alert"
    assert sum(kind == "flapping" for _at, kind in story.notices) <= 1
    _alternates(story)


chain = (
    rule("a", "ma"),
    rule("b", "mb", depends_on=("a",)),
    rule("c", "mc", depends_on=("b",)),
    rule("x", "mx", depends_on=(Cause("y"),)),
    rule("y", "my", depends_on=(Cause("x"),)),
    rule("s", "ms", depends_on=(Cause("a", same=("service",)),)),
)
several = st.lists(
    st.lists(st.sampled_from([None, GOOD, BAD]), min_size=6, max_size=6).map(
        lambda found: Minute([Sample(f"m{name}", value) for name, value in zip("abcxys", found, strict=True)])
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(several, st.randoms(use_true_random=False))
def test_neither_the_order_of_rules_nor_that_of_facts_matters(history: list[Minute], shuffle: random.Random) -> None:
    mixed_rules = list(chain)
    shuffle.shuffle(mixed_rules)
    mixed = [Minute(shuffle.sample(list(minute.samples), len(minute.samples))) for minute in history]
    assert play(chain, history, False) == play(mixed_rules, mixed, False)


def test_no_order_of_rules_decides_which_thread_is_joined() -> None:
    # Found by the property above: "b" and "x" begin again at once, while the threads of "a" and "y" are open.
    found = ["ggbbbb", "--gbg-", "b-ggbb", "gb-gg-", "bbbgbb", "bgbgb-", "bgbggg"]
    value = {"g": GOOD, "b": BAD, "-": None}
    history = [Minute([Sample(f"m{name}", value[one]) for name, one in zip("abcxys", row, strict=True)]) for row in found]
    told = play(chain, history, False)
    assert len(told["a"].notices) == 4
    for order in itertools.permutations(chain):
        assert play(order, history, False) == told, [each.id for each in order]


@settings(max_examples=100, deadline=None)
@given(several)
def test_what_follows_is_told_only_when_nothing_above_it_fires(history: list[Minute]) -> None:
    known: dict[str, Instance] = {}
    for number, minute in enumerate([*history, Minute([Sample("ma", GOOD), Sample("mb", GOOD), Sample("mc", BAD)])]):
        outcome = evaluate(chain, minute.samples, known, T0 + number * timedelta(minutes=10))
        known = outcome.instances
        firing = {key for key, instance in known.items() if instance.state == "firing"}
        for change in outcome.changes:
            if change.notify in ("firing", "flapping"):
                above = {"b": {"a"}, "c": {"b"}, "s": {"a"}}.get(change.instance.rule_id, set())
                assert not above & firing
        if {"x", "y"} <= firing:
            assert known["x"].suppressed_by is None, "a circle holds nobody back"
    assert known["c"].state == "firing"
    assert known["c"].is_notified, "it notifies as soon as its causes are gone"


@given(
    st.dictionaries(st.text("ab|=\\", max_size=3), st.text("ab|=\\", max_size=3), max_size=3),
    st.dictionaries(st.text("ab|=\\", max_size=3), st.text("ab|=\\", max_size=3), max_size=3),
)
def test_different_labels_never_share_a_key(one: dict[str, str], other: dict[str, str]) -> None:
    assert (build_instance_key("r", one) == build_instance_key("r", other)) == (one == other)
