"""Properties of every history of samples, silences, levels and channels: who is notified, of what, and how often."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.alerts.evaluation.context import Context
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluation.instance import Instance, Outcome, Planned, build_instance_key
from callwatch.alerts.evaluation.silences import Silence, Silences
from callwatch.alerts.evaluation.storms import MAX_SINGLE
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import KEYED_CHANNELS, AlertChannel, AlertLevel
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
COOLDOWN = 10
# A notification may wait for the cooldown, and then for that of its group.
BOUND = 2 * COOLDOWN + 2
CHANNELS = ("log", "webhook", "pagerduty")
BAD, GOOD, UNKNOWN, ABSENT = "bad", "good", "unknown", "absent"
NAMES = ("cause", "effect", "other")
COUNT = 7


@dataclass(frozen=True)
class Minute:
    """The input of one cycle: the sample of each instance, silences, the rules' level, and their channels."""

    samples: dict[str, tuple[str, ...]]
    is_complete: bool = True
    silences: tuple[Silence, ...] = ()
    level: AlertLevel = AlertLevel.CRITICAL
    channels: tuple[str, ...] = CHANNELS


@dataclass
class World:
    """Plays minutes, and records what each channel received of each instance."""

    known: dict[str, Instance] = field(default_factory=dict)
    heard: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    firing_since: dict[str, datetime] = field(default_factory=dict)
    now: datetime = T0

    def play(self, minutes: Sequence[Minute]) -> None:
        for minute in minutes:
            self.now += MINUTE
            self._play_one(minute)

    def _play_one(self, minute: Minute) -> None:
        rules = make_rules(minute)
        complete = ("",) if minute.is_complete else ()
        before = self.known
        outcome = evaluate(rules, make_samples(minute), before, self.now, Context(minute.silences, complete=complete))
        self.known = outcome.instances
        silences = Silences(minute.silences)
        for planned in outcome.planned:
            self._hear(planned, outcome, silences)
        self._check_all_clears(minute, before)
        self._check_criticals(minute, rules, outcome, silences)
        check_size(outcome, before)

    def _hear(self, planned: Planned, outcome: Outcome, silences: Silences) -> None:
        for channel, keys in planned.by_channel.items():
            for key in keys:
                instance = outcome.instances[key]
                assert silences.find(instance) is None, "nothing is sent during a matching silence"
                history = self.heard.setdefault((channel, key), [])
                if key in planned.over:
                    assert instance.state == "ok", "no all-clear while it goes on"
                    # What ended while its notification waited for its group is only mentioned.
                    is_mention = planned.group is not None
                    assert history[-1:] == ["firing"] or is_mention, "one all-clear for each notification, to who was notified"
                    history.append("over")
                else:
                    assert instance.state == "firing"
                    history.append("firing")

    def _check_all_clears(self, minute: Minute, before: dict[str, Instance]) -> None:
        """Check that a firing instance ends only on a good sample, or when a complete list lacks it."""
        for name in NAMES:
            for number, sample in enumerate(minute.samples[name]):
                key = build_instance_key(name, {"entity": str(number)})
                if key not in before or before[key].state != "firing":
                    continue
                may_end = sample == GOOD or (sample == ABSENT and minute.is_complete)
                if not may_end:
                    assert self.known[key].state == "firing", f"{sample} is no all-clear"

    def _check_criticals(self, minute: Minute, rules: Sequence[AlertRule], outcome: Outcome, silences: Silences) -> None:
        levels = {rule.id: rule.level for rule in rules}
        for key, instance in self.known.items():
            is_open = instance.state == "firing" and silences.find(instance) is None
            if not is_open or levels[instance.rule_id] != AlertLevel.CRITICAL:
                self.firing_since.pop(key, None)
                continue
            since = self.firing_since.setdefault(key, self.now)
            if self.now - since < BOUND * MINUTE or instance.is_unknown:
                continue
            cause = self.known.get(outcome.causes.get(key, ""))
            is_explained = instance.suppressed_by is not None and cause is not None and cause.is_notified
            if is_explained and cause is not None:
                assert silences.find(cause) is None
                continue
            missing = set(minute.channels) - set(instance.notified_channels or ())
            assert not missing, "somebody is notified of every critical alert within a bound"


def make_rules(minute: Minute) -> list[AlertRule]:
    channels = tuple(AlertChannel(name) for name in minute.channels)
    return [
        AlertRule(
            name, name.title(), minute.level if name != "other" else AlertLevel.WARNING, channels,
            (Condition(f"m.{name}", ">", 10),), cooldown_minutes=COOLDOWN,
            depends_on=("cause",) if name == "effect" else (),
        )
        for name in NAMES
    ]  # fmt: skip


def make_samples(minute: Minute) -> list[Sample]:
    values = {BAD: 20.0, GOOD: 1.0, UNKNOWN: None}
    return [
        Sample(f"m.{name}", values[sample], Reason("unavailable", "why"), {"entity": str(number)})
        for name in NAMES
        for number, sample in enumerate(minute.samples[name])
        if sample != ABSENT
    ]


def check_size(outcome: Outcome, before: dict[str, Instance]) -> None:
    """Check that however much begins or ends at once, a channel gets only a few messages."""
    groups = {each.group for each in (*before.values(), *outcome.instances.values()) if each.group is not None}
    for kind in ("firing", "resolved"):
        sent = Counter(channel for planned in outcome.planned if planned.kind == kind for channel in planned.by_channel)
        for channel, count in sent.items():
            if channel not in KEYED_CHANNELS:
                assert count <= MAX_SINGLE + 2 * len(groups) + 2


sample = st.sampled_from([BAD, BAD, GOOD, GOOD, UNKNOWN, ABSENT])
# As in reality, most of the time nothing changes, or everything changes together.
one_each = st.tuples(*[sample] * COUNT)
together = sample.map(lambda found: (found,) * COUNT)
silence = st.one_of(
    st.builds(Silence, rule_id=st.sampled_from(NAMES)),
    st.builds(Silence, labels=st.integers(0, COUNT - 1).map(lambda number: {"entity": str(number)})),
)
minute = st.builds(
    Minute,
    samples=st.fixed_dictionaries({name: st.one_of(one_each, together) for name in NAMES}),
    is_complete=st.booleans(),
    silences=st.lists(silence, max_size=2).map(tuple),
    level=st.sampled_from([AlertLevel.CRITICAL, AlertLevel.CRITICAL, AlertLevel.WARNING]),
    channels=st.sampled_from([CHANNELS, CHANNELS, CHANNELS[:2]]),
)
stretch = st.tuples(minute, st.sampled_from([1, 1, 2, 5, 12, 25])).map(lambda pair: [pair[0]] * pair[1])
histories = st.lists(stretch, min_size=1, max_size=8).map(lambda found: [each for part in found for each in part])
CALM = [Minute(dict.fromkeys(NAMES, (GOOD,) * COUNT))] * 45


@settings(max_examples=30, deadline=None)
@given(histories)
def test_notifications_hold_their_promises_in_every_history(history: list[Minute]) -> None:
    world = World()
    world.play(history)
    world.play(CALM)
    owed = {key for (_channel, key), heard in world.heard.items() if heard[-1] != "over"}
    assert not owed, "each channel that received the alert receives its all-clear"
    assert not any(instance.is_notified for instance in world.known.values())


@settings(max_examples=20, deadline=None)
@given(st.integers(MAX_SINGLE + 1, 60), st.integers(1, 20))
def test_a_storm_is_one_message_and_one_end(count: int, minutes: int) -> None:
    subject = AlertRule("r", "R", AlertLevel.CRITICAL, (AlertChannel.LOG, AlertChannel.PAGERDUTY), (Condition("m", ">", 10),))
    known: dict[str, Instance] = {}
    sent: Counter[tuple[str, str]] = Counter()
    for number in range(minutes + 1):
        value = 20.0 if number < minutes else 1.0
        samples = [Sample("m", value, None, {"entity": str(each)}) for each in range(count)]
        outcome = evaluate([subject], samples, known, T0 + number * MINUTE)
        known = outcome.instances
        for planned in outcome.planned:
            sent.update((channel, "over" if planned.over else "firing") for channel in planned.by_channel)
    assert sent == Counter({(channel, kind): 1 for channel in ("log", "pagerduty") for kind in ("firing", "over")})
