"""Where each rule stands: stored instances, switches, silences."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extras import Json, execute_values

from callwatch.db.connect import AnyConnection
from callwatch.db.query import execute, fetch_all, fetch_one

_KEEP = """
    INSERT INTO callwatch.rule_states
        (alert_key, rule_id, state, value, threshold, alert_id, last_evaluated_at, details)
    VALUES %s
    ON CONFLICT (alert_key) DO UPDATE SET state = EXCLUDED.state, value = EXCLUDED.value,
        threshold = EXCLUDED.threshold, alert_id = EXCLUDED.alert_id,
        last_evaluated_at = EXCLUDED.last_evaluated_at, details = EXCLUDED.details
"""
_KEEP_ROW = "(%(key)s, %(rule_id)s, %(state)s, %(value)s, %(threshold)s, %(alert_id)s, %(now)s, %(details)s)"
_SWITCH = """
    INSERT INTO callwatch.rule_settings (rule_id, is_enabled, actor, reason) VALUES (%s, %s, %s, %s)
    ON CONFLICT (rule_id) DO UPDATE SET is_enabled = EXCLUDED.is_enabled, actor = EXCLUDED.actor,
        reason = EXCLUDED.reason, changed_at = now()
"""
_HISTORY = """
    SELECT rule_id, at, actor, action, reason FROM (
        SELECT *, row_number() OVER (PARTITION BY rule_id ORDER BY at DESC, id DESC) AS place FROM callwatch.rule_history
    ) AS placed WHERE place <= %s ORDER BY rule_id, place
"""
_SILENCES = """
    SELECT id, matchers, reason, actor, created_at, ends_at FROM callwatch.silences
    WHERE ended_at IS NULL AND ends_at > %(now)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
        AND (%(rule_id)s::text IS NULL OR matchers ->> 'rule_id' = %(rule_id)s)
        AND (%(words)s::text IS NULL OR strpos(lower(reason || ' ' || matchers::text), lower(%(words)s)) > 0)
    ORDER BY id DESC LIMIT %(limit)s
"""
_ADD_SILENCE = """
    INSERT INTO callwatch.silences (matchers, reason, actor, ends_at) VALUES (%s, %s, %s, %s)
    RETURNING id, matchers, reason, actor, created_at, ends_at
"""


def stored_states(conn: AnyConnection) -> list[dict[str, Any]]:
    """All stored instances: alert_key, rule_id, state, value, threshold, alert_id, last_evaluated_at, details."""
    return fetch_all(conn, "SELECT * FROM callwatch.rule_states ORDER BY alert_key")


def keep_states(conn: AnyConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep instances: key, rule_id, state, value, threshold, alert_id, now, details. The caller commits."""
    if rows:
        given = [{**row, "details": Json(row["details"])} for row in rows]
        with conn.cursor() as cursor:
            execute_values(cursor, _KEEP, given, _KEEP_ROW, page_size=1000)


def mark_acknowledged(conn: AnyConnection, alert_id: int) -> dict[str, Any] | None:
    """The instance of an alert, acknowledged from now on; None where it has none. The caller commits."""
    statement = "UPDATE callwatch.rule_states SET details = details || %s WHERE alert_id = %s RETURNING *"
    return fetch_one(conn, statement, (Json({"is_acknowledged": True}), alert_id))


def forget_states(conn: AnyConnection, keys: Sequence[str]) -> None:
    """Drop instances that nothing is known of any more."""
    if keys:
        execute(conn, "DELETE FROM callwatch.rule_states WHERE alert_key = ANY (%s)", (list(keys),))


def forget_rules(conn: AnyConnection, rule_ids: Sequence[str]) -> None:
    """Drop all instances of some rules. The caller commits."""
    if rule_ids:
        execute(conn, "DELETE FROM callwatch.rule_states WHERE rule_id = ANY (%s)", (list(rule_ids),))


def switches(conn: AnyConnection) -> dict[str, dict[str, Any]]:
    """Rules that a person switched: is_enabled, actor, reason, changed_at by id."""
    found = fetch_all(conn, "SELECT rule_id, is_enabled, actor, reason, changed_at FROM callwatch.rule_settings")
    return {row.pop("rule_id"): row for row in found}


def switch_rule(conn: AnyConnection, rule_id: str, is_enabled: bool, actor: str, reason: str) -> None:
    """Keep that a person switched a rule on or off, who and why. The caller commits."""
    execute(conn, _SWITCH, (rule_id, is_enabled, actor, reason))


def note_action(conn: AnyConnection, rule_id: str, action: str, actor: str, reason: str) -> None:
    """Keep what a person did to a rule: enable, disable or test. The caller commits."""
    execute(
        conn,
        "INSERT INTO callwatch.rule_history (rule_id, action, actor, reason) VALUES (%s, %s, %s, %s)",
        (rule_id, action, actor, reason),
    )


def rule_histories(conn: AnyConnection, most: int = 20) -> dict[str, list[dict[str, Any]]]:
    """What people did to each rule, newest first: at, actor, action, reason by id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in fetch_all(conn, _HISTORY, (most,)):
        found.setdefault(row.pop("rule_id"), []).append(row)
    return found


def active_silences(
    conn: AnyConnection,
    now: datetime,
    limit: int = 1000,
    before: int | None = None,
    rule_id: str | None = None,
    words: str | None = None,
) -> list[dict[str, Any]]:
    """Silences that have not ended, newest first: id, matchers, reason, actor, created_at, ends_at.

    before: only those with a smaller id; rule_id: only those of this rule; words: what they hold, in whatever case.
    """
    given = {"now": now, "limit": limit, "before": before, "rule_id": rule_id, "words": words}
    return fetch_all(conn, _SILENCES, given)


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
