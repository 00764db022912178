"""The HTML of an alert's e-mail: one column that fits a phone, inline styles as mail clients need them."""

import html

from callwatch.alerts.notifications.channels.wording import (
    find_word,
    list_links,
    list_notes,
    read_level,
    render_headline,
    render_lead,
    render_rows,
)
from callwatch.alerts.notifications.notification import Notification

# White text on each keeps a contrast of 4.5 to 1 or more.
_COLOURS = {"critical": "#b42318", "error": "#b54708", "warning": "#854a0e", "info": "#175cd3"}
_CALM = {"alert.resolved": "#067647", "alert.ended": "#475467", "alert.acknowledged": "#475467", "alert.test": "#5925dc"}
_FONT = "font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light"><title>{headline}</title></head>
<body style="margin:0;padding:0;background:#f2f4f7">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="background:#f2f4f7"><tr>
<td align="center" style="padding:16px 8px">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="max-width:560px;background:#ffffff;{font}">
<tr><td style="background:{colour};padding:12px 20px;color:#ffffff;font-size:14px;font-weight:600;letter-spacing:.04em">{word}
<span style="font-weight:400">&nbsp;{level}</span></td></tr>
<tr><td style="padding:20px;color:#101828">
<h1 style="margin:0 0 8px;font-size:22px;line-height:28px">{title}</h1>
<p style="margin:0 0 16px;font-size:16px;line-height:24px;overflow-wrap:anywhere">{lead}</p>
{notes}<table width="100%" cellspacing="0" cellpadding="0" style="font-size:15px;line-height:22px">{rows}</table>
{links}</td></tr></table>
<p style="margin:12px 0 0;font-size:12px;color:#475467;{font}">Sent by Callwatch.</p>
</td></tr></table></body></html>
"""
_NOTE = (
    '<p style="margin:0 0 12px;padding-left:10px;border-left:3px solid #d0d5dd;font-size:14px;line-height:20px;'
    'color:#344054;overflow-wrap:anywhere">{note}</p>'
)
_ROW = (
    '<tr><th scope="row" align="left" style="padding:6px 12px 6px 0;border-top:1px solid #eaecf0;color:#475467;'
    'font-weight:400;width:34%;vertical-align:top">{name}</th><td style="padding:6px 0;border-top:1px solid #eaecf0;'
    'font-weight:600;overflow-wrap:anywhere">{value}</td></tr>'
)
_LINK = (
    '<a href="{address}" style="display:block;margin:12px 0 0;padding:13px 16px;border-radius:6px;text-align:center;'
    'font-size:16px;font-weight:600;text-decoration:none;{look}">{text}</a>'
)


def render_html(notification: Notification, timezone: str) -> str:
    """Render the whole page; escapes every text."""
    colour = _CALM.get(notification.look) or _COLOURS[notification.level]
    outlined = f"background:#ffffff;color:{colour};border:1px solid {colour}"
    looks = (f"background:{colour};color:#ffffff", outlined, outlined)
    links = zip(list_links(notification), looks, strict=False)
    return _PAGE.format(
        headline=html.escape(render_headline(notification)),
        font=_FONT,
        colour=colour,
        word=find_word(notification),
        level=html.escape(read_level(notification)),
        title=html.escape(notification.title),
        lead=html.escape(render_lead(notification)),
        notes="".join(_NOTE.format(note=html.escape(note)) for note in list_notes(notification)),
        rows="".join(
            _ROW.format(name=html.escape(row.name), value=html.escape(row.value)) for row in render_rows(notification, timezone)
        ),
        links="".join(
            _LINK.format(address=html.escape(address), text=html.escape(text), look=look) for (text, address), look in links
        ),
    )
