"""Links in messages: who can make one, how long it holds, and which messages have it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.notifications.channels import find_sender
from callwatch.alerts.notifications.notification import Member
from callwatch.alerts.notifications.take_link import TakeLink, add_take_link, hash_link, read_link, sign_link
from callwatch.settings import load_settings
from tests.support.sample_notification import notification
from tests.support.scripted_receiver import Receiver

SECRET, OLD = "a-secret-of-links-0001", "a-secret-of-links-0000"
LINK = TakeLink("7", "slack:ops", "msg_1", datetime(2026, 11, 25, 14, 20, tzinfo=UTC))
SETTINGS = load_settings({"MESSAGE_LINK_SECRET": f"{SECRET},{OLD}", "APP_URL": "https://ops.example.com"})


def test_a_link_says_what_was_signed() -> None:
    assert read_link(sign_link(LINK, SECRET), (SECRET, OLD)) == LINK
    assert read_link(sign_link(LINK, OLD), (SECRET, OLD)) == LINK
    assert read_link(sign_link(LINK, "another-secret-0001"), (SECRET, OLD)) is None
    assert read_link(sign_link(LINK, SECRET), ()) is None
    assert hash_link(LINK) != hash_link(LINK._replace(message_id="msg_2"))


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_changed_link_is_refused(place: int, letter: str) -> None:
    token = sign_link(LINK, SECRET)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    assert read_link(changed, (SECRET,)) == (LINK if changed == token else None)


@given(st.text(max_size=900))
def test_any_other_text_is_refused(token: str) -> None:
    assert read_link(token, (SECRET,)) is None


def test_only_messages_about_what_fires_have_a_link() -> None:
    url = add_take_link(notification(), "slack:ops", "msg_1", SETTINGS).take_url
    assert read_link(url.removeprefix("https://ops.example.com/api/take/"), (SECRET,)) == LINK
    member = Member("7", "rule", "Rule", "error", "down")
    assert add_take_link(notification(members=(member,), count=1), "slack:ops", "msg_1", SETTINGS).take_url == url
    for other, channel, settings in (
        (notification("alert.resolved"), "slack", SETTINGS),
        (notification(members=(member,), occasion="digest"), "slack", SETTINGS),
        (notification(), "pagerduty", SETTINGS),
        (notification(), "webhook", SETTINGS),
        (notification(), "slack", load_settings({"APP_URL": "https://ops.example.com"})),
    ):
        assert add_take_link(other, channel, "msg_1", settings).take_url == ""


@pytest.mark.parametrize("channel", ["slack", "discord", "ntfy", "teams", "telegram", "matrix", "email"])
def test_each_channel_of_people_shows_it(channel: str) -> None:
    with Receiver() as receiver:
        base = receiver.url.rpartition("/")[0]
        settings = load_settings(
            {
                "MESSAGE_LINK_SECRET": SECRET, "APP_URL": "https://ops.example.com", "SLACK_ALERT_WEBHOOK": f"{base}/x",
                "DISCORD_ALERT_WEBHOOK": f"{base}/x", "NTFY_URL": f"{base}/x", "TEAMS_ALERT_WEBHOOK": f"{base}/x",
                "TELEGRAM_API_URL": base, "TELEGRAM_BOT_TOKEN": "1:x", "TELEGRAM_CHAT_ID": "1", "MATRIX_URL": base,
                "MATRIX_ACCESS_TOKEN": "x", "MATRIX_ROOM_ID": "!a:b", "SENDGRID_API_KEY": "SG.x", "SENDGRID_API_URL": base,
                "ALERT_EMAIL_TO": "a@example.com", "ALERT_EMAIL_FROM": "b@example.com",
            }
        )  # fmt: skip
        for _attempt in range(2):
            find_sender(channel)(notification(), "msg_1", settings, 5.0)
        first, second = (json.dumps(json.loads(request.body)) for request in receiver.received)
    assert "https://ops.example.com/api/take/" in first
    assert first == second, "a retry has the same link"
    assert "Take it" in first
