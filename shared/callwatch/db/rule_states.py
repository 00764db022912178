"""Where each rule stands: stored instances, switches, silences."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import Json

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all, fetch_one

_KEEP = """
    INSERT INTO callwatch.rule_states
        (alert_key, rule_id, state, value, threshold, alert_id, last_evaluated_at, details)
    VALUES (%(key)s, %(rule_id)s, %(state)s, %(value)s, %(threshold)s, %(alert_id)s, %(now)s, %(details)s)
    ON CONFLICT (alert_key) DO UPDATE SET state = EXCLUDED.state, value = EXCLUDED.value,
        threshold = EXCLUDED.threshold, alert_id = EXCLUDED.alert_id,
        last_evaluated_at = EXCLUDED.last_evaluated_at, details = EXCLUDED.details
"""
_SWITCH = """
    INSERT INTO callwatch.rule_settings (rule_id, is_enabled, actor, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT (rule_id) DO UPDATE SET is_enabled = EXCLUDED.is_enabled, actor = EXCLUDED.actor,
        reason = EXCLUDED.reason, changed_at = now()
"""
_SILENCES = """
    SELECT id, matchers, reason, actor, created_at, ends_at FROM callwatch.silences
    WHERE ended_at IS NULL AND ends_at > %(now)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
    ORDER BY id DESC LIMIT %(limit)s
"""
_ADD_SILENCE = """
    INSERT INTO callwatch.silences (matchers, reason, actor, ends_at) VALUES (%s, %s, %s, %s)
    RETURNING id, matchers, reason, actor, created_at, ends_at
"""


def stored_states(conn: AnyConnection) -> list[dict[str, Any]]:
    """All stored instances: alert_key, rule_id, state, value, threshold, alert_id, last_evaluated_at, details."""
    return fetch_all(conn, "SELECT * FROM callwatch.rule_states ORDER BY alert_key")


def keep_state(conn: AnyConnection, row: Mapping[str, Any]) -> None:
    """Keep one instance: key, rule_id, state, value, threshold, alert_id, now, details. The caller commits."""
    execute(conn, _KEEP, {**row, "details": Json(row["details"])})


def forget_states(conn: AnyConnection, keys: Sequence[str]) -> None:
    """Drop instances that nothing is known of any more."""
    if keys:
        execute(conn, "DELETE FROM callwatch.rule_states WHERE alert_key = ANY (%s)", (list(keys),))


def disabled_rules(conn: AnyConnection) -> set[str]:
    """Ids of the rules that a person switched off."""
    return {row["rule_id"] for row in fetch_all(conn, "SELECT rule_id FROM callwatch.rule_settings WHERE NOT is_enabled")}


def switch_rule(conn: AnyConnection, rule_id: str, is_enabled: bool, actor: str, reason: str) -> None:
    """Keep that a person switched a rule on or off, who and why. The caller commits."""
    execute(conn, _SWITCH, (rule_id, is_enabled, actor, reason))


def active_silences(conn: AnyConnection, now: datetime, limit: int = 1000, before: int | None = None) -> list[dict[str, Any]]:
    """Silences that have not ended, newest first: id, matchers, reason, actor, created_at, ends_at."""
    return fetch_all(conn, _SILENCES, {"now": now, "limit": limit, "before": before})


def add_silence(conn: AnyConnection, matchers: Mapping[str, Any], reason: str, actor: str, ends_at: datetime) -> dict[str, Any]:
    """A new silence, as active_silences shows it. The caller commits."""
    row = fetch_one(conn, _ADD_SILENCE, (Json(dict(matchers)), reason, actor, ends_at))
    assert row is not None
    return row


def end_silence(conn: AnyConnection, silence_id: int, actor: str) -> bool:
    """End a silence now; False where there is none that is active. The caller commits."""
    statement = (
        "UPDATE callwatch.silences SET ended_at = now(), ended_by = %s WHERE id = %s AND ended_at IS NULL AND ends_at > now()"
    )
    return execute(conn, statement, (actor, silence_id)) == 1
