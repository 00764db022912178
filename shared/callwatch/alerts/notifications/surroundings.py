"""The context of an alert: recent changes before it, and the alerts it inhibits; one line each for its message."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.notification import list_labels
from callwatch.alerts.notifications.rendering import describe_subject
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.alert_queries.alerts import BegunRow, list_alerts_begun_between
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.deploys import Deploy, list_deploys_between
from callwatch.db.error_queries.releases import NewRelease, list_new_releases, note_releases
from callwatch.models.alert import rank_level

_LATELY = timedelta(minutes=30)
_RELEASES_LATELY = timedelta(hours=2)
_SEEN_WITHIN = timedelta(minutes=10)
_MAX_FOLLOWERS = 10
_MAX_DETAIL = 120
_MAX_RELATED = 3
_LOOKS_BACK = timedelta(days=1)
_MAX_READ = 200
_DRIFT = ("schema_drift", "index_missing")


def note_context(conn: AnyConnection, now: datetime) -> None:
    """Record the context for later alerts. The caller commits."""
    note_releases(conn, now - _SEEN_WITHIN, now)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The changes of the last day: releases first seen, deploys, and alerts that began; newest first."""

    releases: Sequence[NewRelease]
    deploys: Sequence[Deploy]
    alerts: Sequence[BegunRow]


def read_surroundings(conn: AnyConnection, now: datetime) -> Surroundings:
    """Read the context once for all messages of an evaluation."""
    since = now - _LOOKS_BACK
    alerts = list_alerts_begun_between(conn, since, now, _MAX_READ)
    return Surroundings(list_new_releases(conn, since, now), list_deploys_between(conn, since, now), alerts)


def list_recent_changes(around: Surroundings, instance: Instance) -> list[str]:
    """List what changed in the half hour before an alert began, or since: releases, deploys, drift, alerts of other rules."""
    began_at = instance.began_at or instance.since
    parts = [
        f"release {release['release']} ({release['environment']}) first seen {_format_time(release['first_seen_at'])}"
        for release in around.releases
        if release["first_seen_at"] > began_at - _RELEASES_LATELY
    ]
    parts += [
        f"release {deploy['release']} deployed to {deploy['environment']} {_format_time(deploy['finished_at'])}"
        for deploy in around.deploys
        if deploy["finished_at"] > began_at - _RELEASES_LATELY
    ]
    rows = [row for row in around.alerts if row["started_at"] >= began_at - _LATELY and row["rule_id"] != instance.rule_id]
    drift = [row for row in rows if row["rule_id"] in _DRIFT]
    related = [row for row in rows if row["rule_id"] not in _DRIFT and row["level"] != "info"]
    for row in [*drift[:_MAX_RELATED], *related[:_MAX_RELATED]]:
        about = ", ".join(str(value) for _name, value in list_labels(row["labels"]))
        parts.append(f"{row['title']}{f' [{about}]' if about else ''} began {_format_time(row['started_at'])}")
    return [f"Recent changes: {'; '.join(parts)}."] if parts else []


def render_followers(followers: Iterable[tuple[AlertRule, Instance]]) -> list[str]:
    """List the alerts that an alert inhibits, the worst first, which are not notified by themselves."""
    ranked = sorted((-rank_level(rule.level), _name_follower(rule, instance)) for rule, instance in followers)
    names = [name for _rank, name in ranked]
    if not names:
        return []
    rest = f", and {len(names) - _MAX_FOLLOWERS} more" if len(names) > _MAX_FOLLOWERS else ""
    return [f"Inhibits: {'; '.join(names[:_MAX_FOLLOWERS])}{rest}."]


def _name_follower(rule: AlertRule, instance: Instance) -> str:
    """Name an alert that no other message is about: what it found belongs to its name."""
    detail = " ".join((instance.detail or "").split())
    shown = detail if len(detail) <= _MAX_DETAIL else f"{detail[: _MAX_DETAIL - 1].rstrip()}…"
    return f"{rule.name}{describe_subject(instance)}{f' ({shown})' if shown else ''}"


def _format_time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%H:%M} UTC"
