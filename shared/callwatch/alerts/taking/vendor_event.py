"""What a person did at a vendor with one of our messages, whichever vendor it was."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from callwatch.scrubbing.scrubber import scrub_text

Verb = Literal["take", "release", "note"]

_MAX_NAME = 60
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Ids of alerts, such as 7 and database_health:2026-11-30T10:00:00Z, and of messages; anything else is not ours.
_OWN_ID = re.compile(r"[A-Za-z0-9_:.+-]{1,200}")


class VendorEvent(NamedTuple):
    """One action. place: where, such as PagerDuty. details: what the timeline says. unique: the same whenever it is sent again.

    alert_id: the alert that the message was sent under. message_id: its delivery, where the vendor returns it.
    """

    place: str
    verb: Verb
    alert_id: str
    message_id: str | None
    actor: str
    details: str
    unique: str


def name_actor(name: object, vendor_id: object, place: str) -> str:
    """Name a person by a name without private data, else by the id at the vendor: "ana in Slack"."""
    if isinstance(name, str):
        plain = " ".join(name[: _MAX_NAME + 1].split())
        if plain and len(name) <= _MAX_NAME and plain.isprintable() and scrub_text(plain) == plain:
            return f"{plain} in {place}"
    is_id = isinstance(vendor_id, str) and _ID.fullmatch(vendor_id)
    return f"{vendor_id if is_id else 'somebody'} in {place}"


def read_own_id(given: object) -> str | None:
    """Return an id that may be one of ours; None for any other."""
    return given if isinstance(given, str) and _OWN_ID.fullmatch(given) else None


def read_key(key: object, stage: str) -> str | None:
    """Return the alert of a dedup_key or alias (channels/pagerduty.py); None for a key of others, or of another deployment."""
    prefix = f"callwatch:{stage}:"
    return read_own_id(key.removeprefix(prefix)) if isinstance(key, str) and key.startswith(prefix) else None
