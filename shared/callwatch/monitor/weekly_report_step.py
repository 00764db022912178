"""The step `weekly_report`: queues the mail of the last week, once, at the owners' hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from callwatch.alerts.notifications.channels import find_kind, is_configured, list_names
from callwatch.alerts.notifications.outbox import create_message_id
from callwatch.alerts.notifications.report_mail import KIND, dump_mail
from callwatch.db import connection
from callwatch.db.alert_queries.outbox import add_delivery
from callwatch.db.core.connect import AnyConnection
from callwatch.db.report_queries.report_mails import claim_mail
from callwatch.monitor.cycle import Cycle
from callwatch.reports.weekly.mail import build_mail
from callwatch.reports.weekly.report import build_weekly
from callwatch.reports.weekly.week import find_week
from callwatch.settings import Settings, get_settings

# A monitor that was down at the hour sends it late; a setting that is new does not bring last week's report on Friday.
LATE = timedelta(days=1)
_STATEMENT_MS = 5_000
_MIN_S = 8.0


def send_weekly_report(cycle: Cycle) -> Mapping[str, object]:
    """Queue the report for each channel of e-mail, if it is due and was not queued."""
    settings = get_settings()
    if settings.weekly_report_at is None:
        return {}
    due_at = settings.weekly_report_at.find_last(cycle.now, settings.timezone)
    if cycle.now - due_at >= LATE:
        return {}
    if not cycle.is_database_up or cycle.compute_remaining_s(_MIN_S) < _MIN_S:
        return {"skipped": "the database is down" if not cycle.is_database_up else "the cycle had no time left"}
    with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
        queued = queue_report(conn, settings, due_at, cycle.now)
        conn.commit()
    return {"queued": queued}


def queue_report(conn: AnyConnection, settings: Settings, due_at: datetime, now: datetime) -> int:
    """Queue the mail of the week that was complete when it was due; returns for how many channels. The caller commits.

    The claim and the delivery are one transaction: after a crash in between there is neither.
    """
    week = find_week(None, settings.timezone, due_at)
    mails = [name for name in list_names(settings) if find_kind(name) == "email" and is_configured(name, settings)]
    claimed = [channel for channel in mails if claim_mail(conn, f"weekly {week.name}", channel, now)]
    if claimed:
        url = f"{settings.app_url}/admin/operations#/reports" if settings.app_url else ""
        payload = dump_mail(build_mail(build_weekly(conn, settings, week, now), url))
        for channel in claimed:
            add_delivery(
                conn,
                {
                    "alert_id": None,
                    "channel": channel,
                    "kind": KIND,
                    "message_id": create_message_id(),
                    "payload": payload,
                    "due_at": now,
                },
            )
    return len(claimed)
