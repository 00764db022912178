"""Random storms, silences and broken channels on a real outbox: the receiver's view keeps every guarantee."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection, fetch_all
from callwatch.models.sample import Sample
from callwatch.settings import get_settings
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC).replace(microsecond=0)
METRICS = {"cause": "test.cause", "down": "test.down", "slow": "test.slow"}
LEVELS = {"cause": AlertLevel.CRITICAL, "down": AlertLevel.CRITICAL, "slow": AlertLevel.WARNING}
COUNT = 8
CYCLES = 40
Key = tuple[str, str]


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, metric in METRICS.items():
        alert_manager.add_rule(
            AlertRule(
                name, name.title(), LEVELS[name], (AlertChannel.LOG, AlertChannel.WEBHOOK), (Condition(metric, ">", 10),),
                cooldown_minutes=5, depends_on=("cause",) if name == "down" else (),
            )
        )  # fmt: skip
    yield
    alert_manager._added.clear()


class Play:
    """Cycles under random faults; heard: accepted notifications of each alert, in order; seen: their ids."""

    def __init__(self, seed: int, receiver: Receiver) -> None:
        self.random = random.Random(seed)
        self.receiver = receiver
        self.heard: dict[str, list[str]] = {}
        self.muted_until: dict[Key, datetime] = {}
        self.bad: set[Key] = set()
        self.seen: set[str] = set()

    def cycle(self, minute: int, is_calm: bool = False) -> None:
        at = NOW + timedelta(minutes=minute)
        if is_calm:
            self.bad = set()
            self.receiver.default = Scripted(200)
        else:
            self._change(at)
        samples = [
            Sample(metric, 20.0 if (name, f"s{n}") in self.bad else 1.0, None, {"service": f"s{n}"})
            for name, metric in METRICS.items()
            for n in range(COUNT)
        ]
        with connection() as conn:
            evaluate_rules(conn, samples, at, only_metrics=frozenset(METRICS.values()))
            conn.commit()
        deliver_due(at, 5)
        with connection() as conn:
            sent = {
                row["message_id"] for row in fetch_all(conn, "SELECT message_id FROM callwatch.deliveries WHERE state = 'sent'")
            }
        # A retry has the same id; the last one was accepted, and a silence may have removed part of it.
        arrived: dict[str, bytes] = {}
        for request in list(self.receiver.received):
            message_id = request.headers["webhook-id"]
            arrived.pop(message_id, None)
            arrived[message_id] = request.body
        for message_id, body in arrived.items():
            if message_id in sent and message_id not in self.seen:
                self.seen.add(message_id)
                self._hear(json.loads(body), at)

    def _change(self, at: datetime) -> None:
        every = [(name, f"s{n}") for name in METRICS for n in range(COUNT)]
        if self.random.random() < 0.5:
            name = self.random.choice(list(METRICS))
            hit = {key for key in every if key[0] == name and self.random.random() < self.random.choice([0.2, 0.9])}
            self.bad = self.bad - hit if self.random.random() < 0.5 else self.bad | hit
        if self.random.random() < 0.25:
            self.receiver.default = Scripted(self.random.choice([200, 503]))
        if self.random.random() < 0.15:
            name, service = self.random.choice(every)
            ends_at = at + timedelta(minutes=self.random.randint(1, 12))
            given = {"matchers": {"rule_id": name, "service": service}, "reason": "w", "ends_at": ends_at.isoformat()}
            with connection() as conn:
                create_silence(conn, given, "ana", get_settings(), at)
                conn.commit()
            self.muted_until[name, service] = max(ends_at, self.muted_until.get((name, service), ends_at))

    def _hear(self, body: dict[str, Any], at: datetime) -> None:
        data = body["data"]
        single = {**data, "state": body["type"].removeprefix("alert.")}
        for each in data.get("alerts", [single]):
            key = (each["rule_id"], each["service"])
            assert at >= self.muted_until.get(key, at), "nothing is sent during a silence"
            # Per alert, not per instance: a new alert may overtake the waiting all-clear of an older one.
            history = self.heard.setdefault(each["alert_id"], [])
            if each["state"] == "resolved":
                assert history[-1:] == ["firing"], "an all-clear follows what it clears"
            history.append(each["state"])


@pytest.mark.parametrize("seed", range(3))
def test_random_faults_keep_the_promises(seed: int, receiver: Receiver) -> None:
    play = Play(seed, receiver)
    for minute in range(CYCLES):
        play.cycle(minute)
    for minute in range(CYCLES, CYCLES + 60, 5):
        play.cycle(minute, is_calm=True)
    assert play.heard, "the history was not empty"
    assert {history[-1] for history in play.heard.values()} == {"resolved"}, "everybody hears of each end"
