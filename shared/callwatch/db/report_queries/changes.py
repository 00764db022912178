"""What changed in a span of time: releases, deploys, new and regressed errors, and what people did to rules and silences."""

from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all

_CHANGES = """
    SELECT at, kind, subject, actor, details FROM (
        (SELECT first_seen_at AS at, 'release' AS kind, release AS subject, NULL AS actor,
                'first seen in ' || environment || ' of project ' || project_id AS details
         FROM callwatch.releases WHERE NOT is_baseline AND first_seen_at > %(since)s AND first_seen_at <= %(until)s
         ORDER BY first_seen_at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT finished_at, 'deploy', release, NULL, 'deployed to ' || environment || ' of project ' || project_id
         FROM callwatch.deploys WHERE finished_at > %(since)s AND finished_at <= %(until)s
         ORDER BY finished_at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT made_at, 'new_error', 'error group ' || id, NULL, title FROM callwatch.error_groups
         WHERE made_at > %(since)s AND made_at <= %(until)s AND project_id <> 0
         ORDER BY made_at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT state_changed_at, 'regressed_error', 'error group ' || id, NULL, title FROM callwatch.error_groups
         WHERE state = 'regressed' AND state_changed_at > %(since)s AND state_changed_at <= %(until)s AND project_id <> 0
         ORDER BY state_changed_at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT at, 'rule', rule_id, actor, action || ': ' || reason FROM callwatch.rule_history
         WHERE at > %(since)s AND at <= %(until)s AND action <> 'test' ORDER BY at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT at, 'routes', 'version ' || version, actor, summary || ': ' || reason FROM callwatch.route_versions
         WHERE at > %(since)s AND at <= %(until)s ORDER BY at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT created_at, 'silence', 'silence ' || id, actor, left(matchers::text, 300) || ': ' || reason
         FROM callwatch.silences
         WHERE created_at > %(since)s AND created_at <= %(until)s ORDER BY created_at DESC LIMIT %(limit)s)
        UNION ALL
        (SELECT started_at, 'alert', rule_id, NULL, level || ': ' || title FROM callwatch.alerts
         WHERE started_at > %(since)s AND started_at <= %(until)s ORDER BY started_at DESC LIMIT %(limit)s)
    ) AS changes ORDER BY at DESC, kind, subject LIMIT %(limit)s
"""


class Change(TypedDict):
    """One change. kind: as in the statement, such as release or rule. actor: of a person's change."""

    at: datetime
    kind: str
    subject: str
    actor: str | None
    details: str | None


def list_changes(conn: AnyConnection, since: datetime, until: datetime, limit: int) -> list[Change]:
    """Changes after `since`, up to `until`; newest first."""
    return fetch_all(conn, _CHANGES, {"since": since, "until": until, "limit": limit}, Change)
