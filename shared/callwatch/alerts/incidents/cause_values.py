"""What the cause of an incident measured lately, for the small chart on its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from callwatch.alerts.evaluation.instance_samples import is_known
from callwatch.alerts.own_rules.metric_history import find_worst, load_samples
from callwatch.alerts.rule_state import load_instance
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules_in_force import list_rules_in_force
from callwatch.db.alert_queries.metric_minutes import KEPT, AskedSteps, read_steps
from callwatch.db.alert_queries.rule_states import list_states_of_alerts
from callwatch.db.core.connect import AnyConnection
from callwatch.models.alert import rank_level
from callwatch.models.reason import Reason
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.incident import Incident
    from callwatch.models.shapes.incidents.overview import CauseValues

STEPS = 24
# As many stand as cards on the page.
_SHOWN = 3
# The shortest of these lengths of a step that puts the begin of the incident into the older half.
_LENGTHS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
_LONGEST = KEPT / STEPS
_ENDED = Reason("not_recorded", "the rule does not evaluate this alert any more")
_NOT_KEPT = Reason("not_recorded", "no value of this metric was kept")


class _Cause(NamedTuple):
    """What the alert of an incident measures."""

    rule: AlertRule
    metric: str
    labels: Mapping[str, str]
    comparison: str | None


def load_cause_values(
    conn: AnyConnection, incidents: Sequence[Incident], settings: Settings, now: datetime
) -> tuple[list[CauseValues], dict[str, Reason]]:
    """Read the values behind the incidents that the page shows as cards; the statements do not grow with their number.

    Returns also why points are None, by their path.
    """
    shown = choose_shown(incidents)
    causes = _find_causes(conn, shown, settings)
    asked = {
        each["id"]: _choose_steps(causes[each["id"]].metric, each["started_at"], now) for each in shown if each["id"] in causes
    }
    points: dict[str, list[tuple[datetime, float]]] = {incident_id: [] for incident_id in asked}
    places = list(asked)
    for row in read_steps(conn, list(asked.values()), STEPS) if asked else ():
        incident_id = places[row["place"] - 1]
        value = _pick_value(causes[incident_id], row["samples"])
        if value is not None:
            points[incident_id].append((row["at"], value))
    found: list[CauseValues] = []
    unknown: dict[str, Reason] = {}
    for index, each in enumerate(shown):
        steps = asked.get(each["id"]) or _choose_steps("", each["started_at"], now)
        known = points.get(each["id"])
        if not known:
            unknown[f"{index}.points"] = _ENDED if known is None else _NOT_KEPT
        found.append(
            {
                "incident_id": each["id"],
                "step_s": int(steps.step.total_seconds()),
                "since": steps.since,
                "until": steps.since + STEPS * steps.step,
                "points": known or None,
            }
        )
    return found, unknown


def choose_shown(incidents: Sequence[Incident]) -> list[Incident]:
    """Choose those that the page shows as cards: the worst, then the longest; who is on it or silences it puts one behind."""
    serious = [each for each in incidents if each["level"] != "info"]

    def rank(each: Incident) -> tuple[int, datetime]:
        behind = 10 * bool(each["owner"]) + 20 * bool(each["silenced_until"])
        return behind - rank_level(each["level"]), each["started_at"]

    return sorted(serious, key=rank)[:_SHOWN]


def _find_causes(conn: AnyConnection, incidents: Sequence[Incident], settings: Settings) -> dict[str, _Cause]:
    """Find the metric behind each incident, by its id; one that is not evaluated any more is left out."""
    if not incidents:
        return {}
    states = {
        str(row["alert_id"]): load_instance(row)
        for row in list_states_of_alerts(conn, [int(each["cause"]["id"]) for each in incidents])
    }
    rules = {rule.id: rule for rule in list_rules_in_force(conn, settings)}
    found: dict[str, _Cause] = {}
    for each in incidents:
        instance, rule = states.get(each["cause"]["id"]), rules.get(each["cause"]["rule_id"])
        if instance is not None and instance.metric is not None and rule is not None:
            found[each["id"]] = _Cause(rule, instance.metric, instance.labels, instance.comparison)
    return found


def _choose_steps(metric: str, started_at: datetime, now: datetime) -> AskedSteps:
    age = now - started_at
    step = next((length for length in _LENGTHS if 2 * age <= STEPS * length), _LONGEST)
    running = datetime.fromtimestamp(now.timestamp() // step.total_seconds() * step.total_seconds(), UTC)
    return AskedSteps(metric, running - (STEPS - 1) * step, step)


def _pick_value(cause: _Cause, kept: list[Any] | None) -> float | None:
    """Return the value of the alert in a kept minute, the worst if several samples make it; None if it is not known."""
    values = (
        sample.value
        for sample in load_samples(cause.metric, kept or ())
        if is_known(sample) and sample.value is not None and cause.rule.matches(sample)
        if dict(cause.rule.pick_labels(sample)) == dict(cause.labels)
    )
    return find_worst(cause.comparison, values)
