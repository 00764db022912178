"""Matrix by the client-server API (PUT /_matrix/client/v3/rooms/…/send), as text and HTML."""

import html
from urllib.parse import quote

from callwatch.alerts.notifications.channels.wording import (
    count_bytes,
    fit_text,
    list_links,
    list_notes,
    list_short_links,
    render_headline,
    render_lead,
    render_plain_text,
    render_rows,
)
from callwatch.alerts.notifications.notification import Notification
from callwatch.alerts.notifications.webhook_client import put_json
from callwatch.json_values import JsonObject
from callwatch.settings import Settings

# An event may have 65,536 bytes with its signatures and escapes (Matrix specification, "Size limits").
_MAX_BYTES = 8_000
_MAX_LINES, _MAX_LINE = 8, 1_500


def is_configured(settings: Settings) -> bool:
    """Whether a server, a token and a room are set."""
    return bool(settings.matrix_url and settings.matrix_access_token and settings.matrix_room_id)


def send(notification: Notification, message_id: str, settings: Settings, timeout_s: float) -> None:
    """Send one message; the server ignores a repetition under the same id. Raises DeliveryFailed.

    401 means another MATRIX_ACCESS_TOKEN, 403 that its user is not in the room.
    """
    room, event = quote(str(settings.matrix_room_id), safe=""), quote(message_id, safe="")
    address = f"{settings.matrix_url}/_matrix/client/v3/rooms/{room}/send/m.room.message/{event}"
    headers = {"authorization": f"Bearer {settings.matrix_access_token}"}
    put_json(address, build_body(notification, settings), timeout_s, headers)


def build_body(notification: Notification, settings: Settings) -> JsonObject:
    """Build the message; what is no alarm is a notice, which bots ignore and clients show without a sound."""
    text = render_plain_text(notification, settings.timezone)
    return {
        "msgtype": "m.text" if notification.kind == "alert.firing" else "m.notice",
        "body": fit_text(text, list_links(notification), _MAX_BYTES, count_bytes),
        "format": "org.matrix.custom.html",
        "formatted_body": _render_html(notification, settings.timezone),
    }


def _render_html(notification: Notification, timezone: str) -> str:
    """Render the message in the tags that the specification allows; escapes every text."""
    links = list_short_links(notification)
    notes = list_notes(notification)
    lines = [_cut(line, links, _MAX_LINE) for line in (render_lead(notification), *notes[:_MAX_LINES])]
    if len(notes) > _MAX_LINES:
        lines.append("…")
    rows = [
        f"<li>{_cut(row.name, [], 100)}: <b>{_cut(row.value, [], 300)}</b></li>" for row in render_rows(notification, timezone)
    ]
    shown = [f'<a href="{html.escape(address)}">{text}</a>' for text, address in links]
    parts = [f"<p><b>{_cut(render_headline(notification), [], 600)}</b></p>", f"<p>{'<br>'.join(lines)}</p>"]
    parts += [f"<ul>{''.join(rows)}</ul>"] if rows else []
    return "".join([*parts, f"<p>{' · '.join(shown)}</p>" if shown else ""])


def _cut(text: str, links: list[tuple[str, str]], most: int) -> str:
    """Cut a text to the bytes that it has when it is escaped, and escape it."""
    return html.escape(fit_text(text, links, most, lambda cut: count_bytes(html.escape(cut, quote=False))), quote=False)
