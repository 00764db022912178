"""Plays an incident that escalates: routes, rules and simulated minutes on a real database; and writes what was sent."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.incidents.actions import act_on_incident
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.db import connection, fetch_all, reset_pool
from callwatch.models.sample import Sample
from callwatch.settings import get_settings, reset_settings
from tests.support.scripted_receiver import Receiver

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NAMES = ("quota", "lag", "late")
METRICS = frozenset(f"test.{name}" for name in NAMES)
PATHS = {"/hook": "webhook", "/v2/enqueue": "pagerduty"}
STEPS = (
    {"after_s": 300, "channels": ["pagerduty"]},
    {"after_s": 900, "channels": ["opsgenie", "webhook"]},
    {"after_s": 1680, "channels": ["pagerduty", "webhook"]},
)


def prepare(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, folder: Path, steps: Sequence[Any] = STEPS) -> None:
    """Put a route with an escalation in force, and rules of which one is the cause of another."""
    base = receiver.url.rpartition("/")[0]
    for name, value in (
        ("PAGERDUTY_API_URL", base), ("PAGERDUTY_ROUTING_KEY", "key"), ("OPSGENIE_API_URL", base), ("OPSGENIE_API_KEY", "key"),
        ("ROUTES_FILE", str(folder / "routes.json")),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    (folder / "routes.json").write_text(
        json.dumps([{"name": "default", "channels": ["webhook"], "repeat_s": {"critical": None}, "escalation": steps}])
    )
    reset_settings()
    causes = {"lag": ("quota",), "quota": ("late",)}
    for name, title in (("quota", "OpenAI quota used up"), ("lag", "Analyses wait"), ("late", "Own network is down")):
        alert_manager.add_rule(
            AlertRule(
                name, title, AlertLevel.CRITICAL if name != "lag" else AlertLevel.WARNING, [AlertChannel.LOG],
                [Condition(f"test.{name}", ">", 10)], cooldown_minutes=5, depends_on=causes.get(name, ()),
            )
        )  # fmt: skip


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def cycle(minute: float, *firing: str, is_committed: bool = True) -> None:
    """Evaluate one minute; without is_committed the process dies before its transaction ends."""
    samples = [Sample(f"test.{name}", 20.0 if name in firing else 1.0) for name in NAMES]
    with connection() as conn:
        evaluate_rules(conn, samples, at(minute), only_metrics=METRICS)
        if is_committed:
            conn.commit()
        else:
            conn.rollback()
    if is_committed:
        deliver_due(at(minute), 5)


def restart() -> None:
    """Forget everything that a process remembers."""
    reset_pool()
    reset_settings()


def act(verb: str, minute: float, **said: str) -> None:
    """Let ana act on the open incident."""
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT id FROM callwatch.incidents WHERE state = 'open'")
        act_on_incident(conn, str(row["id"]), verb, said, "ana", get_settings(), at(minute))
        conn.commit()
    deliver_due(at(minute), 5)


class Transcript:
    """What each channel received, by simulated minute."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.seen = receiver, 0
        self.lines: list[str] = []

    def note(self, minute: float, what: str = "") -> None:
        """Add what happened, and what was received since the last call."""
        clock = f"{at(minute):%H:%M}"
        if what:
            self.lines.append(f"{clock}  {what}")
        found = list(self.receiver.received)[self.seen :]
        self.seen += len(found)
        self.lines += sorted(f"{clock}    -> {describe(each)}" for each in found)


def describe(request: Any) -> str:
    """Describe a request as its channel shows it."""
    body = json.loads(request.body)
    channel = PATHS.get(request.path, "opsgenie")
    if channel == "webhook":
        first = body["data"]["message"].splitlines()[0]
        return f"webhook: {body['type']}: {first}"
    if channel == "pagerduty":
        return f"pagerduty: {body['event_action']}: {body['payload']['summary']}"
    return f"opsgenie: {request.path.partition('?')[0].rpartition('/')[2]}: {body.get('message') or body.get('note', '')}"
