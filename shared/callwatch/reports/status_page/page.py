"""The public status page as HTML without script, as an Atom feed and as a badge; every text is escaped. Pure."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from callwatch.models.public_status import ComponentState
from callwatch.reports.status_page.components import find_worst
from callwatch.reports.status_page.statuspage_api import find_status
from callwatch.times import format_time

if TYPE_CHECKING:
    from callwatch.models.shapes.incidents.publication import PublicIncident, Snapshot

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1d2939;background:#fff;margin:0 auto;max-width:44rem;padding:1.5rem 1rem}"
    "h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .25rem}"
    ".all{padding:1rem;border-radius:.5rem;border-left:.4rem solid;background:#f2f4f7;font-weight:600}"
    "ul{list-style:none;padding:0;margin:0}.list li{display:flex;flex-wrap:wrap;gap:.25rem 1rem;justify-content:space-between;"
    "padding:.75rem 0;border-bottom:1px solid #eaecf0}.about{flex-basis:100%;color:#475467;font-size:.875rem}"
    "p{margin:.25rem 0;white-space:pre-line;overflow-wrap:anywhere}time,footer{color:#475467;font-size:.875rem}"
    "footer{margin-top:2.5rem}a{color:inherit}.operational{color:#067647}.under_maintenance{color:#175cd3}.unknown{color:#475467}"
    ".degraded_performance{color:#93370d}.partial_outage,.major_outage{color:#b42318}"
    "@media(prefers-color-scheme:dark){body{color:#e4e7ec;background:#101828}.all{background:#1d2939}"
    ".list li{border-color:#344054}"
    ".about,time,footer,.unknown{color:#98a2b3}.operational{color:#47cd89}.under_maintenance{color:#84caff}"
    ".degraded_performance{color:#fdb022}.partial_outage,.major_outage{color:#f97066}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Words with a sign, so that no state depends on its color alone.
_WORDS: dict[ComponentState, str] = {
    "operational": "✓ Operational",
    "under_maintenance": "⚒ Maintenance",
    "unknown": "? Unknown",
    "degraded_performance": "▲ Degraded performance",
    "partial_outage": "✕ Partial outage",
    "major_outage": "✕ Major outage",
}
_COLORS: dict[ComponentState, str] = {
    "operational": "#067647",
    "under_maintenance": "#175cd3",
    "unknown": "#667085",
    "degraded_performance": "#b54708",
    "partial_outage": "#b42318",
    "major_outage": "#b42318",
}
_REFRESH_S = 60
# Width of a character of the badge and of the space around a text, in pixels.
_CHAR_PX, _PAD_PX = 7, 16


def render_page(snapshot: Snapshot) -> str:
    """Render the page; the browser loads it again each minute."""
    name, worst = escape(snapshot["name"]), _find_worst(snapshot)
    is_open = [incident for incident in snapshot["incidents"] if not incident["resolved_at"]]
    past = [incident for incident in snapshot["incidents"] if incident["resolved_at"]]
    body = "".join([
        f"<h1>{name}</h1>",
        f'<p class="all {worst}" role="status">{escape(find_status(snapshot)["description"])}</p>',
        *(_render_incident(incident, snapshot) for incident in is_open),
        '<h2>Components</h2><ul class="list">', *(_render_component(snapshot)), "</ul>",
        "<h2>Past incidents</h2>",
        *(_render_incident(incident, snapshot) for incident in past), "" if past else "<p>None in the last 90 days.</p>",
        f'<footer>{_describe_age(snapshot)} <a href="/status/feed.atom">Atom feed</a></footer>',
    ])  # fmt: skip
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="refresh" content="{_REFRESH_S}"><title>{name}: status</title>'
        f'<link rel="alternate" type="application/atom+xml" href="/status/feed.atom" title="{name}: incidents">'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def render_feed(snapshot: Snapshot, url: str) -> str:
    """Render published incidents as an Atom feed, one entry per incident with all its updates. url: of the page."""
    newest = sorted(snapshot["incidents"], key=lambda incident: incident["updated_at"], reverse=True)
    # A feed must say when it changed; an empty one never did.
    changed = max((incident["updated_at"] for incident in newest), default=datetime(1970, 1, 1, tzinfo=UTC))
    entries = "".join(
        f"<entry><id>{escape(url)}#incident-{incident['id']}</id><title>{_clean_xml(incident['title'])}</title>"
        f"<updated>{format_time(incident['updated_at'])}</updated><published>{format_time(incident['created_at'])}</published>"
        f'<link href="{escape(url)}#incident-{incident["id"]}"/><content type="text">'
        + "\n".join(f"{format_time(each['at'])} {each['status']}: {_clean_xml(each['body'])}" for each in incident["updates"])
        + "</content></entry>"
        for incident in newest
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<id>{escape(url)}</id><title>{_clean_xml(snapshot['name'])}: incidents</title><updated>{format_time(changed)}</updated>"
        f'<author><name>{_clean_xml(snapshot["name"])}</name></author><link href="{escape(url)}"/>{entries}</feed>\n'
    )


def render_badge(snapshot: Snapshot) -> str:
    """Render the state of all components as an SVG image."""
    worst = _find_worst(snapshot)
    text = _WORDS[worst].partition(" ")[2].lower()
    left, right = len("status") * _CHAR_PX + _PAD_PX, len(text) * _CHAR_PX + _PAD_PX
    style = 'font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="status: {text}">'
        f'<title>status: {text}</title><rect width="{left}" height="20" fill="#475467"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{_COLORS[worst]}"/>'
        f'<g {style}><text x="{left / 2}" y="14">status</text><text x="{left + right / 2}" y="14">{text}</text></g></svg>'
    )


def _find_worst(snapshot: Snapshot) -> ComponentState:
    return find_worst(component["status"] for component in snapshot["components"])


def _render_component(snapshot: Snapshot) -> list[str]:
    return [
        f'<li><span>{escape(each["name"])}</span><span class="{each["status"]}">{_WORDS[each["status"]]}</span>'
        + (f'<span class="about">{escape(each["description"])}</span>' if each["description"] else "")
        + "</li>"
        for each in snapshot["components"]
    ]


def _render_incident(incident: PublicIncident, snapshot: Snapshot) -> str:
    names = [escape(each["name"]) for each in snapshot["components"] if each["id"] in incident["components"]]
    concerned = f"<p>Affects {', '.join(names)}.</p>" if names else ""
    updates = "".join(
        f"<li><p><strong>{each['status'].capitalize()}</strong>: {escape(each['body'])}</p>{_render_time(each['at'])}</li>"
        for each in incident["updates"]
    )
    return f'<section id="incident-{incident["id"]}"><h3>{escape(incident["title"])}</h3>{concerned}<ul>{updates}</ul></section>'


def _render_time(at: datetime) -> str:
    return f'<time datetime="{format_time(at)}">{at:%Y-%m-%d %H:%M} UTC</time>'


def _describe_age(snapshot: Snapshot) -> str:
    if snapshot["at"] is None:
        return "Not assessed yet."
    return f"Assessed {_render_time(snapshot['at'])}."


def _clean_xml(text: str) -> str:
    """Escape a text without the control characters that XML 1.0 cannot hold."""
    return escape("".join(char for char in text if char >= " " or char in "\t\n\r"))
