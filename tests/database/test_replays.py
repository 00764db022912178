"""Replays: a signed request through the outbox, its history, and what is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from callwatch.alerts.evaluation.silences import Silences, load_silences
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.notifications.muted import find_muted_deliveries
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.silences import add_silence, list_silences_in_force
from callwatch.db.product_queries.replays import delete_replays_before
from callwatch.exceptions import Conflict, Invalid
from callwatch.models.shapes.product.items import AcceptedReplay
from callwatch.reports.items.replays import accept_replay, read_replays_of_item, read_replays_of_stage
from callwatch.settings import get_settings, reset_settings
from functions import replay_items
from tests.database.conftest import WEBHOOK_SECRET
from tests.support.api_shapes import check_shape
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC)
CALL = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def target(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """Configure the target of replays, and return its receiver."""
    monkeypatch.setenv("REPLAY_URL", receiver.url)
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", WEBHOOK_SECRET)
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    reset_settings()
    return receiver


def send(**given: Any) -> AcceptedReplay:
    with connection() as conn:
        found = accept_replay(
            conn, "transcriptions", {"ids": [CALL], "reason": "vendor was down", **given}, "ana", get_settings(), NOW
        )
        conn.commit()
    check_shape(AcceptedReplay, found)
    return found


def test_replay_arrives_signed_and_is_kept(database: str, target: Receiver) -> None:
    ids = [CALL, str(uuid4()), CALL]
    accepted = send(ids=ids, reason="call +1 202 555 0100 again")
    assert (accepted["accepted"], accepted["state"]) == (2, "due")
    assert deliver_due(NOW, 5.0).sent == 1
    (received,) = target.received
    body = Webhook(WEBHOOK_SECRET).verify(received.body, received.headers)
    assert body == json.loads(received.body)
    assert body["type"] == "pipeline.replay"
    assert received.headers["webhook-id"] == accepted["message_id"]
    assert (body["data"]["stage"], body["data"]["ids"], body["data"]["actor"]) == ("transcriptions", ids[:2], "ana")
    assert "555" not in body["data"]["reason"]
    (kept,) = read_replays_of_stage("transcriptions")[0] or []
    assert (kept["actor"], kept["reason"], kept["count"], kept["state"]) == ("ana", body["data"]["reason"], 2, "sent")
    assert read_replays_of_stage("recordings")[0] == []
    assert len(read_replays_of_item(CALL)[0] or []) == 1
    assert read_replays_of_item(str(uuid4()))[0] == []


def test_failed_replay_is_retried_under_its_id(database: str, target: Receiver) -> None:
    target.script.append(Scripted(503))
    accepted = send()
    assert deliver_due(NOW, 5.0).postponed == 1
    assert deliver_due(NOW + timedelta(hours=1), 5.0).sent == 1
    assert {received.headers["webhook-id"] for received in target.received} == {accepted["message_id"]}


def test_refused_replay_shows_why(database: str, target: Receiver) -> None:
    target.script.append(Scripted(422, {"content-type": "application/json"}, b'{"message": "no such stage"}'))
    send()
    assert deliver_due(NOW, 5.0).failed == 1
    (kept,) = read_replays_of_stage("transcriptions")[0] or []
    assert kept["state"] == "failed"
    assert "422" in str(kept["last_error"])


def test_silence_and_evaluation_leave_a_waiting_replay_alone(database: str, target: Receiver) -> None:
    send()
    with connection() as conn:
        add_silence(conn, {"rule_id": "stuck_jobs"}, "test", "ana", NOW, NOW + timedelta(hours=1))
        assert find_muted_deliveries(conn, Silences(load_silences(list_silences_in_force(conn, NOW), NOW))) == []
        conn.commit()
    assert deliver_due(NOW, 5.0).sent == 1


@pytest.mark.parametrize(
    "ids",
    [
        None,
        [],
        "x",
        [1],
        [None],
        [""],
        ["a b"],
        ["x" * 65],
        ["Jane Doe"],
        ["+12025550100"],
        ["2025550100"],
        ["\x00"],
        [CALL] * 501,
    ],
)
def test_ids_that_cannot_be_used_are_named(database: str, target: Receiver, ids: Any) -> None:
    with pytest.raises(Invalid) as caught:
        send(ids=ids)
    assert caught.value.field.startswith("ids")
    with connection() as conn:
        assert fetch_all(conn, "SELECT 1 FROM callwatch.deliveries") == []


@pytest.mark.parametrize("given", [[], None, 7, {"ids": [CALL]}, {"ids": [CALL], "reason": " "}])
def test_replay_needs_a_reason(database: str, target: Receiver, given: Any) -> None:
    with connection() as conn, pytest.raises(Invalid):
        accept_replay(conn, "transcriptions", given, "ana", get_settings(), NOW)


def test_replay_without_a_target_is_a_clear_conflict(database: str) -> None:
    with pytest.raises(Conflict, match="REPLAY_URL") as caught:
        send()
    assert caught.value.code == "not_configured"


def test_function_checks_role_and_stage(database: str, target: Receiver) -> None:
    with open("events/replay_items.json") as file:
        event = json.load(file)
    assert replay_items.lambda_handler(event, None)["statusCode"] == 202
    event["pathParameters"]["stage"] = "nowhere"
    assert replay_items.lambda_handler(event, None)["statusCode"] == 404
    event["requestContext"]["authorizer"]["lambda"]["role"] = "viewer"
    assert replay_items.lambda_handler(event, None)["statusCode"] == 403
    with connection() as conn:
        assert len(fetch_all(conn, "SELECT 1 FROM callwatch.replays")) == 1


def test_old_replays_are_forgotten(database: str, target: Receiver) -> None:
    send()
    with connection() as conn:
        execute(conn, "UPDATE callwatch.replays SET at = at - interval '100 days'")
        assert delete_replays_before(conn, NOW - timedelta(days=90)) == 1
