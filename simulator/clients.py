"""The demo's clients: an application that raises exceptions under the Sentry SDK, and one that reports its requests."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import sentry_sdk

from simulator.system import LocalSystem

RELEASE = "call-pipeline@2.4.0"
MINUTES = 30.0
# Of each route.
REQUESTS_PER_MINUTE = 6
ROUTES = (
    ("POST", "/webhooks/convoso", 60),
    ("GET", "/api/calls", 140),
    ("GET", "/api/calls/{id}", 90),
    ("GET", "/reports", 420),
)


def send_requests(system: LocalSystem, minutes: float = MINUTES) -> None:
    """Send the healthy requests that the product had in the last minutes."""
    draw = random.Random(1)  # noqa: S311 - the same requests each time, not secrets
    now = datetime.now(UTC)
    rows = []
    for method, route, typical_ms in ROUTES:
        for _ in range(round(REQUESTS_PER_MINUTE * minutes)):
            at = now - timedelta(minutes=draw.uniform(0, minutes))
            took_ms = round(typical_ms * draw.lognormvariate(0, 0.35), 1)
            rows.append(
                {"method": method, "route": route, "status_code": 200, "response_time_ms": took_ms, "at": at.isoformat(),
                 "environment": "production", "release": RELEASE}
            )  # fmt: skip
    for start in range(0, len(rows), 1000):
        system.call("/api/requests", rows[start : start + 1000], token=system.ingest_key)


def raise_errors(system: LocalSystem, count: int, ago: timedelta) -> None:
    """Raise exceptions in an application under the Sentry SDK, dated back by `ago`."""

    def put_back(event: Any, _hint: Any) -> Any:
        event["timestamp"] = (datetime.now(UTC) - ago).isoformat()
        return event

    sentry_sdk.init(dsn=system.dsn, release=RELEASE, environment="production", before_send=put_back, default_integrations=False)
    for number in range(count):
        try:
            _store_transcript(number)
        except RuntimeError as error:
            sentry_sdk.capture_exception(error)
    sentry_sdk.flush(10)
    sentry_sdk.get_client().close()


def _store_transcript(number: int) -> None:
    customer = f"+1 (202) 555-{number % 100 + 100:04}"
    answer: dict[str, str] = {}
    try:
        answer["transcript"]
    except KeyError as error:
        raise RuntimeError(f"transcript {number} of the call from {customer} could not be stored") from error
