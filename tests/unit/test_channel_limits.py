"""The limits of every channel: whatever a notification holds, its message is accepted, and what is cut ends in a link."""

import json
import re
from email.policy import SMTP
from typing import Any

import pytest

from callwatch.alerts.notifications.channels import (
    alertmanager,
    discord,
    matrix,
    ntfy,
    opsgenie,
    pagerduty,
    pushover,
    slack,
    sns,
    teams,
    telegram,
)
from callwatch.alerts.notifications.channels.mail import ses, smtp
from callwatch.alerts.notifications.channels.mail.content import render_mail
from callwatch.alerts.notifications.channels.wording import add_link
from callwatch.alerts.notifications.notification import Kind, Member, Notification
from callwatch.alerts.rules.sanitize import clean_labels
from callwatch.settings import Settings
from tests.support.sample_notification import notification

SETTINGS = Settings(
    discord_alert_webhook="https://discord.example/x", teams_alert_webhook="https://teams.example/x", telegram_bot_token="1:x",
    telegram_chat_id="-1", ntfy_url="https://ntfy.example/folder/topic", opsgenie_api_key="key", pagerduty_routing_key="k" * 32,
    alert_sns_topic_arn="arn:aws:sns:us-east-1:123456789012:alerts", stage="s" * 300,
    pushover_app_token="app", pushover_user_key="user", alertmanager_url="https://alerts.example",
    ses_region="us-east-1", alert_email_from="ops@example.com", smtp_url="smtp://mail.example.com",
    alert_email_to=tuple(f"person{number}@example.com" for number in range(60)),
)  # fmt: skip
KINDS: tuple[Kind, ...] = ("alert.firing", "alert.acknowledged", "alert.resolved", "alert.test")
LINK = "https://ops.example.com/admin/operations#/alerts/7"
# One of one byte, of two, of three, of four bytes and two UTF-16 units, and one that JSON and Markdown escape.
LETTERS = ("a", "é", "語", "🙂", "\\", '"', "*")


def build(letter: str, kind: Kind = "alert.firing", **given: Any) -> Notification:
    text = letter * 5_000
    member = Member("7", "rule", text[:200], "critical", text[:1000], clean_labels({"service": text[:1000]}))
    fields: dict[str, Any] = {
        "title": text[:1000], "summary": text, "notes": (text,) * 30, "reason": text[:1000], "actor": text[:200],
        # As the evaluation bounds them.
        "labels": clean_labels({f"{letter}{number}": text[:1000] for number in range(10)}), "members": (member,) * 100,
        "count": 100, "cause": text[:200], "take_url": "https://ops.example.com/api/take/" + "x" * 400,
    }  # fmt: skip
    return notification(kind, **{**fields, **given})


EVERY = [build(letter, kind) for letter in LETTERS for kind in KINDS]


@pytest.mark.parametrize("given", EVERY)
def test_discord_takes_2000_characters_and_6000_in_embeds(given: Notification) -> None:
    body: Any = discord.build_body(given, SETTINGS)
    assert len(body["content"]) <= 2000
    assert len(body["embeds"]) <= 10
    total = 0
    for embed in body["embeds"]:
        assert len(embed["title"]) <= 256
        assert len(embed["description"]) <= 4096
        assert len(embed["fields"]) <= 25
        assert all(0 < len(field["name"]) <= 256 and 0 < len(field["value"]) <= 1024 for field in embed["fields"])
        total += len(embed["title"]) + len(embed["description"])
        total += sum(len(field["name"]) + len(field["value"]) for field in embed["fields"])
    assert total <= 6000
    assert given.kind == "alert.test" or body["embeds"][0]["description"].endswith(LINK)
    assert body["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("given", EVERY)
def test_telegram_takes_4096_utf_16_units(given: Notification) -> None:
    text = str(telegram.build_body(given, SETTINGS)["text"])
    assert 0 < len(text.encode("utf-16-le")) // 2 <= 4096
    assert given.kind == "alert.test" or text.endswith(LINK)


@pytest.mark.parametrize("given", EVERY)
def test_ntfy_takes_4096_bytes(given: Notification) -> None:
    body: Any = ntfy.build_body(given, SETTINGS)
    assert 0 < len(body["message"].encode()) <= 4096
    assert len(body["title"]) <= 250
    assert len(body["actions"]) <= 3
    assert 1 <= body["priority"] <= 5
    assert given.kind == "alert.test" or body["message"].endswith(LINK)


@pytest.mark.parametrize("given", EVERY)
def test_opsgenie_takes_130_and_15000_characters(given: Notification) -> None:
    body: Any = opsgenie.build_body(given, SETTINGS)
    assert len(body["message"]) <= 130
    assert len(body["description"]) <= 15_000
    assert len(body["alias"]) <= 512
    assert len(body["entity"]) <= 512
    assert len(body["source"]) <= 100
    assert len(body["tags"]) <= 20
    assert all(len(tag) <= 50 for tag in body["tags"])
    assert sum(len(name) + len(value) for name, value in body["details"].items()) <= 8000
    note = opsgenie.build_note(given)
    assert len(note["note"]) <= 25_000
    assert len(note["user"]) <= 100
    if len(body["description"]) == 15_000:
        assert body["description"].endswith(LINK)


@pytest.mark.parametrize("given", EVERY)
def test_teams_takes_28_kilobytes(given: Notification) -> None:
    body: Any = teams.build_body(given, SETTINGS)
    assert len(teams.encode(body)) <= teams.MAX_BYTES
    texts = [part["text"] for part in body["attachments"][0]["content"]["body"] if part["type"] == "TextBlock"]
    assert given.kind == "alert.test" or texts[-1].endswith(LINK)


@pytest.mark.parametrize("given", EVERY)
def test_slack_takes_50_blocks_and_3000_characters(given: Notification) -> None:
    body: Any = slack.build_body(given, "UTC")
    assert len(body["blocks"]) <= 50
    for block in body["blocks"]:
        assert len(block.get("text", {"text": ""})["text"]) <= 3000
        assert len(block.get("fields", ())) <= 10
        assert all(0 < len(field["text"]) <= 2000 for field in block.get("fields", ()))


@pytest.mark.parametrize("given", EVERY)
def test_pagerduty_takes_512_kilobytes_and_1024_characters(given: Notification) -> None:
    body: Any = pagerduty.build_body(given, SETTINGS)
    assert len(body["payload"]["summary"]) <= 1024
    assert len(json.dumps(body).encode()) <= 512 * 1024


@pytest.mark.parametrize("given", EVERY)
def test_sns_takes_an_ascii_subject_below_100_characters(given: Notification) -> None:
    subject = sns.describe_subject(given)
    assert subject.isascii()
    assert subject.isprintable()
    assert 0 < len(subject) < 100
    assert len(str(sns.build_request(given, "msg_1", SETTINGS)["Message"]).encode()) <= 256 * 1024


@pytest.mark.parametrize("given", EVERY)
def test_a_text_message_has_two_parts_and_the_link(given: Notification) -> None:
    text = sns.render_sms(given)
    assert len(text) <= 300
    assert text.endswith(f" {LINK}")
    assert text.startswith("[")


@pytest.mark.parametrize("given", EVERY)
def test_pushover_takes_1024_characters(given: Notification) -> None:
    body: Any = pushover.build_body(given, SETTINGS)
    assert 0 < len(body["message"]) <= 1024
    assert 0 < len(body["title"]) <= 250
    assert len(body.get("url", "")) <= 512
    assert len(body.get("url_title", "")) <= 100
    assert given.kind == "alert.test" or body["message"].endswith(LINK)
    is_repeated = body["priority"] == 2
    assert is_repeated == (given.kind == "alert.firing" and given.level == "critical")
    assert not is_repeated or (body["retry"] >= 30 and body["expire"] <= 10_800 and "," not in body["tags"])


@pytest.mark.parametrize("given", EVERY)
def test_matrix_takes_64_kilobytes(given: Notification) -> None:
    body: Any = matrix.build_body(given, SETTINGS)
    # The server adds ids, hashes and signatures.
    assert len(json.dumps(body, ensure_ascii=False).encode()) <= 60_000
    assert given.kind == "alert.test" or body["body"].endswith(LINK)
    assert LINK in body["formatted_body"]


@pytest.mark.parametrize("given", EVERY)
def test_alertmanager_gets_names_and_urls_that_it_takes(given: Notification) -> None:
    alerts: Any = alertmanager.build_body(given, SETTINGS)
    assert 1 <= len(alerts) <= 4 * 64
    assert len(json.dumps(alerts, ensure_ascii=False).encode()) <= 4_000_000
    for alert in alerts:
        assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) and value for name, value in alert["labels"].items())
        assert all(len(value) <= 4000 for value in alert["annotations"].values())
        assert alert["startsAt"] <= alert["endsAt"]
        assert alert["generatorURL"] == LINK


@pytest.mark.parametrize("given", EVERY)
def test_a_mail_has_short_lines_and_50_recipients_by_ses(given: Notification) -> None:
    mail = render_mail(given, SETTINGS.timezone)
    body: Any = ses.build_body(mail, "msg_1", SETTINGS)
    assert len(body["Destination"]["ToAddresses"]) == 50
    assert len(json.dumps(body).encode()) <= 10 * 1024 * 1024
    raw = smtp.build_message(mail, "msg_1", SETTINGS).as_bytes(policy=SMTP)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.isascii()


def test_a_short_text_is_not_cut() -> None:
    assert add_link("short", [("Dashboard", LINK)], 100) == "short"
    assert add_link("a" * 200, [], 100) == "a" * 99 + "…"
    assert add_link("a" * 200, [("Dashboard", LINK)], 100).endswith(LINK)
