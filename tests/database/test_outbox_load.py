"""The outbox under load: a channel that was dead for a day, two senders, one of them killed, and thousands of deliveries."""

import json
import multiprocessing
import os
import signal
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2.extras import Json

from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.notifications.notification import dump_notification
from callwatch.db import connection, execute, fetch_all
from callwatch.settings import reset_settings
from tests.support.sample_notification import notification
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC)
OF_AN_INCIDENT = 10
NAMES = ("DATABASE_URL", "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "WEBHOOK_ALLOWED_NETWORKS")


def fill(count: int) -> None:
    """Queue deliveries of many incidents, which are interleaved; those of one are about two alerts in turn."""
    incidents = count // OF_AN_INCIDENT
    payload = dump_notification(notification())
    with connection() as conn:
        execute(
            conn,
            """INSERT INTO callwatch.alerts (alert_key, rule_id, title, level, state, message, started_at, runbook_url)
               SELECT 'k' || n, 'r', 'R', 'error', 'resolved', 'm', now(), '' FROM generate_series(1, %s) AS n""",
            (2 * incidents,),
        )
        execute(
            conn,
            """INSERT INTO callwatch.incidents (state, title, sentence, level, started_at, resolved_at, cause_alert_id)
               SELECT 'resolved', 'I', 's', 'error', now(), now(), n FROM generate_series(1, %s) AS n""",
            (incidents,),
        )
        execute(
            conn,
            """INSERT INTO callwatch.deliveries (alert_id, incident_id, channel, kind, message_id, payload, due_at)
               SELECT 2 * incident - turn %% 2, incident, 'webhook', 'alert.firing', 'msg_' || incident || '_' || turn,
                   %s::jsonb || jsonb_build_object(
                       'labels', jsonb_build_object('incident', incident::text, 'turn', turn::text)), %s
               FROM generate_series(1, %s) AS turn, generate_series(1, %s) AS incident ORDER BY turn, incident""",
            (Json(payload), NOW, OF_AN_INCIDENT, incidents),
        )
        conn.commit()


def send(environ: dict[str, str], now: datetime) -> None:
    os.environ.update(environ)
    reset_settings()
    # While the other sender tries the channel that was dead, this one is held; the next cycle of a real one comes by itself.
    while deliver_due(now, 100).held:
        time.sleep(0.1)


def states() -> Counter[str]:
    with connection() as conn:
        return Counter(row["state"] for row in fetch_all(conn, "SELECT state FROM callwatch.deliveries"))


def told(receiver: Receiver) -> list[tuple[str, int, str]]:
    """Return incident, turn and webhook-id of each request that was answered with 200, in order of arrival."""
    found = []
    for request in list(receiver.received):
        labels = json.loads(request.body)["data"]["labels"]
        found.append((labels["incident"], int(labels["turn"]), request.headers["webhook-id"]))
    return found


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.long)])
def test_thousands_wait_for_a_day_and_none_is_lost(database: str, webhook: Receiver, count: int) -> None:
    fill(count)
    webhook.default = Scripted(503)
    for half_hour in range(48):
        deliver_due(NOW + timedelta(minutes=30 * half_hour), 5)
    assert states() == {"due": count}, "a breaker holds them, and uses up no attempts"
    webhook.default = Scripted(200)
    webhook.received.clear()
    later = NOW + timedelta(hours=24, minutes=10)
    context = multiprocessing.get_context("spawn")
    environ = {name: os.environ[name] for name in NAMES}
    senders = [context.Process(target=send, args=(environ, later)) for _each in range(2)]
    for sender in senders:
        sender.start()
    killed = senders[0]
    wait_for(lambda: len(webhook.received) >= count // 10, 100)
    assert killed.is_alive()
    assert killed.pid
    os.kill(killed.pid, signal.SIGKILL)
    for sender in senders:
        sender.join(120)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.deliveries SET claimed_until = now() - interval '1 second' WHERE state = 'due'")
        conn.commit()
    for _round in range(20):
        if not states()["due"]:
            break
        deliver_due(later + timedelta(minutes=10), 60)
    check(webhook, count)


def check(webhook: Receiver, count: int) -> None:
    """Each is sent; those in the killed sender's hand maybe twice, under their ids; those of an incident in their order."""
    assert states() == {"sent": count}
    found = told(webhook)
    repeated = Counter(message_id for _incident, _turn, message_id in found)
    assert len(repeated) == count
    assert sum(repeated.values()) - count <= 50, "at most the batch of the killed sender is sent again, under the same ids"
    last: dict[str, int] = {}
    for incident, turn, _message_id in found:
        assert turn >= last.get(incident, 0), "the order of an incident"
        last[incident] = turn


def wait_for(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
