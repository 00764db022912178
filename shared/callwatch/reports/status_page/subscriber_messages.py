"""The messages to subscribers of the public status page: what it shows of an incident, and nothing else.

The shapes are those of Statuspage's webhooks, without the states of components: they may differ when a message arrives, and the
page has them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.notifications.outbox import create_message_id
from callwatch.alerts.notifications.status_webhook import KIND, name_channel
from callwatch.db.alert_queries.outbox import add_delivery
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.status_subscribers import list_concerned
from callwatch.reports.status_page.statuspage_api import PAGE_ID, link_incident
from callwatch.settings.status_page import StatusPage
from callwatch.times import format_time

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import PublicIncident, PublicUpdate
    from callwatch.models.shapes.reporting.subscribers import MessageIncident, MessageUpdate, SubscriberMessage

# The page has the others; 100 subscribers would each get half a megabyte of a long incident.
MAX_UPDATES = 10


def queue_messages(
    conn: AnyConnection,
    incident_id: int,
    published: PublicIncident,
    components: Iterable[str],
    page: StatusPage,
    url: str,
    now: datetime,
) -> int:
    """Queue a message for each subscriber of these components, and return how many. url: of the page. The caller commits.

    incident_id: messages about one incident keep their order in each channel.
    """
    message = build_message(published, page, url, now)
    subscribers = list_concerned(conn, sorted(set(components)))
    for subscriber_id in subscribers:
        add_delivery(
            conn,
            {
                "alert_id": None,
                "incident_id": incident_id,
                "channel": name_channel(subscriber_id),
                "kind": KIND,
                "message_id": create_message_id(),
                "payload": message,
                "due_at": now,
            },
        )
    return len(subscribers)


def build_message(published: PublicIncident, page: StatusPage, url: str, now: datetime) -> SubscriberMessage:
    """The body of the message. Pure."""
    return {
        "type": KIND,
        "timestamp": format_time(now),
        "page": {"id": PAGE_ID, "name": page.name, "url": url},
        "incident": _show_incident(published, page, url),
    }


def _show_incident(published: PublicIncident, page: StatusPage, url: str) -> MessageIncident:
    created_at = format_time(published["created_at"])
    return {
        "id": published["id"],
        "name": published["title"],
        "status": published["status"],
        "impact": published["impact"],
        "created_at": created_at,
        "started_at": created_at,
        "updated_at": format_time(published["updated_at"]),
        "resolved_at": format_time(published["resolved_at"]) if published["resolved_at"] else None,
        "shortlink": link_incident(url, published["id"]),
        "page_id": PAGE_ID,
        "components": [{"id": each.id, "name": each.name} for each in page.components if each.id in published["components"]],
        "incident_updates": [_show_update(update, published["id"]) for update in published["updates"][:MAX_UPDATES]],
    }


def _show_update(update: PublicUpdate, incident_id: str) -> MessageUpdate:
    at = format_time(update["at"])
    return {
        "id": update["id"],
        "incident_id": incident_id,
        "status": update["status"],
        "body": update["body"],
        "created_at": at,
        "updated_at": at,
        "display_at": at,
    }
