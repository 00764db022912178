"""What changed in the hour before something began, as far as the database knows.

A new kind of change is one statement in `_SOURCES`: it selects `at` and `title` of the changes after `given.since` and until
`given.until`, and names its kind in `models/incident.py`. What began at `given.began_at` is no change before itself.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict, get_args

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
from callwatch.models.incident import ChangeKind
from callwatch.models.shapes.stored import ChangeBefore

BEFORE = timedelta(hours=1)
# The cycle notes a release after the errors that name it, which may have begun in the same minute.
_NOTED_WITHIN = timedelta(minutes=2)
_MOST, _MOST_OF_KIND = 20, 5

_SOURCES: Mapping[ChangeKind, str] = {
    "deploy": """
        SELECT finished_at AS at, 'Release ' || release || ' deployed to ' || environment AS title
        FROM callwatch.deploys WHERE finished_at > given.since AND finished_at <= given.until
    """,
    "release": """
        SELECT first_seen_at AS at, 'Release ' || release || ' (' || environment || ') first seen' AS title
        FROM callwatch.releases WHERE NOT is_baseline AND first_seen_at > given.since AND first_seen_at <= given.until
    """,
    "rule": """
        SELECT at, 'Rule ' || rule_id || ': ' || action || ' by ' || actor || ', ' || reason AS title
        FROM callwatch.rule_history WHERE action <> 'test' AND at > given.since AND at <= given.until
    """,
    "schema": """
        SELECT started_at AS at, message AS title FROM callwatch.alerts
        WHERE rule_id = 'schema_drift' AND started_at > given.since AND started_at < given.began_at
    """,
    "setting": """
        SELECT since AS at, 'Setting ' || variable || ' cannot be used: ' || message AS title
        FROM callwatch.setting_problems WHERE since > given.since AND since <= given.until
        UNION ALL
        SELECT at, CASE variable WHEN 'SECRETS_VERSION' THEN 'A secret of Callwatch changed'
                                 WHEN 'COMMIT_SHA' THEN 'Callwatch itself was deployed'
                                 ELSE 'Setting ' || variable || ' changed' END AS title
        FROM callwatch.setting_changes WHERE NOT is_baseline AND at > given.since AND at <= given.until
        UNION ALL
        SELECT at, 'Routes: ' || summary || ' by ' || actor || ', ' || reason AS title
        FROM callwatch.route_versions WHERE at > given.since AND at <= given.until
    """,
    "vendor": """
        SELECT started_at AS at, initcap(service) || ' reports an incident of its own: ' || title AS title
        FROM callwatch.vendor_incidents WHERE started_at > given.since AND started_at <= given.until
    """,
}
assert set(_SOURCES) == set(get_args(ChangeKind))
_EACH = " UNION ALL ".join(
    f"(SELECT '{kind}' AS kind, at, title FROM ({statement}) AS found ORDER BY at DESC LIMIT {_MOST_OF_KIND})"
    for kind, statement in _SOURCES.items()
)
_LIST = f"""
    SELECT given.id, changes.kind, changes.at, changes.title
    FROM (SELECT id, began_at, began_at - %(before)s::interval AS since, began_at + %(within)s::interval AS until
          FROM unnest(%(ids)s::bigint[], %(times)s::timestamptz[]) AS asked (id, began_at)) AS given
    CROSS JOIN LATERAL (SELECT * FROM ({_EACH}) AS every ORDER BY at DESC LIMIT {_MOST}) AS changes
    ORDER BY given.id, changes.at DESC
"""


# The latest alerts of a rule before one, and what is looked for before each of them.
_EARLIER = """
    SELECT id, started_at FROM callwatch.alerts
    WHERE rule_id = %(rule_id)s AND started_at < %(before)s AND started_at > %(before)s - interval '90 days'
    ORDER BY started_at DESC LIMIT %(limit)s
"""
_MOST_EARLIER = 20


class _Earlier(TypedDict):
    id: int
    started_at: datetime


class _Row(TypedDict):
    id: int
    kind: ChangeKind
    at: datetime
    title: str


def list_changes(conn: AnyConnection, began: Mapping[int, datetime]) -> dict[int, list[ChangeBefore]]:
    """The changes in the hour before each of some beginnings, by the id given for each; newest first, at most 20 each."""
    if not began:
        return {}
    given = {"ids": list(began), "times": list(began.values()), "before": BEFORE, "within": _NOTED_WITHIN}
    found: dict[int, list[ChangeBefore]] = {subject: [] for subject in began}
    for row in fetch_all(conn, _LIST, given, _Row):
        found[row["id"]].append({"at": row["at"], "kind": row["kind"], "title": row["title"]})
    return found


def list_ranked_changes(conn: AnyConnection, alert_id: int, rule_id: str, began_at: datetime) -> list[ChangeBefore]:
    """The changes before one alert, newest first; those of the same minute by how often their kind preceded the rule.

    preceded: before how many of the latest 20 alerts of the rule, of 90 days, a change of this kind was, in the hour before each.
    """
    given = {"rule_id": rule_id, "before": began_at, "limit": _MOST_EARLIER}
    earlier = {row["id"]: row["started_at"] for row in fetch_all(conn, _EARLIER, given, _Earlier)}
    found = list_changes(conn, {**earlier, alert_id: began_at})
    preceded = Counter(kind for each in earlier for kind in {change["kind"] for change in found[each]})
    ranked: list[ChangeBefore] = [{**change, "preceded": preceded[change["kind"]]} for change in found[alert_id]]
    return sorted(ranked, key=lambda change: (change["at"].replace(second=0, microsecond=0), change["preceded"]), reverse=True)
