"""Who is notified of what people publish on the status page: an admin adds a subscriber, lists all, and removes one."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from callwatch.alerts.notifications.ssrf_guard import is_admitted
from callwatch.alerts.notifications.status_webhook import CHANNEL_KIND, derive_secret, format_secret, name_channel
from callwatch.alerts.serializers import parse_id
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.status_subscribers import (
    SubscriberRow,
    add_subscriber,
    count_subscribers,
    delete_subscriber,
    list_subscribers,
)
from callwatch.exceptions import Conflict, Invalid, NotFound
from callwatch.models.constraints import find_max_chars
from callwatch.models.reason import Reason
from callwatch.models.shapes.reporting.subscribers import NewSubscriber
from callwatch.settings import Settings
from callwatch.settings.status_page import StatusPage
from callwatch.settings.values import parse_http_url

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.subscribers import MadeSubscriber, Subscriber, SubscriberPage, SubscriberState

MAX_SUBSCRIBERS = 100
_MAX_CHARS = find_max_chars(NewSubscriber)["url"]
_URL = f"must be an https or http URL of at most {_MAX_CHARS:,} characters, without a user and a password"
_WHY = {
    "last_sent_at": Reason("none", "nothing was delivered yet"),
    "last_failed_at": Reason("none", "no delivery failed"),
    "last_error": Reason("none", "no delivery failed"),
    "held_until": Reason("none", "its messages are not held"),
    "switched_off_at": Reason("none", "it is not switched off"),
}


def create_subscriber(conn: AnyConnection, given: Any, actor: str, settings: Settings, now: datetime) -> MadeSubscriber:
    """Add a subscriber, and return it with its secret. The caller commits. Raises Conflict, Invalid."""
    fields = _read_fields(given)
    url = _read_url(fields.get("url"), settings)
    page, server_secrets = settings.status_page_file, settings.status_webhook_secret
    if page is None:
        raise Conflict("the public status page is off: set STATUS_PAGE_FILE", code="status_page_off")
    if not server_secrets:
        raise Conflict("STATUS_WEBHOOK_SECRET must be set, so that messages can be signed", code="not_configured")
    components = _read_components(fields, page)
    salt = secrets.token_hex(16)
    if count_subscribers(conn) >= MAX_SUBSCRIBERS:
        raise Conflict(f"the page has {MAX_SUBSCRIBERS} subscribers; remove one", code="too_many_subscribers")
    added = add_subscriber(conn, {"url": url, "components": components, "salt": salt, "at": now, "actor": actor})
    if added is None:
        raise Conflict("this URL is subscribed; remove that subscriber for a new secret", code="already_subscribed")
    (row,) = (each for each in list_subscribers(conn, CHANNEL_KIND) if each["id"] == added)
    return {**_show(row, now), "secret": format_secret(derive_secret(salt, server_secrets[0]))}


def load_subscribers(conn: AnyConnection, now: datetime) -> SubscriberPage:
    """All subscribers on one page, the oldest first. Each has its own `unknown`; the response has one for all."""
    items = [_show(row, now) for row in list_subscribers(conn, CHANNEL_KIND)]
    reasons = {f"items.{place}.{path}": why for place, item in enumerate(items) for path, why in item["unknown"].items()}
    return {"items": items, "next_cursor": None, "unknown": reasons}


def remove_subscriber(conn: AnyConnection, raw_id: str) -> None:
    """Remove a subscriber; what waits for it is not sent. The caller commits. Raises NotFound."""
    subscriber_id = parse_id(raw_id)
    if not delete_subscriber(conn, subscriber_id, name_channel(subscriber_id)):
        raise NotFound("no subscriber has this id")


def _read_fields(given: Any) -> dict[str, object]:
    fields: dict[str, object] = given if isinstance(given, dict) else {}
    # A misspelled `components` would subscribe to all of them.
    for name in fields:
        if name not in NewSubscriber.__annotations__:
            raise Invalid(name[:40], f"is no field; the fields are {', '.join(NewSubscriber.__annotations__)}")
    return fields


def _read_components(fields: dict[str, object], page: StatusPage) -> list[str]:
    if "components" not in fields:
        return []
    known, asked = [component.id for component in page.components], fields["components"]
    if not isinstance(asked, list) or not asked or any(each not in known for each in asked):
        raise Invalid("components", f"must be a list of ids of the page's components, or left out for all: {', '.join(known)}")
    return [each for each in known if each in asked]


def _read_url(given: Any, settings: Settings) -> str:
    if not isinstance(given, str) or len(given) > _MAX_CHARS:
        raise Invalid("url", _URL)
    try:
        parts = urlsplit(parse_http_url(given))
    except ValueError:
        raise Invalid("url", _URL) from None
    if "@" in parts.netloc:
        raise Invalid("url", _URL)
    if not _may_be_public(str(parts.hostname), settings):
        raise Invalid("url", "must not have a private address; WEBHOOK_ALLOWED_NETWORKS allows networks")
    return given


def _may_be_public(host: str, settings: Settings) -> bool:
    """Whether an address is public; a name is looked up for each message."""
    try:
        return is_admitted(host, settings.webhook_allowed_networks or ())
    except ValueError:
        return True


def _show(row: SubscriberRow, now: datetime) -> Subscriber:
    open_until = row["open_until"]
    held_until = open_until if row["switched_off_at"] is None and open_until is not None and open_until > now else None
    shown: Subscriber = {
        "id": str(row["id"]),
        "url": row["url"],
        "components": row["components"],
        "state": _find_state(row, held_until),
        "waiting": row["waiting"],
        "created_at": row["created_at"],
        "created_by": row["created_by"],
        "last_sent_at": row["last_sent_at"],
        "last_failed_at": row["last_failed_at"] or row["failing_since"],
        "last_error": row["last_error"],
        "held_until": held_until,
        "switched_off_at": row["switched_off_at"],
        "unknown": {},
    }
    given: dict[str, object] = dict(shown)
    return {**shown, "unknown": {name: reason for name, reason in _WHY.items() if given[name] is None}}


def _find_state(row: SubscriberRow, held_until: datetime | None) -> SubscriberState:
    if row["switched_off_at"] is not None:
        return "switched_off"
    if held_until is not None:
        return "held"
    if row["failing_since"] is not None:
        return "failing"
    failed_at, sent_at = row["last_failed_at"], row["last_sent_at"]
    if failed_at is not None and (sent_at is None or failed_at > sent_at):
        return "failing"
    return "unused" if sent_at is None else "ok"
