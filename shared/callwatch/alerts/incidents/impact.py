"""Measures what incidents do to the product, as far as the database knows it; the rest is unknown, with a code.

calls: the most that waited at once in the stages that the incident is about, with those that are stuck there, in no queue or
without a result. errors: those of its error groups by whole hours,
or else all of the product's, since it began; if it is about errors, from an hour before. users: who met the one error group
that it is about. agencies: those that its alerts name.
"""

import bisect
import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.incidents.subjects import find_groups, find_stages
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.impact import (
    CountAt,
    count_errors_by_hour,
    count_errors_by_minute,
    count_errors_of_groups,
    count_users_of_groups,
)
from callwatch.db.queries.stage_depths import read_latest_depths
from callwatch.models.incident import ImpactName
from callwatch.models.reason import Reason

# A number, or why it is not known.
Figure = int | Reason
Impact = dict[ImpactName, Figure]

_HOUR = timedelta(hours=1)
_READ_WITHIN = timedelta(minutes=10)
_MINUTES_KEPT = timedelta(days=2)
# The counters of a flood are not read for each group by itself.
_MAX_GROUPS = 1000
_NO_STAGE = Reason("not_recorded", "nothing records which calls it concerns")
_NONE_WAITS = Reason("not_recorded", "its calls failed for good; how many did since it began is not counted")
_DEPTH_UNREAD = Reason("unavailable", "the depth of its stage was not read in the last 10 minutes")
_NO_AGENCIES = Reason("not_recorded", "its alerts name no agency")
_NO_USERS = Reason("not_recorded", "it is not about one group of errors, by which users are counted")
_UNNAMED = Reason("not_recorded", "no occurrence named a user")
_MANY_GROUPS = Reason("not_recorded", "it is about more groups of errors than are counted together")
_NOT_MEASURED = Reason("not_recorded", "it was over before it was measured")
UNMEASURED: Impact = {"calls": _NOT_MEASURED, "agencies": _NO_AGENCIES, "users": _NOT_MEASURED, "errors": _NOT_MEASURED}


@dataclass(frozen=True, slots=True)
class Subject:
    """An incident to measure: the labels of its alerts, when it began, and whether a rule on errors is among them.

    left_calls: calls that its alerts count, and that do not wait in a queue. is_about_waiting: False where work only ended.
    """

    labels: Sequence[Mapping[str, str]]
    started_at: datetime
    is_about_errors: bool = False
    left_calls: int = 0
    is_about_waiting: bool = True

    @property
    def errors_since(self) -> datetime:
        """From when its errors count: rules on errors look at the hour before they fire."""
        return self.started_at - _HOUR if self.is_about_errors else self.started_at


class Tally:
    """Counts by time, of which any number of spans until now are added up quickly."""

    def __init__(self, rows: Iterable[CountAt]) -> None:
        ordered = sorted(rows, key=lambda row: row["at"])
        self._times = [row["at"] for row in ordered]
        self._until = [0, *itertools.accumulate(row["count"] for row in ordered)]

    def count_since(self, since: datetime) -> int:
        """Return the sum of the counts from a time on."""
        return self._until[-1] - self._until[bisect.bisect_left(self._times, since)]


@dataclass(frozen=True, slots=True)
class Readings:
    """What one evaluation reads for all incidents: depths by stage, errors since the earliest, in all and by group."""

    depths: Mapping[str, float]
    errors: Tally
    of_groups: Mapping[int, Tally]
    users: Mapping[int, int]


def read_for(conn: AnyConnection, subjects: Collection[Subject], now: datetime) -> Readings:
    """Read what measuring these incidents needs, in a few statements for all of them."""
    if not subjects:
        return Readings({}, Tally([]), {}, {})
    since = min(subject.errors_since for subject in subjects)
    # Counters by minute are kept for two days; before that, whole hours.
    edge = _floor_hour(now - _MINUTES_KEPT)
    errors = count_errors_by_minute(conn, max(_floor(since), edge))
    if since < edge:
        errors += [row for row in count_errors_by_hour(conn, _floor_hour(since)) if row["at"] < edge]
    groups = set(sorted(set().union(*(find_groups(subject.labels) for subject in subjects)))[-_MAX_GROUPS:])
    of_groups: dict[int, list[CountAt]] = {group: [] for group in groups}
    for row in count_errors_of_groups(conn, groups, _floor_hour(since)):
        of_groups[row["group_id"]].append({"at": row["at"], "count": row["count"]})
    tallies = {group: Tally(rows) for group, rows in of_groups.items()}
    return Readings(
        read_latest_depths(conn, "pending", now - _READ_WITHIN), Tally(errors), tallies, count_users_of_groups(conn, groups)
    )


def measure(subject: Subject, readings: Readings) -> Impact:
    """Return the impact of an incident now; calls: those that wait now."""
    groups = find_groups(subject.labels)
    return {
        "calls": _count_waiting(find_stages(subject.labels), subject.left_calls, readings)
        if subject.is_about_waiting
        else _NONE_WAITS,
        "agencies": len({labels["agency"] for labels in subject.labels if labels.get("agency")}) or _NO_AGENCIES,
        "users": _count_users(groups, readings),
        "errors": _count_errors(groups, subject.errors_since, readings),
    }


def combine(before: Impact, now: Impact) -> Impact:
    """Return the greater of two known figures, else the known one, else the newer reason."""
    found: Impact = {}
    for name, figure in now.items():
        old = before.get(name)
        if isinstance(old, int) and isinstance(figure, int):
            found[name] = max(old, figure)
        else:
            found[name] = old if isinstance(old, int) else figure
    return found


def dump_impact(impact: Impact) -> dict[str, dict[str, Any]]:
    """Return the impact as its row stores it."""
    return {name: {"value": each} if isinstance(each, int) else each.to_dict() for name, each in impact.items()}


def load_impact(kept: Mapping[str, object]) -> Impact:
    """Load a stored impact; what is missing or damaged counts as not measured."""
    found = dict(UNMEASURED)
    if not isinstance(kept, Mapping):
        return found
    for name in UNMEASURED:
        figure = kept.get(name)
        if not isinstance(figure, Mapping):
            continue
        if isinstance(figure.get("value"), int):
            found[name] = int(figure["value"])
        elif {"code", "message"} <= figure.keys():
            found[name] = Reason(figure["code"], figure["message"])
    return found


def _count_waiting(stages: Collection[str], left: int, readings: Readings) -> Figure:
    if not stages:
        return _NO_STAGE
    if not all(stage in readings.depths for stage in stages):
        return _DEPTH_UNREAD
    return round(sum(readings.depths[stage] for stage in stages)) + left


def _count_users(groups: Collection[int], readings: Readings) -> Figure:
    if len(groups) != 1:
        return _NO_USERS
    return readings.users.get(next(iter(groups)), 0) or _UNNAMED


def _count_errors(groups: Collection[int], since: datetime, readings: Readings) -> Figure:
    if not groups:
        return readings.errors.count_since(_floor(since))
    if not all(group in readings.of_groups for group in groups):
        return _MANY_GROUPS
    return sum(readings.of_groups[group].count_since(_floor_hour(since)) for group in groups)


def _floor(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _floor_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
