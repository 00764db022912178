"""The local gateway and the cloud return the same responses."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from local.system import System, running_system
from tests.deploy.conftest import Deployed
from tests.deploy.ministack import Answered

EVENT = b'{"event_id":"%032x"}\n{"type":"event"}\n{"message":"the same everywhere","level":"warning"}\n'
# Builds and deployments are slow on a busy machine.
pytestmark = pytest.mark.timeout(600)

ENVELOPE = {"content-type": "application/x-sentry-envelope"}
READS = ("health", "status", "metrics/system", "metrics/jobs", "metrics/errors", "pipeline", "errors", "alerts", "silences")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request; `role` names the token, "" means none."""

    method: str
    path: str
    role: str = ""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


SUITE = (
    *(Sent("GET", f"/api/{name}", "viewer") for name in (*READS, "rules", "uptime")),
    Sent("GET", "/api/metrics/prometheus", "viewer"),
    Sent("GET", "/api/openapi.json"),
    Sent("GET", "/api/health"),
    Sent("GET", "/api/health", headers={"accept": "application/health+json"}),
    Sent("GET", "/api/status"),
    Sent("GET", "/api/status", "nobody"),
    Sent("GET", "/api/status", "ingest"),
    Sent("GET", "/api/errors?severity=high&q=a%20b%26c&limit=2", "viewer"),
    Sent("GET", "/api/errors?severity=nonsense", "viewer"),
    Sent("GET", "/api/errors?limit=0", "viewer"),
    Sent("GET", "/api/errors/12345678901", "viewer"),
    Sent("GET", "/api/alerts/none%2Fsuch", "viewer"),
    Sent("DELETE", "/api/silences/999999", "admin"),
    Sent("POST", "/api/silences", "viewer", {"matchers": {}, "reason": "no"}),
    Sent("POST", "/api/silences", "admin", {"matchers": {}, "reason": "no"}),
    Sent("POST", "/api/rules/none/enable", "admin", {"reason": "no such rule"}),
    Sent("POST", "/api/errors", "ingest", {"message": "the same everywhere"}),
    Sent("POST", "/api/errors", "ingest", [{"message": "one"}, {"severity": "high"}]),
    Sent("POST", "/api/errors", "ingest", []),
    Sent("POST", "/api/errors", "ingest", b"{not json"),
    Sent("POST", "/api/errors", "ingest", b"\xff\xfe", {"content-type": "application/octet-stream"}),
    Sent("POST", "/api/errors", "", {"message": "from nobody"}),
    Sent("POST", "/api/requests", "ingest", {"method": "GET", "route": "/x", "status_code": 200, "response_time_ms": 5}),
    Sent("POST", "/api/1/envelope/?sentry_key={ingest}", "", EVENT % 1, ENVELOPE),
    Sent("POST", "/api/1/envelope/?sentry_key={ingest}", "", gzip.compress(EVENT % 2), {**ENVELOPE, "content-encoding": "gzip"}),
    Sent("POST", "/api/1/envelope?sentry_key=" + "0" * 32, "", EVENT % 3, ENVELOPE),
    Sent("POST", "/api/1/store/?sentry_key={ingest}", "", {"event_id": "5" * 32, "message": "of an old SDK"}),
    Sent("POST", "/api/1/minidump/?sentry_key={ingest}", "", b"{}"),
    Sent("GET", "/api/nothing", "admin"),
    Sent("PUT", "/api/errors", "admin", {}),
    Sent("GET", "/api/health/", "viewer"),
)
# Headers that depend on time or place; API Gateway and the local one each add their own id.
PASSING = {
    "date",
    "server",
    "connection",
    "content-length",
    "x-request-id",
    "x-response-time",
    "apigw-requestid",
    "transfer-encoding",
}


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running_system(cycle_s=60) as started:
        yield started


def of_the_system(system: System, sent: Sent, tokens: dict[str, str]) -> Answered:
    status, body, headers = system.call(
        sent.method, sent.path.format(**tokens), tokens.get(sent.role), sent.body, sent.headers or None
    )
    return Answered(status, body, headers)


def test_every_request_of_the_suite_is_answered_alike(deployed: Deployed, system: System) -> None:
    local = {"viewer": system.viewer_token, "admin": system.admin_token, "ingest": system.ingest_key, "nobody": "x" * 40}
    there = {"viewer": deployed.token("VIEWER_SECRET"), "admin": deployed.token("ADMIN_SECRET"), "nobody": "x" * 40}
    there["ingest"] = deployed.token("INGEST_KEYS")
    different = []
    for sent in SUITE:
        ours = of_the_system(system, sent, local)
        theirs = deployed.cloud.call(sent.method, sent.path.format(**there), there.get(sent.role), sent.body, **sent.headers)
        if appearance(ours) != appearance(theirs):
            different.append(f"{sent.method} {sent.path} {sent.role}\n  local {appearance(ours)}\n  cloud {appearance(theirs)}")
    assert not different, "\n".join(different)


def appearance(answer: Answered) -> tuple[int, Any, dict[str, str]]:
    """Return status, shape of the body, and lasting headers."""
    return answer.status, form(answer.body), {k: v for k, v in answer.headers.items() if k not in PASSING}


def form(value: Any, name: str = "") -> Any:
    """Return a body without its figures: names and types, but errors and messages literally."""
    if isinstance(value, dict):
        # Unknown paths and labels of counts depend on the data.
        free = name in ("unknown", "by_category", "services", "labels", "details", "channels")
        return "labelled" if free else {key: form(item, key) for key, item in value.items() if key != "request_id"}
    if isinstance(value, list):
        return "list"
    if isinstance(value, str) and name in ("code", "message"):
        return value
    if isinstance(value, str) and not name:
        return value.splitlines()[0] if value else value
    return "text or null" if value is None or isinstance(value, str) else "number"
