"""Reads what vendors publish of their own incidents, from status pages with the API of Statuspage (/api/v2/incidents.json)."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from callwatch.db import connection
from callwatch.db.product_queries.vendor_incidents import VendorIncident, keep_incidents
from callwatch.db.product_queries.vendor_reads import claim_read
from callwatch.scrubbing.scrubber import scrub_text
from callwatch.times import parse_time

EVERY = timedelta(minutes=10)
# A page lists fifty incidents with all that was said of each.
_MAX_BYTES, _MAX_INCIDENTS, _MAX_TITLE = 4_000_000, 100, 200
_RECENT = timedelta(days=90)


def refresh_pages(pages: Mapping[str, str], now: datetime, timeout_s: float) -> dict[str, int | str]:
    """Read each page that is due, and store its incidents; returns by service how many there are, or why there are none.

    No connection waits for a vendor.
    """
    outcomes: dict[str, int | str] = {}
    for service, url in pages.items():
        with connection() as conn:
            is_due = claim_read(conn, "vendor_pages", service, now, EVERY)
            conn.commit()
        if not is_due:
            continue
        found = read_page(url, now, timeout_s)
        if isinstance(found, list):
            with connection() as conn:
                keep_incidents(conn, service, found, now)
                conn.commit()
        outcomes[service] = len(found) if isinstance(found, list) else found
    return outcomes


def read_page(url: str, now: datetime, timeout_s: float) -> list[VendorIncident] | str:
    """The incidents of the last 90 days; or why they cannot be read."""
    from callwatch.http_client.client import RequestFailed, send_request

    try:
        response = send_request("GET", f"{url}/api/v2/incidents.json", {}, None, timeout_s, max_body_bytes=_MAX_BYTES)
    except RequestFailed as error:
        return error.reason
    if response.status != 200 or response.body_error or response.is_truncated:
        return response.body_error or f"status {response.status}"
    try:
        listed = json.loads(response.body)["incidents"]
        return list({each["id"]: each for each in _list_incidents(listed[:_MAX_INCIDENTS], now)}.values())
    except (ValueError, TypeError, KeyError, RecursionError):
        return "no list of incidents"


def _list_incidents(listed: list[Any], now: datetime) -> Iterator[VendorIncident]:
    """What can be read of each; a page may list what has no time yet."""
    for given in listed:
        if not isinstance(given, dict):
            continue
        started_at = _parse_time(given.get("started_at") or given.get("created_at"))
        id_, title = given.get("id"), given.get("name")
        if started_at is None or not isinstance(id_, str) or not isinstance(title, str) or not 0 < len(id_) <= 100:
            continue
        if now - _RECENT <= started_at <= now:
            shown = scrub_text(" ".join(title.replace("\0", " ").split()))[:_MAX_TITLE]
            resolved_at = _parse_time(given.get("resolved_at"))
            yield {"id": scrub_text(id_), "title": shown, "started_at": started_at, "resolved_at": resolved_at}


def _parse_time(given: Any) -> datetime | None:
    try:
        return parse_time(given, is_zoned=True)
    except ValueError:
        return None
