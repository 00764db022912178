"""Takes charge of an alert by the link in a message about it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.alerts.actions import acknowledge
from callwatch.alerts.notifications.take_link import TakeLink, hash_link, read_link
from callwatch.alerts.serializers import load_alert_detail
from callwatch.db.alert_queries.used_links import forget_ended_links, is_link_used, use_link
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, NotFound
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import AlertParts

_USED = "This link was used before. Open the dashboard to see who has the alert."


def check_link(token: str, settings: Settings, now: datetime) -> TakeLink:
    """Return what a valid link says. Raises NotFound for any other, and Conflict for one that has ended."""
    link = read_link(token, settings.message_link_secret or ())
    if link is None:
        raise NotFound("This link is not valid.")
    if now >= link.ends_at:
        raise Conflict("This link has ended. Open the dashboard to take the alert.", code="link_ended")
    return link


def load_linked(conn: AnyConnection, link: TakeLink) -> AlertParts:
    """Return the alert of an unused link; nothing changes. Raises NotFound, Conflict."""
    if is_link_used(conn, hash_link(link)):
        raise Conflict(_USED, code="link_used")
    alert = load_alert_detail(conn, link.alert_id)
    if alert["state"] != "firing":
        raise Conflict("This alert is resolved.", code="not_firing")
    return alert


def take_linked(conn: AnyConnection, link: TakeLink, settings: Settings, now: datetime) -> AlertParts:
    """Acknowledge the alert in the name of the link's channel, once. The caller commits. Raises NotFound, Conflict."""
    forget_ended_links(conn, now)
    if not use_link(conn, hash_link(link), link.alert_id, link.channel, now, link.ends_at):
        raise Conflict(_USED, code="link_used")
    reason = {"reason": f"taken by the link in a message of {link.channel}"}
    return acknowledge(conn, link.alert_id, reason, name_actor(link), settings, now)


def name_actor(link: TakeLink) -> str:
    """Return who acts: the link proves the channel that it was read in, not the person."""
    return f"reader of {link.channel}"
