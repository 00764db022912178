"""Asks Deepgram what is left on the account, where the key may read it."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from callwatch.checks.probe import Failure, ProbeResponse, send_probe
from callwatch.models.reason import Reason
from callwatch.settings import Settings

SERVICE = "deepgram"
# A key belongs to one project; one of a whole account may see more.
_MAX_PROJECTS = 5
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_NOT_ALLOWED = Reason("not_configured", "the key of Deepgram may not read balances; give it the scope billing:read")
_NO_ANSWER = Reason("timeout", "Deepgram did not say its balances in time")
_UNREADABLE = Reason("unavailable", "Deepgram's response holds no balance in USD")


@dataclass(frozen=True, slots=True)
class Balances:
    """What is left in USD, by project; why: why it is unknown."""

    usd: Mapping[str, Decimal] = field(default_factory=dict)
    why: Reason | None = None


def read_balances(settings: Settings, timeout_s: float) -> Balances:
    """GET /v1/projects, then /v1/projects/{id}/balances of each (Deepgram API reference), all within the time."""
    ends_at = time.monotonic() + timeout_s
    projects = _ask(settings, "/v1/projects", ends_at)
    if isinstance(projects, Reason):
        return Balances(why=projects)
    listed = projects.get("projects")
    ids = [str(each.get("project_id")) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    found: dict[str, Decimal] = {}
    for project in [each for each in ids if _ID.fullmatch(each)][:_MAX_PROJECTS]:
        response = _ask(settings, f"/v1/projects/{project}/balances", ends_at)
        if isinstance(response, Reason):
            # The sum of a part would look like less than there is.
            return Balances(why=response)
        left = _sum_usd(response.get("balances"))
        if left is not None:
            found[project] = left
    return Balances(found, None if found else _UNREADABLE)


def _ask(settings: Settings, path: str, ends_at: float) -> dict[str, object] | Reason:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        return _NO_ANSWER
    headers = {"authorization": f"Token {settings.deepgram_api_key}"}
    response = send_probe("GET", f"{settings.deepgram_api_url}{path}", headers, None, left_s)
    if isinstance(response, Failure):
        is_late = response.reason == "timeout"
        return _NO_ANSWER if is_late else Reason("unavailable", f"Deepgram does not respond ({response.reason})")
    return _read_body(response)


def _read_body(response: ProbeResponse) -> dict[str, object] | Reason:
    if response.status in (401, 403):
        return _NOT_ALLOWED
    if response.status != 200:
        return Reason("unavailable", f"Deepgram answers a request for its balances with {response.status}")
    return response.body if isinstance(response.body, dict) else _UNREADABLE


def _sum_usd(listed: Any) -> Decimal | None:
    """The sum of the balances in USD; None without one, or with an amount that is no number."""
    amounts = [
        each.get("amount")
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, dict) and str(each.get("units")).lower() == "usd"
    ]
    is_readable = all(isinstance(amount, int | float) and not isinstance(amount, bool) for amount in amounts)
    if not amounts or not is_readable:
        return None
    total = sum((Decimal(str(amount)) for amount in amounts), Decimal(0))
    return total if total.is_finite() and abs(total) < 10**9 else None
