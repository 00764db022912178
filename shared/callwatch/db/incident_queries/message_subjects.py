"""The alerts that a message is about, for somebody who takes charge of them from the message."""

from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all
from callwatch.models.alert import AlertState, Level

# More alerts of one message are not taken at once: a storm has one cause, and its owner sees the rest on the page.
MAX_ALERTS = 500
# The alert that names the message, those that are notified under its id, and those of the delivery.
_SUBJECTS = """
    SELECT id, title, level, left(message, 300) AS message, state, incident_id, acknowledged_by
    FROM callwatch.alerts
    WHERE id = ANY (
        ARRAY[%(alert_id)s::bigint]
        || ARRAY(SELECT id FROM callwatch.alerts WHERE group_id = %(alert_id)s ORDER BY id LIMIT %(limit)s)
        || coalesce((SELECT alert_ids FROM callwatch.deliveries WHERE message_id = %(message_id)s), '{}'))
    ORDER BY id LIMIT %(limit)s
"""


class SubjectRow(TypedDict):
    """One alert of a message."""

    id: int
    title: str
    level: Level
    message: str
    state: AlertState
    incident_id: int | None
    acknowledged_by: str | None


def list_alerts_of_message(conn: AnyConnection, alert_id: int, message_id: str | None) -> list[SubjectRow]:
    """The alerts of a message under the id of `alert_id`; message_id: of the delivery, where it is known."""
    return fetch_all(conn, _SUBJECTS, {"alert_id": alert_id, "message_id": message_id, "limit": MAX_ALERTS}, SubjectRow)
