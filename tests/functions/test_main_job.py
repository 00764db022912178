"""The main job, seen from outside: an error comes in, is counted, fires a rule, and is notified."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2.extras import RealDictCursor
from standardwebhooks.webhooks import Webhook

from local.system import System, running_system
from tests.functions.conftest import WEBHOOK_SECRET, webhook_to
from tests.support.scripted_receiver import Received, Receiver


@pytest.fixture(scope="module")
def system(own_receiver: Receiver) -> Iterator[System]:
    """Yield a system for this module alone: critical errors of other tests would already fire the alert."""
    with running_system(cycle_s=2, environ=webhook_to(own_receiver)) as found:
        yield found


def webhooks(receiver: Receiver, rule_id: str, kind: str = "alert.firing") -> list[Received]:
    found = []
    for request in list(receiver.received):
        body = json.loads(request.body)
        if body["type"] == kind and body["data"]["rule_id"] == rule_id:
            found.append(request)
    return found


def test_critical_error_is_notified_within_seconds(system: System, own_receiver: Receiver) -> None:
    given = {
        "message": "could not reach +1 (415) 555-2671 of bob@example.com",
        "type": "TimeoutError",
        "severity": "critical",
        "category": "integration",
        "endpoint": "POST /webhooks/convoso",
        "context": {"customer_name": "Bob Miller", "attempt": 3},
    }
    status, body, _headers = system.call("POST", "/api/errors", system.ingest_key, given)
    assert (status, body["accepted"], body["rejected"]) == (202, 1, [])

    (told,) = system.wait_until(lambda: webhooks(own_receiver, "high_error_rate"), what="the webhook")
    payload = Webhook(WEBHOOK_SECRET).verify(told.body, told.headers)
    assert payload["data"]["value"] >= 1
    assert payload["data"]["runbook_url"].endswith("/high_error_rate.md")

    found = system.get("/api/metrics/errors")
    assert found["summary"]["critical"] >= 1
    shown = next(error for error in found["recent_critical"] if error["category"] == "integration")
    assert shown["message"] == "could not reach [phone] of [email]"
    assert shown["context"] == {"customer_name": "[name]", "attempt": 3}
    alerts = system.get("/api/alerts?state=firing&rule_id=high_error_rate")["items"]
    assert [alert["level"] for alert in alerts] == ["error"]
    issues = system.get("/api/status")["issues"]
    assert {"type": "error", "rule_id": "high_error_rate"}.items() <= next(i for i in issues if i["type"] == "error").items()
    detail = system.get(f"/api/alerts/{alerts[0]['id']}")
    system.wait_until(
        lambda: (
            {"webhook", "log"}
            <= {d["channel"] for d in system.get(f"/api/alerts/{alerts[0]['id']}")["deliveries"] if d["state"] == "sent"}
        )
    )
    assert detail["timeline"][0]["kind"] == "firing"


def test_nothing_private_is_in_the_database_or_in_any_log(system: System) -> None:
    secret = "4111 1111 1111 1111"
    given = {"message": f"card {secret} refused", "context": {"password": "hunter2hunter2"}}
    status, body, _headers = system.call("POST", "/api/errors", system.ingest_key, given)
    assert status == 202
    event_id = body["ids"][0]

    def stored() -> Any:
        with psycopg2.connect(system.database_url, cursor_factory=RealDictCursor) as conn, conn.cursor() as cursor:
            cursor.execute("SELECT message, payload::text FROM callwatch.error_logs WHERE event_id = %s", (event_id,))
            return cursor.fetchone()

    row = system.wait_until(stored, what="the row")
    assert row["message"] == "card [card] refused"
    assert "hunter2" not in row["payload"]
    logs = "".join(path.read_text(errors="replace") for path in (system.data_dir / "logs").glob("*.log"))
    for private in (secret, "hunter2", system.admin_token, system.ingest_key, "bob@example.com"):
        assert private not in logs


def test_requests_feed_rates_and_latencies_by_route(system: System) -> None:
    rows = [{"method": "GET", "route": "/calls/{id}", "status_code": 200, "response_time_ms": 100 + n} for n in range(99)]
    rows.append({"method": "GET", "route": "/calls/{id}", "status_code": 500, "response_time_ms": 900})
    status, body, _headers = system.call("POST", "/api/requests", system.ingest_key, rows)
    assert (status, body["accepted"]) == (202, 100)

    def route() -> dict[str, float] | None:
        routes = system.get("/api/metrics/system")["api"]["by_route"]
        return next((found for found in routes if found["route"] == "/calls/{id}"), None)

    found = system.wait_until(route, what="the route")
    assert (found["count"], found["errors"]) == (100, 1)
    assert found["p95"] == pytest.approx(194, rel=0.03)
    assert system.get("/api/status")["performance"]["p95_ms"] is not None


def test_bad_items_are_named_and_good_ones_beside_them_are_kept(system: System) -> None:
    items = [{"message": "good"}, {"severity": "low"}, {"message": "x", "severity": "awful"}, "text", {"message": "also good"}]
    status, body, _headers = system.call("POST", "/api/errors", system.ingest_key, items)
    assert (status, body["accepted"], len(body["ids"])) == (202, 2, 2)
    assert [(r["index"], r["field"]) for r in body["rejected"]] == [(1, "message"), (2, "severity"), (3, "")]
    status, body, _headers = system.call("POST", "/api/errors", system.ingest_key, [{}])
    assert (status, body["accepted"]) == (422, 0)
    assert system.call("POST", "/api/errors", system.ingest_key, b"{")[0] == 400
    assert system.call("POST", "/api/errors", system.ingest_key, [{"message": "x"}] * 101)[0] == 422
    assert system.call("POST", "/api/errors", system.ingest_key, b"x", {"content-type": "text/plain"})[0] == 415


def test_roles_are_told_apart_and_health_needs_none(system: System) -> None:
    for token, status in ((None, 401), ("wrong-token-wrong-token", 401), (system.ingest_key, 403), (system.viewer_token, 200)):
        assert system.call("GET", "/api/status", token)[0] == status
    status, body, headers = system.call("GET", "/api/status", None)
    assert set(body["error"]) == {"code", "message", "request_id"}
    assert headers["x-request-id"] == body["error"]["request_id"]
    assert system.call("POST", "/api/silences", system.viewer_token, {})[0] == 403
    assert system.call("POST", "/api/errors", system.viewer_token, {"message": "x"})[0] == 403
    _status, anonymous, _headers = system.call("GET", "/api/health", None)
    assert set(anonymous) == {"status", "timestamp", "services", "queue", "errors", "unknown"}
    assert set(anonymous["services"]["database"]) == {"status", "latency", "checked_at"}
    whole = system.get("/api/health", system.viewer_token)
    assert {"uptime", "environment", "resources"} <= set(whole)
