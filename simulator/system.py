"""The demo's client of the running local system: its API, its inbox, and cycles on demand."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import requests

from local.lent_settings import is_lent, write_lent
from local.webhook_inbox import FILE

T = TypeVar("T")
PATIENCE_S = 180.0
_CYCLE_EVERY_S = 3.0
_CONFIGURED_WITHIN_S = 30.0


class DemoError(Exception):
    """The demo cannot continue; the text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class LocalSystem:
    """Addresses and tokens: the fields of run.json that the demo needs."""

    url: str
    admin_token: str
    dsn: str
    ingest_key: str
    database_url: str
    pid: int
    data_dir: Path
    # Ignore alerts that fired before the demo began.
    earlier: frozenset[str] = frozenset()

    def call(self, path: str, body: Any = None, token: str | None = None) -> Any:
        """Return the JSON of a response. Raises DemoError if the system rejects the request or is down."""
        headers = {"authorization": f"Bearer {token or self.admin_token}"}
        try:
            response = requests.request(
                "GET" if body is None else "POST", self.url + path, json=body, headers=headers, timeout=30
            )
        except requests.RequestException:
            raise DemoError(f"the system at {self.url} no longer responds") from None
        if not response.ok:
            raise DemoError(f"{path} responded with {response.status_code}")
        return response.json()

    def get(self, path: str) -> Any:
        """Return the response of a GET."""
        return self.call(path)

    def run_cycle(self) -> None:
        """Start a cycle of the monitor now."""
        os.kill(self.pid, signal.SIGUSR1)

    def list_vendors(self) -> list[str]:
        """Return the vendors that are configured."""
        services = self.get("/api/health")["services"]
        return sorted(name for name, each in services.items() if name != "database" and each["reason"] != "not_configured")

    def set_vendors(self, settings: Mapping[str, str]) -> None:
        """Lend the system settings of vendors ({}: take them back), and wait until it uses them. Raises DemoError on timeout."""
        if not settings and not is_lent(self.data_dir):
            return
        write_lent(self.data_dir, settings)
        os.kill(self.pid, signal.SIGUSR2)
        deadline = time.monotonic() + _CONFIGURED_WITHIN_S
        while bool(self.list_vendors()) is not bool(settings):
            if time.monotonic() > deadline:
                raise DemoError("the system does not take other vendors; its output says why")
            time.sleep(0.2)

    def list_firing_alerts(self) -> list[dict[str, Any]]:
        """Return firing alerts, newest first, except informational ones and those from before the demo."""
        found: list[dict[str, Any]] = self.get("/api/alerts?state=firing&limit=200")["items"]
        return [alert for alert in found if alert["level"] != "info" and alert["id"] not in self.earlier]

    def list_firing(self) -> list[str]:
        """Return the ids of firing rules."""
        return sorted({alert["rule_id"] for alert in self.list_firing_alerts()})

    def list_firing_earlier(self) -> set[str]:
        """Return the ids of rules whose alerts fired before the demo and still fire."""
        found = self.get("/api/alerts?state=firing&limit=200")["items"]
        return {alert["rule_id"] for alert in found if alert["id"] in self.earlier}

    def find_told(self, rule_ids: Sequence[str]) -> dict[str, Any] | None:
        """Return a firing alert of one of the rules that nothing inhibits."""
        found = self.list_firing_alerts()
        return next((alert for alert in found if alert["rule_id"] in rule_ids and not alert["suppressed_by"]), None)

    def find_webhook(self, alert_id: str) -> dict[str, Any] | None:
        """Return the inbox line with the signed webhook of an alert, alone or as one of a group."""
        file = self.data_dir / FILE
        for text in reversed(file.read_text().splitlines() if file.is_file() else []):
            line: dict[str, Any] = json.loads(text)
            data = line["message"].get("data", {})
            named = [data, *data.get("alerts", ())]
            if line["is_signed"] and str(alert_id) in [alert.get("alert_id") for alert in named]:
                return line
        return None

    def is_sent_elsewhere(self, alert_id: str) -> bool:
        """Return whether an alert's webhook was delivered to an ALERT_WEBHOOK_URL of a person, so that no inbox has it."""
        deliveries = self.get(f"/api/alerts/{alert_id}")["deliveries"]
        is_sent = any(each["channel"] == "webhook" and each["state"] == "sent" for each in deliveries)
        file = self.data_dir / FILE
        # The inbox writes its line before it responds.
        return is_sent and (not file.is_file() or f'"alert_id": "{alert_id}"' not in file.read_text())

    def is_in_cooldown(self, alert: Mapping[str, Any]) -> bool:
        """Return whether the rule's cooldown, from an earlier notification, holds this alert back."""
        rule_id, alert_id = alert["rule_id"], alert["id"]
        rules = self.get("/api/rules?limit=200")["items"]
        cooldown = timedelta(minutes=next(rule["cooldown_minutes"] for rule in rules if rule["id"] == rule_id))
        since = (datetime.now(UTC) - cooldown).isoformat()
        alerts = self.get(f"/api/alerts?rule_id={rule_id}&limit=20")["items"]
        ends = [alert["resolved_at"] for alert in alerts if alert["id"] != alert_id and alert["resolved_at"]]
        return any(end > since for end in ends)

    def wait_until(self, look: Callable[[], T | None], failure: Callable[[], str]) -> T:
        """Return the result of `look`, with a cycle every few seconds until it is true. Raises DemoError on timeout."""
        deadline = time.monotonic() + PATIENCE_S
        due = 0.0
        while not (found := look()):
            if time.monotonic() > deadline:
                raise DemoError(failure())
            if time.monotonic() > due:
                self.run_cycle()
                due = time.monotonic() + _CYCLE_EVERY_S
            time.sleep(0.3)
        return found


def connect(data_dir: Path) -> LocalSystem:
    """Return the system that runs on a data folder. Raises DemoError if none does."""
    file = data_dir / "run.json"
    if not file.is_file():
        raise DemoError(f"no system runs on {data_dir}: type `make run` in another terminal first")
    samples = json.loads(file.read_text())
    names = ("url", "admin_token", "dsn", "ingest_key", "database_url", "pid")
    system = LocalSystem(**{name: samples[name] for name in names}, data_dir=data_dir)
    return replace(system, earlier=frozenset(alert["id"] for alert in system.list_firing_alerts()))
