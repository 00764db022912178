"""What stands around an alert: what changed shortly before it, and what follows from it; a line each, for its message."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.alerts.instance import Instance
from callwatch.alerts.message import subject_of, told_labels
from callwatch.alerts.rule import AlertRule
from callwatch.db.alerts import alerts_begun_between
from callwatch.db.connect import AnyConnection
from callwatch.db.releases import new_releases, note_releases

_LATELY = timedelta(minutes=30)
_RELEASES_LATELY = timedelta(hours=2)
_SEEN_WITHIN = timedelta(minutes=10)
_MOST_FOLLOWERS = 10
_MOST_RELATED = 3
_LOOKS_BACK = timedelta(days=1)
_MOST_READ = 200
_DRIFT = ("schema_drift", "index_missing")


def note_context(conn: AnyConnection, now: datetime) -> None:
    """Keep what later alerts are told with. The caller commits."""
    note_releases(conn, now - _SEEN_WITHIN, now)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What changed within the last day: releases first seen, and alerts that began; newest first."""

    releases: Sequence[Mapping[str, Any]]
    alerts: Sequence[Mapping[str, Any]]


def surroundings(conn: AnyConnection, now: datetime) -> Surroundings:
    """Read once for all messages of an evaluation."""
    since = now - _LOOKS_BACK
    return Surroundings(new_releases(conn, since, now), alerts_begun_between(conn, since, now, _MOST_READ))


def changed_lately(around: Surroundings, instance: Instance) -> list[str]:
    """What changed within half an hour before an alert began, or since: releases, drift, alerts of other rules."""
    began_at = instance.began_at or instance.since
    parts = [
        f"release {release['release']} ({release['environment']}) first seen {_at(release['first_seen_at'])}"
        for release in around.releases
        if release["first_seen_at"] > began_at - _RELEASES_LATELY
    ]
    rows = [row for row in around.alerts if row["started_at"] >= began_at - _LATELY and row["rule_id"] != instance.rule_id]
    drift = [row for row in rows if row["rule_id"] in _DRIFT]
    related = [row for row in rows if row["rule_id"] not in _DRIFT and row["level"] != "info"]
    for row in [*drift[:_MOST_RELATED], *related[:_MOST_RELATED]]:
        about = ", ".join(str(value) for _name, value in told_labels(row["labels"]))
        parts.append(f"{row['title']}{f' [{about}]' if about else ''} began {_at(row['started_at'])}")
    return [f"Changed lately: {'; '.join(parts)}."] if parts else []


def followers_line(followers: Iterable[tuple[AlertRule, Instance]]) -> list[str]:
    """What follows from an alert, which is not told by itself."""
    names = sorted(f"{rule.name}{subject_of(instance)}" for rule, instance in followers)
    if not names:
        return []
    rest = f", and {len(names) - _MOST_FOLLOWERS} more" if len(names) > _MOST_FOLLOWERS else ""
    return [f"Follows from it: {'; '.join(names[:_MOST_FOLLOWERS])}{rest}."]


def _at(when: datetime) -> str:
    return f"{when.astimezone(UTC):%H:%M} UTC"
