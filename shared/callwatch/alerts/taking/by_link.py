"""Takes charge of an incident by the link in a message about it."""

from __future__ import annotations

from datetime import datetime

from callwatch.alerts.actions import wait_for_evaluation
from callwatch.alerts.notifications.take_link import TakeLink, hash_link, read_link
from callwatch.alerts.taking.subject import Subject, find_subject, take_subject
from callwatch.db.alert_queries.used_links import forget_ended_links, is_link_used, use_link
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, NotFound
from callwatch.settings import Settings

_USED = "This link was used before. Open the dashboard to see who works on it."


def check_link(token: str, settings: Settings, now: datetime) -> TakeLink:
    """Return what a valid link says. Raises NotFound for any other, and Conflict for one that has ended."""
    link = read_link(token, settings.message_link_secret or ())
    if link is None:
        raise NotFound("This link is not valid.")
    if now >= link.ends_at:
        raise Conflict("This link has ended. Open the dashboard to take it.", code="link_ended")
    return link


def load_linked(conn: AnyConnection, link: TakeLink) -> Subject:
    """Return what an unused link would take; nothing changes. Raises NotFound, Conflict."""
    if is_link_used(conn, hash_link(link)):
        raise Conflict(_USED, code="link_used")
    return find_subject(conn, link.alert_id, link.message_id)


def take_linked(conn: AnyConnection, link: TakeLink, settings: Settings, now: datetime) -> Subject:
    """Take it in the name of the link's channel, once; returns what was taken. The caller commits.

    Raises NotFound, Conflict, Unavailable.
    """
    wait_for_evaluation(conn)
    forget_ended_links(conn, now)
    if not use_link(conn, hash_link(link), link.alert_id, link.channel, now, link.ends_at):
        raise Conflict(_USED, code="link_used")
    subject = find_subject(conn, link.alert_id, link.message_id)
    take_subject(conn, subject, name_actor(link), f"taken by the link in a message of {link.channel}", settings, now)
    return subject


def name_actor(link: TakeLink) -> str:
    """Return who acts: the link proves the channel that it was read in, not the person."""
    return f"reader of {link.channel}"
