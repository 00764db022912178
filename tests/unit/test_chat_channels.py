"""What each service of chats, phones and on-call duty is sent: paths, keys, states, and nothing that acts by itself."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from callwatch.alerts.notifications.channels import find_sender
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed, clean_error
from callwatch.alerts.notifications.notification import Member, Notification
from callwatch.alerts.notifications.retry_after import parse_retry_body
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
            "PUSHOVER_API_URL": base, "PUSHOVER_APP_TOKEN": "hidden-app-token", "PUSHOVER_USER_KEY": "hidden-user-key",
            "MATRIX_URL": base, "MATRIX_ACCESS_TOKEN": "hidden-matrix-token", "MATRIX_ROOM_ID": "!a/b:example.com",
            "ALERTMANAGER_URL": f"{base}/am/", "ALERTMANAGER_TOKEN": "hidden-am-token",
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


@pytest.mark.parametrize("channel", ["teams", "discord", "telegram", "ntfy", "opsgenie", "pushover", "matrix", "alertmanager"])
def test_a_refusal_is_explained_without_the_secret(channel: str, settings: Settings, receiver: Receiver) -> None:
    secrets = (
        *("hidden-signature-0001", "hidden-discord-token", "123:hidden-bot-token", "tk_hidden", "hidden-genie-key"),
        *("hidden-app-token", "hidden-user-key", "hidden-matrix-token", "hidden-am-token"),
    )
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


def test_jira_service_management_has_the_same_api_below_its_path(settings: Settings, receiver: Receiver) -> None:
    jsm = load_settings({"OPSGENIE_API_URL": f"{settings.opsgenie_api_url}/jsm/ops/integration", "OPSGENIE_API_KEY": "key"})
    send("opsgenie", jsm, notification())
    send("opsgenie", jsm, notification("alert.resolved"))
    paths = [request.path for request in receiver.received]
    assert paths[0] == "/jsm/ops/integration/v2/alerts"
    assert paths[1].startswith("/jsm/ops/integration/v2/alerts/callwatch%3Alocal%3A7/close?")


def test_pushover_repeats_until_confirmed_or_over(settings: Settings, receiver: Receiver) -> None:
    for kind in ("alert.firing", "alert.acknowledged", "alert.resolved"):
        send("pushover", settings, notification(kind, actor="ana", reason="seen"))
    paths = [request.path for request in receiver.received]
    cancel = "/1/receipts/cancel_by_tag/callwatch%3Aprod%3A7.json"
    assert paths == ["/1/messages.json", cancel, "/1/messages.json", cancel, "/1/messages.json"]
    first, _cancelled, second, *_rest = [json.loads(request.body) for request in receiver.received]
    assert (first["priority"], first["tags"], first["user"]) == (2, "callwatch:prod:7", "hidden-user-key")
    assert second["priority"] == 0


def test_matrix_is_sent_an_event_once_under_its_id(settings: Settings, receiver: Receiver) -> None:
    given = notification(title="<b>x</b>", summary="see <a href='http://evil'>here</a> & more")
    request, body = sent("matrix", settings, receiver, given)
    assert (request.method, request.headers["authorization"]) == ("PUT", "Bearer hidden-matrix-token")
    assert request.path == "/_matrix/client/v3/rooms/%21a%2Fb%3Aexample.com/send/m.room.message/msg_1"
    assert (body["msgtype"], body["format"]) == ("m.text", "org.matrix.custom.html")
    assert "&lt;b&gt;x&lt;/b&gt;" in body["formatted_body"]
    assert "<a href='http://evil'" not in body["formatted_body"]


def post_to_alertmanager(settings: Settings, receiver: Receiver, given: Notification) -> list[dict[str, Any]]:
    send("alertmanager", settings, given)
    found: list[dict[str, Any]] = json.loads(receiver.received[-1].body)
    return found


def test_an_alert_fires_and_ends_with_the_same_labels(settings: Settings, receiver: Receiver) -> None:
    (fired,) = post_to_alertmanager(
        settings, receiver, notification(labels={"service": "openai", "a-b": "x", "1st": "y", "no": ""})
    )
    request = receiver.received[0]
    assert (request.path, request.headers["authorization"]) == ("/am/api/v2/alerts", "Bearer hidden-am-token")
    assert fired["labels"] == {
        "alertname": "service_down", "severity": "critical", "callwatch_stage": "prod", "service": "openai", "a_b": "x",
        "label_1st": "y",
    }  # fmt: skip
    assert (fired["startsAt"], fired["endsAt"]) == ("2026-11-24T14:15:00Z", "2026-12-01T14:20:00Z")
    over = post_to_alertmanager(
        settings, receiver, notification("alert.resolved", labels={"service": "openai", "a-b": "x", "1st": "y"})
    )
    assert over[0]["labels"] == fired["labels"]
    assert {alert["endsAt"] for alert in over} == {"2026-11-24T14:20:00Z"}


def test_a_raised_alert_ends_at_its_old_level(settings: Settings, receiver: Receiver) -> None:
    alerts = post_to_alertmanager(settings, receiver, notification(level="error", occasion="raised"))
    ends = {alert["labels"]["severity"]: alert["endsAt"] > "2026-11-24T14:20:00Z" for alert in alerts}
    assert ends == {"error": True, "critical": False, "warning": False, "info": False}


def test_a_group_is_posted_as_its_alerts(settings: Settings, receiver: Receiver) -> None:
    members = tuple(
        Member(str(n), "service_down", "Service down", "error", "down", {"service": str(n)}, n == 2) for n in range(3)
    )
    alerts = post_to_alertmanager(settings, receiver, notification(members=members, count=3))
    assert [alert["labels"]["service"] for alert in alerts] == ["0", "1", "2"]
    assert [alert["endsAt"] > "2026-11-24T14:20:00Z" for alert in alerts] == [True, True, False]


def test_alerts_of_other_monitors_stay_apart_at_alertmanager(settings: Settings, receiver: Receiver) -> None:
    found = []
    for name in ("DiskFull", "DiskSlow"):
        labels = {"alertname": name, "severity": "page", "a-b": "1", "a.b": "2", "a_b": "3"}
        (alert,) = post_to_alertmanager(settings, receiver, notification(rule_id="external_critical", labels=labels))
        found.append(alert["labels"])
    assert [each["exported_alertname"] for each in found] == ["DiskFull", "DiskSlow"]
    ours = {"alertname": "external_critical", "severity": "critical", "callwatch_stage": "prod", "exported_severity": "page"}
    assert ours.items() <= found[0].items()
    assert [found[0][f"{lead}a_b"] for lead in ("", "exported_", "exported_exported_")] == ["1", "2", "3"]


def test_alertmanager_names_its_reason(settings: Settings, receiver: Receiver) -> None:
    receiver.script.append(Scripted(400, {"content-type": "application/json"}, body=b'"start time must be before end time"'))
    with pytest.raises(DeliveryFailed, match="400: start time must be"):
        send("alertmanager", settings, notification())


LIMITS = {
    "matrix": (b'{"errcode":"M_LIMIT_EXCEEDED","error":"Too Many Requests","retry_after_ms":2500}', 2.5),
    "telegram": (b'{"ok":false,"description":"Too Many Requests","parameters":{"retry_after":7}}', 7),
    "discord": (b'{"message":"You are being rate limited.","retry_after":1.5,"global":false}', 1.5),
}


@pytest.mark.parametrize("channel", LIMITS)
def test_a_wait_is_read_from_the_body_too(channel: str, settings: Settings, receiver: Receiver) -> None:
    body, seconds = LIMITS[channel]
    receiver.script.append(Scripted(429, {"content-type": "application/json"}, body=body))
    with pytest.raises(DeliveryFailed) as caught:
        send(channel, settings, notification())
    assert (caught.value.retry_after_s, caught.value.is_permanent) == (seconds, False)


@pytest.mark.parametrize("value", ['"soon"', "true", "null", "{}", "-5", "1e999", "[1]", "1e9", "1" + "0" * 400])
def test_a_wait_in_a_body_is_bounded_or_ignored(value: str) -> None:
    content = json.loads(f'{{"retry_after": {value}}}')
    assert parse_retry_body(content, 429) in (None, 0.0, 3600.0)
    assert parse_retry_body(json.loads(f'{{"retry_after_ms": {value}}}'), 429) in (None, 0.0, 3600.0)
    assert parse_retry_body(content, 503) is None
