"""The log line of a Sentry event: its template, its parameters, and its text."""

import re
from collections.abc import Mapping
from typing import Any

from callwatch.ingest.sentry.cuts import Cuts, render_foreign

MESSAGE_CHARS = 8_000
_MAX_PARAMS = 50
_PARAM_CHARS = 1_000
# Conversions of printf with an optional name, and replacement fields with an optional name or number.
_FIELD = re.compile(
    r"%(?:\((?P<named>[^()\s]{1,100})\))?[-+ #0]{0,5}\d{0,4}(?:\.\d{1,4})?[diouxXeEfFgGcrsapOj%]|\{(?P<field>\w{0,100})\}"
)


def read_log_entry(event: Mapping[str, Any], cuts: Cuts, has_exception: bool) -> tuple[str | None, dict[str, Any] | None]:
    """The text of the log line, and what is kept with it: template and parameters.

    Of a line next to an exception, the text is kept as well, as `formatted`: the event's message is the exception's.
    """
    found = event.get("logentry") or event.get("message")
    entry: Mapping[str, Any] = found if isinstance(found, dict) else {"message": found}
    name = "logentry" if has_exception else "message"
    template = cuts.limit_prose(name, entry.get("message"), MESSAGE_CHARS)
    params = _read_params(entry.get("params"), cuts)
    formatted = entry.get("formatted")
    text = formatted if formatted not in (None, "") else fill_template(template or "", params)
    message = cuts.limit_prose(name, text, MESSAGE_CHARS)
    kept: dict[str, Any] = {"message": template} if template is not None else {}
    if params is not None:
        kept["params"] = params
    if has_exception:
        if message != template:
            kept["formatted"] = message
        return message, kept or None
    return message, kept if params is not None or template != message else None


def fill_template(template: str, params: list[Any] | dict[str, Any] | None) -> str:
    """The template with its parameters, as printf or as str.format writes it; what has no parameter stays as it is."""
    if not params:
        return template
    rest = iter(params if isinstance(params, list) else ())
    filled = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal filled
        if match[0] == "%%":
            return "%"
        name = match["named"] or match["field"]
        if filled == _MAX_PARAMS:
            return match[0]
        filled += 1
        if name and isinstance(params, dict):
            return _render(params.get(name, match[0]))
        if name and name.isdigit() and isinstance(params, list):
            return _render(params[int(name)]) if len(name) < 3 and int(name) < len(params) else match[0]
        return _render(next(rest, match[0]))

    return _FIELD.sub(fill, template)


def _render(value: Any) -> str:
    return (value if isinstance(value, str) else render_foreign(value))[:_PARAM_CHARS]


def _read_params(value: Any, cuts: Cuts) -> list[Any] | dict[str, Any] | None:
    if isinstance(value, list) and value:
        return list(cuts.keep_head("logentry", value, _MAX_PARAMS))
    if isinstance(value, dict) and value:
        return dict(cuts.keep_head("logentry", list(value.items()), _MAX_PARAMS))
    return None
