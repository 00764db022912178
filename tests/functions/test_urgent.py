"""A system with a cycle of one minute: critical errors do not wait for it, and a late monitor is reported."""

import json
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from standardwebhooks.webhooks import Webhook

from local.system import System, running_system
from tests.functions.conftest import WEBHOOK_SECRET, webhook_to
from tests.support.scripted_receiver import Receiver


@pytest.fixture(scope="module")
def system(own_receiver: Receiver) -> Iterator[System]:
    with running_system(60, environ=webhook_to(own_receiver)) as found:
        yield found


def query(system: System, sql: str) -> list[tuple[Any, ...]]:
    with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def cycles(system: System) -> int:
    return int(query(system, "SELECT count(*) FROM callwatch.monitor_cycles")[0][0])


def test_a_critical_error_is_told_before_the_next_cycle(system: System, own_receiver: Receiver) -> None:
    system.wait_until(lambda: cycles(system), what="the first cycle")
    before = cycles(system)
    given = {"message": "payment of the subscription failed", "severity": "critical", "category": "integration"}
    started = time.monotonic()
    assert system.call("POST", "/api/errors", system.ingest_key, given)[0] == 202
    system.wait_until(lambda: own_receiver.received, what="the webhook")
    print(f"critical error to webhook: {time.monotonic() - started:.1f} s")
    assert cycles(system) == before, "no cycle has run in between"
    body = Webhook(WEBHOOK_SECRET).verify(own_receiver.received[0].body, own_receiver.received[0].headers)
    assert (body["type"], body["data"]["rule_id"]) == ("alert.firing", "high_error_rate")


def test_health_and_status_say_when_the_monitor_is_late(system: System) -> None:
    system.wait_until(lambda: cycles(system), what="the first cycle")
    assert system.get("/api/status")["monitor"]["is_late"] is False
    query(system, "UPDATE callwatch.monitor_cycles SET finished_at = finished_at - interval '181 seconds'")
    health, status = system.get("/api/health"), system.get("/api/status")
    assert (health["status"], health["monitor"]["is_late"]) == ("degraded", True)
    assert status["monitor"]["is_late"] is True
    query(system, "DELETE FROM callwatch.monitor_cycles")
    # Before the first cycle the time counts from the installation.
    query(system, "UPDATE callwatch.migrations SET applied_at = applied_at - interval '181 seconds'")
    status = system.get("/api/status")
    monitor = status["monitor"]
    assert (monitor["last_cycle_at"], monitor["last_evaluated_at"], monitor["is_late"]) == (None, None, True)
    assert monitor["not_evaluated_since"] is not None
    assert json.dumps(status["unknown"]).count("no cycle has finished yet") == 1
