"""Which reports were queued as mails."""

from datetime import datetime, timedelta

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute

# A report is due for a day; by then nobody queues it again.
_KEPT = timedelta(days=400)
_CLAIM = "INSERT INTO callwatch.report_mails (report, channel, queued_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


def claim_mail(conn: AnyConnection, report: str, channel: str, now: datetime) -> bool:
    """Whether a report is to be queued for a channel: it never was. The caller queues it in the same transaction, and commits.

    A second monitor waits here for the end of that transaction, and then finds its row.
    """
    execute(conn, "DELETE FROM callwatch.report_mails WHERE queued_at < %s", (now - _KEPT,))
    return execute(conn, _CLAIM, (report, channel, now)) == 1
