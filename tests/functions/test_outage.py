"""The running system while PostgreSQL is really stopped: its own, and the product's."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from local.postgres import server as postgres
from local.system import running_system
from tests.conftest import FAST
from tests.functions.conftest import WEBHOOK_SECRET
from tests.support.scripted_receiver import Receiver


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="callwatch-outage-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def told(receiver: Receiver, rule_id: str) -> list[tuple[str, dict[str, Any], str]]:
    """Return type, data and webhook-id of a rule's notifications; verify each signature."""
    found = []
    for request in list(receiver.received):
        body = Webhook(WEBHOOK_SECRET).verify(request.body, request.headers)
        if body["data"]["rule_id"] == rule_id:
            found.append((body["type"], body["data"], request.headers["webhook-id"]))
    return found


def environ(receiver: Receiver, **given: str) -> dict[str, str]:
    webhook = {"ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_SECRET": WEBHOOK_SECRET}
    return {**webhook, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", **given}


def test_postgresql_stop_is_one_page_and_one_all_clear(folder: Path) -> None:
    own = postgres.start(folder / "own", FAST)
    try:
        with (
            Receiver() as receiver,
            running_system(2, folder / "system", environ(receiver, DATABASE_URL=own.dsn)) as system,
        ):
            system.wait_until(lambda: system.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
            own.stop()
            system.wait_until(lambda: told(receiver, "database_health"), what="the page")
            ((kind, page, page_id),) = told(receiver, "database_health")
            assert (kind, page["alert_id"]) == ("alert.firing", page_id)
            assert page_id == f"database_health:{page['since']}"
            shown = system.get("/api/status")
            (issue,) = shown["issues"]
            assert (shown["status"], issue["type"], issue["rule_id"]) == ("outage", "error", "database_health")
            apart = datetime.fromisoformat(issue["since"]) - datetime.fromisoformat(page["since"])
            assert abs(apart) < timedelta(seconds=60)
            time.sleep(5)
            assert len(told(receiver, "database_health")) == 1, "it goes on being down, and is not told again"
            assert system.get("/api/status")["issues"][0]["since"] == issue["since"]
            own = postgres.start(folder / "own", FAST)
            system.wait_until(lambda: len(told(receiver, "database_health")) == 2, 60, "the all-clear")
            time.sleep(5)
            kinds = [(kind, data["alert_id"]) for kind, data, _id in told(receiver, "database_health")]
            assert kinds == [("alert.firing", page_id), ("alert.resolved", page_id)]
            (alert,) = system.get("/api/alerts?rule_id=database_health")["items"]
            detail = system.get(f"/api/alerts/{alert['id']}")
            assert (detail["state"], detail["service"]) == ("resolved", "database")
            assert datetime.fromisoformat(detail["started_at"]) == datetime.fromisoformat(page["since"])
            assert detail["timeline"][0]["kind"] == "firing"
            sent = {(row["channel"], row["kind"]) for row in detail["deliveries"] if row["state"] == "sent"}
            assert {("webhook", "alert.firing"), ("webhook", "alert.resolved"), ("database", "alert.firing")} <= sent
            assert page_id in {row["message_id"] for row in detail["deliveries"]}
            assert "database_health" not in json.dumps(system.get("/api/status")["issues"])
    finally:
        own.stop()


def test_product_postgresql_stop_makes_its_figures_unknown(folder: Path) -> None:
    product = postgres.start(folder / "product", FAST)
    try:
        with (
            Receiver() as receiver,
            running_system(2, folder / "system", environ(receiver, PRODUCT_DATABASE_URL=product.dsn)) as system,
        ):
            system.wait_until(lambda: system.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
            product.stop()
            system.wait_until(lambda: told(receiver, "product_database_down"), what="the page")
            health = system.get("/api/health")
            assert health["services"]["database"]["status"] == "healthy"
            assert health["queue"]["pending"] is None
            assert health["unknown"]["queue.pending"]["message"] == "the product's database does not respond"
            status = system.get("/api/status")
            assert {"type": "error", "rule_id": "product_database_down"}.items() <= status["issues"][0].items()
            assert system.get("/api/metrics/errors")["summary"]["total_24h"] == 0, "our own figures are known"
            product = postgres.start(folder / "product", FAST)
            system.wait_until(lambda: len(told(receiver, "product_database_down")) == 2, 60, "the all-clear")
            assert [kind for kind, _data, _id in told(receiver, "product_database_down")] == ["alert.firing", "alert.resolved"]
            assert told(receiver, "monitor_blind") == []
    finally:
        product.stop()
