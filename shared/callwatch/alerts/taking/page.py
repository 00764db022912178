"""The page behind a link in a message: one button, no script; every text is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from callwatch.alerts.taking.subject import Part, Subject

# A group may be about hundreds; the page is read on a phone.
_MAX_SHOWN = 5
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#101828;background:#f2f4f7;margin:0;padding:24px 12px}"
    "main{max-width:34rem;margin:auto;background:#fff;padding:20px 24px;border-radius:8px}h1{font-size:20px;margin:0 0 8px}"
    "p{margin:0 0 12px;overflow-wrap:anywhere}button{font:inherit;font-weight:600;min-height:44px;padding:0 24px;border:0;"
    "border-radius:6px;background:#175cd3;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #84adff}"
    "@media(prefers-color-scheme:dark){body{background:#0c111d;color:#e4e7ec}main{background:#182230}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    # The address is the permission, so no other site may learn it.
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
    'initial-scale=1"><title>{title}</title><style>{style}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>'
)


def render_question(subject: Subject) -> str:
    """Render what would be taken, and the button; only pressing it acts."""
    parts = subject.list_parts()
    said = "".join(_render_part(part, is_alone=len(parts) == 1) for part in parts[:_MAX_SHOWN])
    more = f"<p>and {len(parts) - _MAX_SHOWN} more</p>" if len(parts) > _MAX_SHOWN else ""
    return _render(_find_title(parts), f'{said}{more}<form method="post"><button>Take it</button></form>')


def render_taken(subject: Subject) -> str:
    """Render that it is taken."""
    return _render("Taken", f"<p>{escape(_find_title(subject.list_parts()))}: no reminders are sent until it resolves.</p>")


def render_refusal(message: str) -> str:
    """Render why the link does nothing."""
    return _render("Nothing was changed", f"<p>{escape(message)}</p>")


def _find_title(parts: Sequence[Part]) -> str:
    return parts[0].title if len(parts) == 1 else f"{len(parts)} incidents"


def _render_part(part: Part, is_alone: bool) -> str:
    name = "" if is_alone else f"{escape(part.title)}, "
    taken = f" Taken before by {escape(part.owner)}." if part.owner else ""
    return f"<p>{name}{escape(part.level)}: {escape(part.words)}{taken}</p>"


def _render(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), style=_STYLE, body=body)
