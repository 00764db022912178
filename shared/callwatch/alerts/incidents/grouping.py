"""Decides which incident each firing alert belongs to, from what inhibits what and from where the alerts are. Pure.

1. An alert stays in its incident as long as it follows from nothing, or from an alert there.
2. A cause that fires late adopts the oldest incident whose cause follows from it; the others merge into that one.
3. An alert that follows from something elsewhere moves there.
4. A new alert that follows from nothing joins the incident of its kin: alerts that one cause raises by its nature.
5. A cause that ends hands over to the worst and oldest alert that remains.
6. An incident without a firing alert is over, or merged if its cause moved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from callwatch.models.alert import rank_level

# The id of an incident; negative for one to be opened: then it is that of its first alert, negated.
Ref = int


@dataclass(frozen=True, slots=True)
class Firing:
    """A firing alert; incident_id: where the last evaluation left it, None if it is new. kin: the same text for all of a kin."""

    id: int
    key: str
    level: str
    started_at: datetime
    incident_id: int | None = None
    kin: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident as stored: open, or one whose alert fires again."""

    id: int
    cause_id: int
    started_at: datetime


@dataclass(slots=True)
class Grouping:
    """The result: incident of each firing alert, cause of each incident that is open from now on, and which ones end.

    merged: incidents that end because another one took them over. resolved: those that are over.
    """

    places: dict[int, Ref] = field(default_factory=dict)
    causes: dict[Ref, int] = field(default_factory=dict)
    merged: dict[int, Ref] = field(default_factory=dict)
    resolved: list[int] = field(default_factory=list)


def group_alerts(firing: Sequence[Firing], above: Mapping[str, Sequence[str]], incidents: Iterable[Standing]) -> Grouping:
    """Group the firing alerts.

    above: for the key of each alert that follows from others the keys of all its causes, the root first.
    """
    standing = {incident.id: incident for incident in incidents}
    by_key = {alert.key: alert for alert in firing}
    causes = {alert.id: [by_key[key] for key in above.get(alert.key, ()) if key in by_key] for alert in firing}
    work = _Work(firing, {alert.id: alert for alert in firing}, causes, standing)
    roots = sorted((alert for alert in firing if not causes[alert.id]), key=_get_age)
    # New kin joins what has a place, not the other way around.
    work.of_kin = {alert.kin: alert for alert in reversed(roots) if alert.kin is not None and work.locate(alert) is not None}
    for root in roots:
        _place_root(work, root)
    # Causes before what follows from them.
    for alert in sorted((alert for alert in firing if causes[alert.id]), key=lambda each: (len(causes[each.id]), _get_age(each))):
        _place_follower(work, alert)
    return _settle(work)


@dataclass(slots=True)
class _Work:
    """firing by id; causes: of each alert, the root first; home: where an incident ended up; adopted: of each root.

    of_kin: the first alert of each kin that has a place.
    """

    firing: Sequence[Firing]
    by_id: dict[int, Firing]
    causes: dict[int, list[Firing]]
    standing: dict[int, Standing]
    home: dict[int, Ref] = field(default_factory=dict)
    places: dict[int, Ref] = field(default_factory=dict)
    of_kin: dict[str, Firing] = field(default_factory=dict)
    _adoptable: dict[int, list[int]] | None = None

    def find(self, ref: Ref) -> Ref:
        """Return the incident that took over another one, or that one itself."""
        while ref in self.home:
            ref = self.home[ref]
        return ref

    def locate(self, alert: Firing) -> Ref | None:
        """Return the incident in which an alert is by now; None for a new alert that is not placed yet."""
        if alert.id in self.places:
            return self.find(self.places[alert.id])
        if alert.incident_id is None or alert.incident_id not in self.standing:
            return None
        return self.find(alert.incident_id)

    def list_adoptable(self, root_id: int) -> list[int]:
        """Return the incidents whose cause follows from a root, the oldest first."""
        if self._adoptable is None:
            self._adoptable = {}
            for incident in sorted(self.standing.values(), key=lambda each: (each.started_at, each.id)):
                for cause in self.causes.get(incident.cause_id, ()):
                    self._adoptable.setdefault(cause.id, []).append(incident.id)
        return self._adoptable.get(root_id, [])


def _place_root(work: _Work, root: Firing) -> None:
    here = work.locate(root)
    for incident_id in work.list_adoptable(root.id):
        found = work.find(incident_id)
        # Where two causes explain one alert, the older one has it.
        others = [each for each in work.causes[work.standing[incident_id].cause_id] if each.id != root.id]
        if any(work.locate(each) == found for each in others):
            continue
        if here is None:
            here = found
        elif found != here:
            work.home[found] = here
    if here is None and root.kin is not None:
        here = work.locate(work.of_kin.setdefault(root.kin, root))
    work.places[root.id] = here if here is not None else -root.id


def _place_follower(work: _Work, alert: Firing) -> None:
    here = work.locate(alert)
    around = [work.find(work.places[cause.id]) for cause in work.causes[alert.id] if cause.id in work.places]
    work.places[alert.id] = here if here is not None and here in around else around[0] if around else here or -alert.id


def _settle(work: _Work) -> Grouping:
    """Follow the merges to their ends, and choose the cause of each incident."""
    found = Grouping(places={alert_id: work.find(ref) for alert_id, ref in work.places.items()})
    members: dict[Ref, list[Firing]] = {}
    for alert in work.firing:
        members.setdefault(found.places[alert.id], []).append(alert)
    for ref, alerts in members.items():
        found.causes[ref] = _choose_cause(work, work.standing.get(ref), alerts)
    for incident_id, incident in work.standing.items():
        if incident_id in members:
            continue
        taken_over = work.find(incident_id)
        moved_to = found.places.get(incident.cause_id)
        if taken_over != incident_id and taken_over in members:
            found.merged[incident_id] = taken_over
        elif moved_to is not None:
            found.merged[incident_id] = moved_to
        else:
            found.resolved.append(incident_id)
    return found


def _choose_cause(work: _Work, incident: Standing | None, alerts: Sequence[Firing]) -> int:
    """Return the cause: the present one unless it ended or follows from another alert here; else the worst, then oldest root."""
    here = {alert.id for alert in alerts}

    def is_root(alert_id: int) -> bool:
        return not any(cause.id in here for cause in work.causes[alert_id])

    if incident is not None and incident.cause_id in here and is_root(incident.cause_id):
        return incident.cause_id
    return min(
        [alert for alert in alerts if is_root(alert.id)] or alerts, key=lambda alert: (-rank_level(alert.level), _get_age(alert))
    ).id


def _get_age(alert: Firing) -> tuple[datetime, int]:
    return alert.started_at, alert.id
