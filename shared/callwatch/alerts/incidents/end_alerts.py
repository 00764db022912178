"""Ends firing alerts because a person said so: their rules begin again, and the channels that were notified get an all-clear."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.orphans import notify_over
from callwatch.alerts.rule_state import build_row, load_instance
from callwatch.db.alert_queries.alerts import FiringRow, is_group_over
from callwatch.db.alert_queries.rule_states import keep_states, list_states_of_alerts
from callwatch.db.alert_queries.silences import list_silences_in_force
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.alert_batches import resolve_alerts


def end_alerts(conn: AnyConnection, rows: Sequence[FiringRow], actor: str, reason: str, now: datetime) -> None:
    """End alerts. The caller holds the lock of the evaluation, and commits.

    The last notification of each rule is remembered: an alert that fires again keeps the cooldown.
    """
    why = f"resolved by {actor}: {reason}"
    ids = [row["id"] for row in rows]
    stored = list_states_of_alerts(conn, ids)
    instances = [load_instance(row) for row in stored]
    notified = {row["alert_id"] for row, instance in zip(stored, instances, strict=True) if instance.is_notified}
    ended = [
        replace(
            instance,
            state="ok",
            since=now,
            clear_since=None,
            is_notified=False,
            is_acknowledged=False,
            is_flapping=False,
            is_muted=False,
            is_unknown=False,
            suppressed_by=None,
            notified_channels=(),
            last_cleared_at=now if instance.is_notified else instance.last_cleared_at,
            group=None,
            held=None,
        )
        for instance in instances
    ]
    resolve_alerts(conn, ids, actor, now, why)
    keep_states(conn, [build_row(instance, None, now) for instance in ended])
    _notify(conn, [row for row in rows if row["id"] in notified], why, now)


def _notify(conn: AnyConnection, rows: Sequence[FiringRow], why: str, now: datetime) -> None:
    """Notify of the end of single alerts, and of groups that are over with them."""
    silences = Silences(load_silences(list_silences_in_force(conn, now), now))
    groups: dict[int, FiringRow] = {}
    for row in rows:
        if row["group_id"] is None:
            notify_over(conn, row, row["id"], "resolved_by_person", why, silences, now)
        else:
            groups[row["group_id"]] = row
    for group_id, row in groups.items():
        if is_group_over(conn, group_id):
            notify_over(conn, row, group_id, "resolved_by_person", why, silences, now)
