"""Which incident each firing alert belongs to, for single cases and for every history of causes and effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.alerts.incidents.grouping import Firing, Grouping, Standing, group_alerts
from callwatch.alerts.incidents.sentences import PHRASES, write_sentence
from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.metrics import METRICS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def alert(number: int, incident: int | None = None, level: str = "warning") -> Firing:
    return Firing(number, f"k{number}", level, NOW + timedelta(minutes=number), incident)


def kin(number: int, incident: int | None = None) -> Firing:
    return replace(alert(number, incident), kin="schema_drift")


def standing(number: int, cause: int) -> Standing:
    return Standing(number, cause, NOW + timedelta(minutes=cause))


def group(alerts: Sequence[Firing], above: Mapping[int, Sequence[int]], *incidents: Standing) -> Grouping:
    return group_alerts(alerts, {f"k{key}": [f"k{one}" for one in found] for key, found in above.items()}, incidents)


def test_a_cause_and_its_effects_are_one_incident() -> None:
    found = group([alert(1), alert(2), alert(3), alert(4)], {2: [1], 3: [1, 2]})
    assert found.places == {1: -1, 2: -1, 3: -1, 4: -4}
    assert found.causes == {-1: 1, -4: 4}


def test_a_late_cause_adopts_the_oldest_and_merges_the_rest() -> None:
    found = group([alert(2, 20), alert(3, 30), alert(9)], {2: [9], 3: [9]}, standing(30, 3), standing(20, 2))
    assert found.places == {2: 20, 3: 20, 9: 20}
    assert (found.causes, found.merged, found.resolved) == ({20: 9}, {30: 20}, [])


def test_a_cause_that_ends_hands_over_to_what_goes_on() -> None:
    found = group([alert(2, 10), alert(3, 10, "error")], {}, standing(10, 1))
    assert found.places == {2: 10, 3: 10}
    assert found.causes == {10: 3}, "the worst of them"


def test_a_cause_keeps_its_own_incident_and_takes_over_another() -> None:
    found = group([alert(1, 10), alert(2, 20), alert(3, 20)], {2: [1]}, standing(10, 1), standing(20, 2))
    assert found.places == {1: 10, 2: 10, 3: 10}, "what was with the effect goes along"
    assert found.merged == {20: 10}


def test_an_effect_leaves_an_incident_that_has_another_cause() -> None:
    found = group([alert(2, 10), alert(3, 10), alert(9)], {3: [9]}, standing(10, 2))
    assert found.places == {2: 10, 3: -9, 9: -9}
    assert found.causes == {10: 2, -9: 9}


def test_an_effect_stays_with_its_cause_when_a_second_fires() -> None:
    found = group([alert(1, 10), alert(2, 10), alert(3)], {2: [3, 1]}, standing(10, 1))
    assert found.places == {1: 10, 2: 10, 3: -3}


def test_an_effect_moves_on_when_one_of_two_causes_ends() -> None:
    found = group([alert(2, 10), alert(3, 30)], {2: [3]}, standing(10, 1), standing(30, 3))
    assert found.places == {2: 30, 3: 30}
    assert (found.resolved, found.merged) == ([10], {})


def test_two_new_causes_do_not_share_an_incident() -> None:
    found = group([alert(2, 20), alert(8), alert(9)], {2: [8, 9]}, standing(20, 2))
    assert found.places == {2: 20, 8: 20, 9: -9}


def test_an_incident_without_firing_alerts_is_over() -> None:
    assert group([], {}, standing(10, 1)).resolved == [10]


def test_incidents_that_explain_each_other_become_one() -> None:
    alerts = [alert(1, 10), alert(2, 20), alert(3, 20), alert(4, 10)]
    found = group(alerts, {1: [3], 2: [4]}, standing(10, 1), standing(20, 2))
    assert len(set(found.places.values())) == 1
    assert len(found.merged) == 1


def test_kin_that_begins_together_is_one_incident() -> None:
    found = group([kin(1), alert(2), kin(3)], {})
    assert found.places == {1: -1, 2: -2, 3: -1}
    assert found.causes == {-1: 1, -2: 2}


def test_new_kin_joins_the_oldest_and_moves_none() -> None:
    found = group([kin(1), kin(5, 50), kin(4, 40)], {}, standing(50, 5), standing(40, 4))
    assert found.places == {1: 40, 5: 50, 4: 40}
    assert (found.merged, found.resolved) == ({}, [])


def test_kin_that_follows_from_a_cause_is_with_its_cause() -> None:
    found = group([kin(1), kin(2), alert(9)], {2: [9]})
    assert found.places == {1: -1, 2: -9, 9: -9}


# Causes of each kind of alert: two roots, a chain, an effect of both, and kin.
CAUSES: Mapping[str, tuple[str, ...]] = {
    "root": (),
    "other": (),
    "middle": ("root",),
    "leaf": ("middle",),
    "both": ("root", "other"),
    "twin a": (),
    "twin b": ("other",),
}


@dataclass
class World:
    """Alerts and incidents as the database would hold them."""

    now: datetime = NOW
    next_id: int = 1
    firing: dict[str, Firing] = field(default_factory=dict)
    open: dict[int, Standing] = field(default_factory=dict)
    home: dict[int, int] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)

    def above(self) -> dict[str, list[str]]:
        """List the firing causes of each firing alert, the root first."""
        found: dict[str, set[str]] = {}
        for kind in ("middle", "leaf", "both", "twin b"):
            if kind in self.firing:
                direct = {cause for cause in CAUSES[kind] if cause in self.firing}
                found[kind] = direct.union(*(found.get(cause, set()) for cause in direct))
        return {kind: sorted(causes, key=lambda one: (len(found.get(one, ())), one)) for kind, causes in found.items() if causes}

    def evaluate(self, kinds: frozenset[str]) -> Grouping:
        """Let exactly these kinds fire, group them, and store the result."""
        self.now += timedelta(minutes=1)
        for kind in sorted(kinds - self.firing.keys()):
            self.firing[kind] = Firing(self.next_id, kind, "warning", self.now, kin="twin" if "twin" in kind else None)
            self.next_id += 1
        self.firing = {kind: each for kind, each in self.firing.items() if kind in kinds}
        found = group_alerts(list(self.firing.values()), self.above(), self.open.values())
        made = {ref: 1000 - ref for ref in found.causes if ref < 0}
        for kind, each in self.firing.items():
            place = found.places[each.id]
            self.firing[kind] = replace(each, incident_id=made.get(place, place))
            self.home[each.id] = made.get(place, place)
        old = dict(self.open)
        self.open = {}
        for ref, cause in found.causes.items():
            incident_id = made.get(ref, ref)
            self.open[incident_id] = Standing(incident_id, cause, old[ref].started_at if ref in old else self.now)
        self.merged |= {mine: made.get(other, other) for mine, other in found.merged.items()}
        assert set(old) == (set(self.open) & set(old)) | set(found.merged) | set(found.resolved), "no incident is lost"
        return found


@settings(max_examples=150)
@given(st.lists(st.frozensets(st.sampled_from(sorted(CAUSES))), min_size=1, max_size=25))
def test_every_firing_alert_is_in_exactly_one_open_incident(history: list[frozenset[str]]) -> None:
    world = World()
    for kinds in history:
        found = world.evaluate(kinds)
        assert set(found.places) == {each.id for each in world.firing.values()}
        assert set(world.open) == {each.incident_id for each in world.firing.values()}, "none is open without a firing alert"
        for incident_id, incident in world.open.items():
            inside = {kind for kind, each in world.firing.items() if each.incident_id == incident_id}
            cause = next(kind for kind, each in world.firing.items() if each.id == incident.cause_id)
            assert cause in inside
            assert not set(world.above().get(cause, ())) & inside, "a cause follows from nothing in its incident"
        for kind, causes in world.above().items():
            around = {world.firing[cause].incident_id for cause in causes}
            assert world.firing[kind].incident_id in around, "what follows is where one of its causes is"
        assert not set(found.merged) & set(world.open)
        assert all(other in world.open or other in world.merged for other in found.merged.values())
        again = group_alerts(list(world.firing.values()), world.above(), world.open.values())
        assert (again.merged, again.resolved) == ({}, []), "a second evaluation changes nothing"
        assert again.places == {each.id: each.incident_id for each in world.firing.values()}
        assert again.causes == {incident_id: each.cause_id for incident_id, each in world.open.items()}


def test_each_phrase_names_only_labels_of_its_rule() -> None:
    by_id = {rule.id: rule for rule in RULES}
    assert set(PHRASES) <= set(by_id)
    for rule_id, phrase in PHRASES.items():
        labels = {name for metric in by_id[rule_id].metrics for name in METRICS[metric].labels}
        assert phrase.format_map(dict.fromkeys(labels, "x")), rule_id


def test_a_sentence_says_what_how_much_and_since_when() -> None:
    figures: dict[str, Any] = {"value": 1.0, "unit": "yes", "measures": "our quota with a service is used up"}
    quota = {"rule_id": "vendor_quota", "title": "Quota used up", "message": "", "labels": {"service": "openai"}, **figures}
    began, ended = NOW + timedelta(minutes=65), NOW + timedelta(hours=26)

    def write(waiting: int | None, resolved_at: datetime | None = None, others: int = 0, zone: str = "UTC") -> str:
        return write_sentence(quota, others, waiting, began, resolved_at, NOW, zone)  # type: ignore[arg-type]

    assert write(32) == "OpenAI quota used up: 32 calls wait for analysis since 13:05 UTC"
    assert write(1) == "OpenAI quota used up: 1 call waits for analysis since 13:05 UTC"
    assert write(0, others=2, zone="Europe/Berlin") == "OpenAI quota used up since 14:05 CET; 2 more alerts follow"
    assert write(None, ended) == "OpenAI quota used up from 13:05 UTC to 02 Mar 14:00 UTC"
    assert (
        write(1032, ended) == "OpenAI quota used up: at most 1,032 calls waited for analysis, from 13:05 UTC to 02 Mar 14:00 UTC"
    )
    custom: dict[str, Any] = {"rule_id": "own", "title": "Disk almost full", "message": "", "labels": {"host": "a"}}
    custom |= {"value": 3.0, "unit": "count", "measures": "Disk almost full"}
    assert write_sentence(custom, 1, None, began, None, NOW, "UTC") == (  # type: ignore[arg-type]
        "Disk almost full [host a] since 13:05 UTC; 1 more alert follows"
    )


def test_a_sentence_names_what_its_figure_measures() -> None:
    errors: Any = {"rule_id": "high_error_rate", "title": "High error rate", "message": "", "labels": {}}
    errors |= {"value": 1.0, "unit": "count", "measures": "critical errors in the last hour"}
    assert write_sentence(errors, 0, None, NOW, None, NOW, "UTC") == (
        "The product has many errors or a critical one (critical errors in the last hour: 1) since 12:00 UTC"
    )


def test_a_sentence_of_another_monitor_has_its_words() -> None:
    said = "DiskFull (alertmanager): Disk of db-1 is 97 % full."
    disk: Any = {"rule_id": "external_critical", "title": "External alert, critical", "message": said, "labels": {}}
    disk |= {"value": 1.0, "unit": "yes", "measures": "another monitor reports a critical alert"}
    assert write_sentence(disk, 0, None, NOW, None, NOW, "UTC") == f"{said[:-1]} since 12:00 UTC"
    long = write_sentence(disk | {"message": "x" * 900}, 0, None, NOW, None, NOW, "UTC")
    assert (len(long), long[-18:]) == (300, "x… since 12:00 UTC")
