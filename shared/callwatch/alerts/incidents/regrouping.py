"""The working state of one update of the incidents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from callwatch.alerts.incidents.grouping import Grouping, Ref
from callwatch.db.incident_queries.incidents import AlertInIncident, IncidentRow


@dataclass(slots=True)
class Regrouping:
    """What was found, and what becomes of it.

    alerts: the firing ones by id. before: incidents as they were stored, by id. above: for the key of each alert that follows
    from others the keys of all its causes. members: the alerts of each incident from now on. rows: of the incidents that are
    open from now on. ended: of those that are not. opened: ids of new incidents.
    """

    now: datetime
    timezone: str
    alerts: Mapping[int, AlertInIncident]
    before: Mapping[int, IncidentRow]
    grouping: Grouping
    above: Mapping[str, Sequence[str]]
    members: dict[Ref, list[AlertInIncident]] = field(default_factory=dict)
    merged_from: dict[Ref, list[IncidentRow]] = field(default_factory=dict)
    rows: dict[Ref, IncidentRow] = field(default_factory=dict)
    ended: dict[int, IncidentRow] = field(default_factory=dict)
    opened: dict[Ref, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for alert_id, ref in self.grouping.places.items():
            self.members.setdefault(ref, []).append(self.alerts[alert_id])
        for mine, other in self.grouping.merged.items():
            self.merged_from.setdefault(other, []).append(self.before[mine])

    def find_id(self, ref: Ref) -> int:
        """Return the id of an incident, opened now or before."""
        return self.opened.get(ref, ref)
