"""Check-ins in the address: Sentry's `cron/<slug>/<key>/?status=`, and pings as Healthchecks takes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callwatch.api.http import Request
from callwatch.exceptions import Invalid, NotFound, Rejected
from callwatch.ingest.check_ins import read_slug
from callwatch.ingest.content_encoding import decode
from callwatch.ingest.hostile_json import load_hostile
from callwatch.ingest.sentry.auth import find_key

MAX_BODY_BYTES = 64 * 1024
_PING_REMEDY = "a ping is /ping/<key>/<slug>, with /start, /fail or an exit status from 0 to 255 after it"
_CRON_REMEDY = "a check-in is /api/<project>/cron/<slug>/<key>/?status=ok"
_EVERY = re.compile(r"(\d{1,7})([smhdw])", re.ASCII)
_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckInAddress:
    """The parts of an address. project: its text there, None in that of a ping. status: None if the query names it."""

    key: str
    slug: str
    project: str | None
    status: str | None


def read_address(request: Request) -> CheckInAddress:
    """The parts of the address of a check-in. Raises NotFound."""
    parts = request.path_parameters.get("proxy", "").rstrip("/").split("/")
    if "project" in request.path_parameters:
        if len(parts) > 2 or not parts[0]:
            raise NotFound(_CRON_REMEDY)
        key = parts[1] if len(parts) == 2 else find_key(request, lambda _most: b"")
        return CheckInAddress(key, parts[0], request.path_parameters["project"], None)
    if len(parts) > 2 or not parts[0]:
        raise NotFound(_PING_REMEDY)
    status = _read_ending(parts[1]) if len(parts) == 2 else "ok"
    return CheckInAddress(request.path_parameters.get("key", ""), parts[0], None, status)


def read_fields(request: Request, address: CheckInAddress) -> dict[str, Any]:
    """A check-in in the shape of Sentry's item, from address, query and, for Sentry's form, a JSON body.

    Raises Invalid with the name of the parameter, and what reading the body raises.
    """
    query = request.query
    given: dict[str, Any] = {} if address.status else _read_body(request)
    given |= {name: query[name] for name in ("status", "environment", "check_in_id", "release") if query.get(name)}
    if query.get("rid"):
        given["check_in_id"] = query["rid"]
    if query.get("duration"):
        given["duration"] = _read_number(query, "duration")
    config = _read_config(query)
    if config:
        given["monitor_config"] = config
    given["monitor_slug"] = _read_slug(address.slug)
    return {**given, "status": address.status} if address.status else given


def _read_ending(text: str) -> str:
    if text == "start":
        return "in_progress"
    if text == "fail":
        return "error"
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        raise NotFound(_PING_REMEDY)
    return "ok" if int(text) == 0 else "error"


def _read_body(request: Request) -> dict[str, Any]:
    """The fields in a body of JSON; anything else is no part of the check-in."""
    content_type = request.headers.get("content-type", "")
    if not request.body or "json" not in content_type.lower():
        return {}
    body = decode(request.body, request.headers.get("content-encoding", ""))
    if len(body) > MAX_BODY_BYTES:
        raise Invalid("body", f"must have at most {MAX_BODY_BYTES} bytes")
    try:
        found, _marks = load_hostile(body)
    except ValueError:
        raise Invalid("body", "must be a JSON object") from None
    if not isinstance(found, dict):
        raise Invalid("body", "must be a JSON object")
    return found


def _read_config(query: Mapping[str, str]) -> dict[str, Any]:
    """The schedule and limits in the query, for senders without an SDK: schedule or every, timezone, margin, max_runtime."""
    config: dict[str, Any] = {}
    if query.get("schedule"):
        config["schedule"] = {"type": "crontab", "value": query["schedule"]}
    elif query.get("every"):
        match = _EVERY.fullmatch(query["every"])
        if match is None:
            raise Invalid("every", "must be a number with its unit, one of s m h d w, such as 15m")
        config["schedule"] = {"type": "interval", "value": int(match[1]), "unit": _UNITS[match[2]]}
    for name, field in (("margin", "checkin_margin"), ("max_runtime", "max_runtime")):
        if query.get(name):
            config[field] = _read_number(query, name)
    if config and query.get("timezone"):
        config["timezone"] = query["timezone"]
    return config


def _read_number(query: Mapping[str, str], name: str) -> float:
    if not _NUMBER.fullmatch(query[name]):
        raise Invalid(name, "must be a number that is not negative")
    return float(query[name])


def _read_slug(text: str) -> str:
    try:
        return read_slug(text[:1_000])
    except Rejected as error:
        raise Invalid("slug", str(error)) from None
