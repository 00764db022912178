"""The running local system as the demo sees it: its API, its inbox, and a cycle whenever one is wanted."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from local.inbox import FILE

T = TypeVar("T")
PATIENCE_S = 180.0
_CYCLE_EVERY_S = 3.0


class DemoError(Exception):
    """The demo cannot go on; the text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class LocalSystem:
    """Where it is and who may act; the fields of run.json that the demo needs."""

    url: str
    admin_token: str
    dsn: str
    ingest_key: str
    database_url: str
    pid: int
    data_dir: Path
    # Alerts that fired before the demo began are none of its business.
    earlier: frozenset[str] = frozenset()

    def call(self, path: str, body: Any = None, token: str | None = None) -> Any:
        """The answer's JSON. Raises DemoError where the system refuses or is away."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {token or self.admin_token}", "content-type": "application/json"}
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=30) as answer:  # noqa: S310
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise DemoError(f"{path} answered {error.code}") from None
        except OSError:
            raise DemoError(f"the system at {self.url} does not answer any more") from None

    def get(self, path: str) -> Any:
        """The answer of a GET."""
        return self.call(path)

    def cycle(self) -> None:
        """Start a cycle of the monitor now."""
        os.kill(self.pid, signal.SIGUSR1)

    def firing_alerts(self) -> list[dict[str, Any]]:
        """The alerts that fire, newest first; left out is what is only good to know, and what fired before the demo."""
        found: list[dict[str, Any]] = self.get("/api/alerts?state=firing&limit=200")["items"]
        return [alert for alert in found if alert["level"] != "info" and alert["id"] not in self.earlier]

    def firing(self) -> list[str]:
        """Ids of the rules that fire."""
        return sorted({alert["rule_id"] for alert in self.firing_alerts()})

    def firing_earlier(self) -> set[str]:
        """Ids of the rules whose alerts fired before the demo, and still do."""
        found = self.get("/api/alerts?state=firing&limit=200")["items"]
        return {alert["rule_id"] for alert in found if alert["id"] in self.earlier}

    def told(self, rule_ids: Sequence[str]) -> dict[str, Any] | None:
        """A firing alert of one of the rules that follows from no other."""
        found = self.firing_alerts()
        return next((alert for alert in found if alert["rule_id"] in rule_ids and not alert["suppressed_by"]), None)

    def webhook(self, alert_id: str) -> dict[str, Any] | None:
        """The line of the inbox with the signed webhook of an alert."""
        file = self.data_dir / FILE
        for text in reversed(file.read_text().splitlines() if file.is_file() else []):
            line: dict[str, Any] = json.loads(text)
            if line["is_signed"] and line["message"].get("data", {}).get("alert_id") == str(alert_id):
                return line
        return None

    def was_told_lately(self, alert: Mapping[str, Any]) -> bool:
        """Whether an earlier alert of the same rule was told so lately that this one is not, by the rule's cooldown."""
        rule_id, alert_id = alert["rule_id"], alert["id"]
        rules = self.get("/api/rules?limit=200")["items"]
        cooldown = timedelta(minutes=next(rule["cooldown_minutes"] for rule in rules if rule["id"] == rule_id))
        since = (datetime.now(UTC) - cooldown).isoformat()
        alerts = self.get(f"/api/alerts?rule_id={rule_id}&limit=20")["items"]
        ends = [alert["resolved_at"] for alert in alerts if alert["id"] != alert_id and alert["resolved_at"]]
        return any(end > since for end in ends)

    def eventually(self, look: Callable[[], T | None], failure: Callable[[], str]) -> T:
        """What `look` finds, with a cycle every few seconds until it does. Raises DemoError with what `failure` then says."""
        deadline = time.monotonic() + PATIENCE_S
        due = 0.0
        while not (found := look()):
            if time.monotonic() > deadline:
                raise DemoError(failure())
            if time.monotonic() > due:
                self.cycle()
                due = time.monotonic() + _CYCLE_EVERY_S
            time.sleep(0.3)
        return found


def connect(data_dir: Path) -> LocalSystem:
    """The system that runs on a data folder. Raises DemoError where none does."""
    file = data_dir / "run.json"
    if not file.is_file():
        raise DemoError(f"no system runs on {data_dir}: type `make run` in another terminal first")
    facts = json.loads(file.read_text())
    names = ("url", "admin_token", "dsn", "ingest_key", "database_url", "pid")
    system = LocalSystem(**{name: facts[name] for name in names}, data_dir=data_dir)
    return replace(system, earlier=frozenset(alert["id"] for alert in system.firing_alerts()))
