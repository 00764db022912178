"""Checks the body of an action on error groups: every field, whatever the action, since an unused field must be valid too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.api.filters import is_storable
from callwatch.api.http import Request
from callwatch.exceptions import Invalid
from callwatch.models.constraints import find_max_chars
from callwatch.models.shapes.actions import GroupAction
from callwatch.times import to_utc

_MAX_CHARS = find_max_chars(GroupAction)
# The field without which an action means nothing; actions that are not named here need a reason.
_NEEDED = {"assign": "to", "comment": "text", "delete": None}
_ALSO_NEEDED = {"merge": "into", "unmerge": "fingerprint"}
_MUST_BE = {
    "reason": "must be a text of 1 to 1,000 characters, more than blanks",
    "in_release": "must be a text of 1 to 200 characters",
    "into": "must be the id or a fingerprint of the group that takes this one",
    "fingerprint": "must be one of the group's fingerprints",
    "to": "must be the name of a person, 1 to 100 characters and more than blanks, or null",
    "text": "must be a text of 1 to 2,000 characters, more than blanks",
}


# All but tabs and line breaks, and the signs that change the direction of what follows.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_CONTROLS_OF_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class GroupFields:
    """The checked fields; None: not given. to: None is nobody."""

    reason: str | None
    until: datetime | None
    more: int | None
    in_release: str | None
    into: str | None
    fingerprint: str | None
    to: str | None
    text: str | None


def read_group_fields(given: Any, action: str, now: datetime) -> GroupFields:
    """Check the body of an action. Raises Invalid for a field that is missing or cannot be used."""
    if not isinstance(given, dict):
        raise Invalid("body", "must be an object with the fields of the action")
    for name in (_NEEDED.get(action, "reason"), _ALSO_NEEDED.get(action)):
        if name is not None and (name not in given or (given[name] is None and name != "to")):
            raise Invalid(name, _MUST_BE[name])
    return GroupFields(
        reason=_read_said(given, "reason"),
        until=_read_until(given, now),
        more=_read_more(given),
        in_release=_read_text(given, "in_release"),
        into=_read_into(given),
        fingerprint=_read_text(given, "fingerprint"),
        to=_read_said(given, "to"),
        text=_read_said(given, "text"),
    )


def read_deletion_reason(request: Request) -> str | None:
    """The reason of a deletion, from the query or from a body: not every client sends a body with DELETE. Raises Invalid."""
    if request.query.get("reason"):
        return _read_said({"reason": request.query["reason"]}, "reason")
    given = request.read_json() if request.body.strip() else {}
    if not isinstance(given, dict):
        raise Invalid("body", "must be an object with a reason")
    return _read_said(given, "reason")


def _read_text(given: Mapping[str, object], name: str) -> str | None:
    raw = given.get(name)
    if raw is None and (name not in given or name == "in_release"):
        return None
    if not isinstance(raw, str) or not raw or len(raw) > _MAX_CHARS[name] or not is_storable(raw):
        raise Invalid(name, _MUST_BE[name])
    return raw


def _read_said(given: Mapping[str, object], name: str) -> str | None:
    """A text with more than blanks; null only for the owner."""
    if given.get(name) is None and (name == "to" or name not in given):
        return None
    text = _read_text(given, name)
    if text is None or not text.strip():
        raise Invalid(name, _MUST_BE[name])
    if (_CONTROLS if name != "to" else _CONTROLS_OF_NAMES).search(text.strip()):
        # Terminals and messages would obey them, and a reader would see another text than was written.
        raise Invalid(name, f"{_MUST_BE[name]}, without control characters")
    return text.strip()


def _read_into(given: Mapping[str, object]) -> str | None:
    raw = given.get("into")
    if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw < 10**18:
        return str(raw)
    if "into" not in given:
        return None
    if not isinstance(raw, str) or not raw or len(raw) > 300 or not is_storable(raw):
        raise Invalid("into", _MUST_BE["into"])
    return raw


def _read_until(given: Mapping[str, Any], now: datetime) -> datetime | None:
    raw = given.get("until")
    if raw is None:
        return None
    try:
        until = to_utc(datetime.fromisoformat(raw))
    except (ValueError, TypeError, OverflowError):
        raise Invalid("until", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None
    if until <= now:
        raise Invalid("until", "must be a time in the future")
    return until


def _read_more(given: Mapping[str, object]) -> int | None:
    raw = given.get("more")
    if raw is not None and (not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= 10**9):
        raise Invalid("more", "must be a number of further occurrences")
    return raw
