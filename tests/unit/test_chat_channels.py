"""What Teams, Discord, Telegram, ntfy and Opsgenie are sent: paths, keys, states, and nothing that acts by itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from callwatch.alerts.notifications.channels import find_sender
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed, clean_error
from callwatch.alerts.notifications.notification import Notification
from callwatch.settings import Settings, load_settings
from tests.support.sample_notification import notification
from tests.support.scripted_receiver import Received, Receiver, Scripted


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def settings(receiver: Receiver) -> Settings:
    base = receiver.url.rpartition("/")[0]
    return load_settings(
        {
            "TEAMS_ALERT_WEBHOOK": f"{base}/workflows/abc?sig=hidden-signature-0001", "TELEGRAM_API_URL": base,
            "DISCORD_ALERT_WEBHOOK": f"{base}/api/webhooks/1/hidden-discord-token", "TELEGRAM_BOT_TOKEN": "123:hidden-bot-token",
            "TELEGRAM_CHAT_ID": "-100123", "NTFY_URL": f"{base}/folder/alerts", "NTFY_TOKEN": "tk_hidden",
            "OPSGENIE_API_URL": base, "OPSGENIE_API_KEY": "hidden-genie-key", "STAGE": "prod",
        }
    )  # fmt: skip


def send(channel: str, settings: Settings, given: Notification) -> None:
    find_sender(channel)(given, "msg_1", settings, 5.0)


def sent(channel: str, settings: Settings, receiver: Receiver, given: Notification) -> tuple[Received, Any]:
    send(channel, settings, given)
    (request,) = receiver.received
    return request, json.loads(request.body)


def test_teams_gets_a_card_without_markdown_of_strangers(settings: Settings, receiver: Receiver) -> None:
    given = notification(title="a_b_c", summary="see [here](http://evil) *now*", labels={"stage": "`x`"})
    request, body = sent("teams", settings, receiver, given)
    assert request.path == "/workflows/abc?sig=hidden-signature-0001"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], [action["title"] for action in card["actions"]]) == ("AdaptiveCard", ["Dashboard", "Runbook"])
    shown = json.dumps(card["body"])
    assert "](http" not in shown
    assert r"a\\_b\\_c" in shown
    assert {fact["title"] for fact in card["body"][-1]["facts"]} == {"Measured", "Threshold", "Since", "Stage"}
    assert card["body"][0]["style"] == "attention"


def test_discord_gets_an_embed_that_mentions_nobody(settings: Settings, receiver: Receiver) -> None:
    request, body = sent("discord", settings, receiver, notification("alert.resolved", title="@everyone"))
    assert request.path == "/api/webhooks/1/hidden-discord-token"
    assert body["allowed_mentions"] == {"parse": []}
    (embed,) = body["embeds"]
    assert (embed["title"], embed["color"]) == ("[RESOLVED] @everyone: openai (was critical)", 0x067647)
    assert embed["url"].endswith("#/alerts/7")


def test_telegram_gets_plain_text_and_no_sound_at_the_end(settings: Settings, receiver: Receiver) -> None:
    request, body = sent("telegram", settings, receiver, notification("alert.resolved"))
    assert request.path == "/bot123:hidden-bot-token/sendMessage"
    assert (body["chat_id"], body["disable_notification"], "parse_mode" in body) == ("-100123", True, False)
    assert body["text"].startswith("[RESOLVED] Service down: openai")
    assert "Dashboard: https://ops.example.com/" in body["text"]


def test_ntfy_gets_the_topic_of_its_url(settings: Settings, receiver: Receiver) -> None:
    request, body = sent("ntfy", settings, receiver, notification())
    assert (request.path, request.headers["authorization"]) == ("/folder/", "Bearer tk_hidden")
    assert (body["topic"], body["priority"], body["tags"]) == ("alerts", 5, ["rotating_light"])
    assert body["click"].endswith("#/alerts/7")
    assert [action["label"] for action in body["actions"]] == ["Dashboard", "Runbook"]


def test_opsgenie_opens_acknowledges_and_closes_one_alert(settings: Settings, receiver: Receiver) -> None:
    for kind in ("alert.firing", "alert.acknowledged", "alert.resolved"):
        send("opsgenie", settings, notification(kind, actor="ana", reason="seen"))
    opened, acknowledged, closed = receiver.received
    assert {request.headers["authorization"] for request in receiver.received} == {"GenieKey hidden-genie-key"}
    body = json.loads(opened.body)
    assert (opened.path, body["alias"], body["priority"], body["entity"]) == ("/v2/alerts", "callwatch:prod:7", "P1", "openai")
    assert acknowledged.path == "/v2/alerts/callwatch%3Aprod%3A7/acknowledge?identifierType=alias"
    assert json.loads(acknowledged.body)["user"] == "ana"
    assert closed.path == "/v2/alerts/callwatch%3Aprod%3A7/close?identifierType=alias"


def test_an_opsgenie_test_leaves_nothing_open(settings: Settings, receiver: Receiver) -> None:
    send("opsgenie", settings, notification("alert.test", alert_id="test-1", actor="ana", reason="try"))
    assert [request.path.rpartition("/")[2] for request in receiver.received] == ["alerts", "close?identifierType=alias"]
    assert json.loads(receiver.received[0].body)["priority"] == "P5"


@pytest.mark.parametrize("channel", ["teams", "discord", "telegram", "ntfy", "opsgenie"])
def test_a_refusal_is_explained_without_the_secret(channel: str, settings: Settings, receiver: Receiver) -> None:
    secrets = ("hidden-signature-0001", "hidden-discord-token", "123:hidden-bot-token", "tk_hidden", "hidden-genie-key")
    said = json.dumps({"message": f"no way: {' '.join(secrets)}"}).encode()
    receiver.script.append(Scripted(403, {"content-type": "application/json"}, body=said))
    with pytest.raises(DeliveryFailed) as caught:
        send(channel, settings, notification())
    assert (caught.value.is_permanent, caught.value.is_channel_wide) == (True, True)
    text = clean_error(str(caught.value), settings)
    assert "403: no way" in text
    assert not [secret for secret in secrets if secret in text]


def test_telegram_names_its_reason(settings: Settings, receiver: Receiver) -> None:
    body = b'{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}'
    receiver.script.append(Scripted(400, {"content-type": "application/json"}, body=body))
    with pytest.raises(DeliveryFailed, match="chat not found"):
        send("telegram", settings, notification())
