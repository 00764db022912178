"""Each channel against a scripted receiver: what it sends, and how it handles every kind of response."""

import dataclasses
import email.utils
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from callwatch.alerts.notifications.channels import CHANNELS, find_sender, sns
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed, clean_error
from callwatch.alerts.notifications.notification import Kind, Member, Notification, dump_notification, load_notification
from callwatch.alerts.notifications.rendering import render_body, render_message
from callwatch.settings import Settings, load_settings
from tests.support.sample_notification import notification
from tests.support.scripted_receiver import Received, Receiver, Scripted
from tools import show_channels

NEW, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0"
HTTP = (
    "webhook",
    "email",
    "slack",
    "pagerduty",
    "teams",
    "discord",
    "telegram",
    "ntfy",
    "opsgenie",
    "ses",
    "pushover",
    "matrix",
    "alertmanager",
)
PUBLISHED = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
KINDS: tuple[Kind, ...] = ("alert.firing", "alert.acknowledged", "alert.resolved", "alert.test")
TRY_AGAIN, REFUSED, ALL_REFUSED = (False, False), (True, False), (True, True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        found.default = Scripted(200, body=PUBLISHED)
        yield found


@pytest.fixture
def settings(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    base = receiver.url.rpartition("/")[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", base)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(sns, "_READ_S", 0.4)
    sns._make_client.cache_clear()
    yield load_settings(
        {
            "ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_SECRET": f"{NEW},{OLD}", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SENDGRID_API_URL": base, "SENDGRID_API_KEY": "SG.hidden-key", "ALERT_EMAIL_FROM": "ops@example.com",
            "ALERT_EMAIL_TO": "ana@example.com,Ben@example.com,ANA@example.com", "TIMEZONE": "America/New_York",
            "SLACK_ALERT_WEBHOOK": f"{base}/services/T/B/hidden",
            "PAGERDUTY_API_URL": base, "PAGERDUTY_ROUTING_KEY": "hidden-routing-key",
            "CHANNEL_SETTINGS": json.dumps(
                {
                    "TEAMS_ALERT_WEBHOOK": f"{base}/workflows/hidden-workflow-token",
                    "DISCORD_ALERT_WEBHOOK": f"{base}/api/webhooks/1/hidden-discord-token",
                    "TELEGRAM_API_URL": base, "TELEGRAM_BOT_TOKEN": "123:hidden-telegram-token", "TELEGRAM_CHAT_ID": "-100123",
                    "NTFY_URL": f"{base}/hidden-topic", "NTFY_TOKEN": "tk_hidden-ntfy-token",
                    "OPSGENIE_API_URL": base, "OPSGENIE_API_KEY": "hidden-opsgenie-key",
                    "SES_REGION": "eu-west-1", "SES_API_URL": base, "PUSHOVER_API_URL": base,
                    "PUSHOVER_APP_TOKEN": "hidden-pushover-app", "PUSHOVER_USER_KEY": "hidden-pushover-user",
                    "MATRIX_URL": base, "MATRIX_ACCESS_TOKEN": "hidden-matrix-token", "MATRIX_ROOM_ID": "!abc:example.com",
                    "ALERTMANAGER_URL": base, "ALERTMANAGER_TOKEN": "hidden-alertmanager-token",
                }
            ),
            "ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts", "STAGE": "prod",
        }
    )  # fmt: skip
    sns._make_client.cache_clear()


def send(channel: str, settings: Settings, given: Notification | None = None, limit_s: float = 5) -> None:
    if channel == "ses":
        # One of the services of e-mail.
        channel, settings = "email", settings.replace(sendgrid_api_key=None)
    find_sender(channel)(given or notification(), "msg_1", settings, limit_s)


def sent(channel: str, settings: Settings, receiver: Receiver, given: Notification | None = None) -> tuple[Received, Any]:
    send(channel, settings, given)
    (request,) = receiver.received
    return request, json.loads(request.body)


def failure(channel: str, settings: Settings, limit_s: float = 5) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as found:
        send(channel, settings, limit_s=limit_s)
    return found.value


def as_sns(answer: Scripted, code: str = "Refused") -> Scripted:
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
    return dataclasses.replace(answer, headers={"content-type": "text/xml", **answer.headers}, body=body.encode())


def test_every_channel_can_be_shown() -> None:
    given = load_settings(show_channels.SAMPLE_SETTINGS)
    assert set(show_channels.SHOWN) == set(CHANNELS)
    for kind in KINDS:
        for channel, show in show_channels.SHOWN.items():
            assert "Service down" in show(notification(kind, actor="ana", reason="why"), given), (kind, channel)


def test_every_channel_is_tried_here() -> None:
    assert {*CHANNELS, "ses"} == {*HTTP, "sns", "log"}


ANSWERS = {
    "400": (Scripted(400), REFUSED),
    "413": (Scripted(413), REFUSED),
    "401": (Scripted(401), ALL_REFUSED),
    "403": (Scripted(403), ALL_REFUSED),
    "404": (Scripted(404), ALL_REFUSED),
    "410": (Scripted(410), ALL_REFUSED),
    "redirect": (Scripted(302, {"location": "http://127.0.0.1:1/"}), ALL_REFUSED),
    "429": (Scripted(429), TRY_AGAIN),
    "500": (Scripted(500), TRY_AGAIN),
    "503": (Scripted(503), TRY_AGAIN),
    "hung": (Scripted(delay_s=1.5), TRY_AGAIN),
    "cut off": (Scripted(is_cut_off=True), TRY_AGAIN),
    # Each byte is in time for botocore; the end of the round bounds SNS (tests/database/test_outbox.py).
    "dripping": (Scripted(drip_s=0.05), TRY_AGAIN),
}
ENDLESS = ("hung", "dripping")
CASES = [(channel, name) for channel in (*HTTP, "sns") for name in ANSWERS if (channel, name) != ("sns", "dripping")]


@pytest.mark.parametrize(("channel", "name"), CASES)
def test_what_is_tried_again_and_what_is_not(channel: str, name: str, settings: Settings, receiver: Receiver) -> None:
    answer, kind = ANSWERS[name]
    receiver.script.append(as_sns(answer) if channel == "sns" else answer)
    found = failure(channel, settings, 0.4 if name in ENDLESS else 5)
    assert (found.is_permanent, found.is_channel_wide) == kind
    assert found.retry_after_s is None
    assert len(receiver.received) == 1, "neither a redirect nor a retry of its own"


@pytest.mark.parametrize("channel", [*HTTP, "sns"])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_time_is_read_from_seconds_date_or_reset(channel: str, status: int, settings: Settings, receiver: Receiver) -> None:
    later = time.time() + 90
    for headers, seconds in (
        ({"retry-after": "120"}, 120),
        ({"retry-after": email.utils.formatdate(later, usegmt=True)}, 90),
        ({"x-ratelimit-reset": str(int(later))}, 90 if status == 429 else None),
        ({"retry-after": "86400"}, 3600),
        ({"retry-after": "0"}, 0),
    ):
        answer = Scripted(status, headers)
        receiver.script.append(as_sns(answer) if channel == "sns" else answer)
        found = failure(channel, settings)
        assert not found.is_permanent
        assert found.retry_after_s == (None if seconds is None else pytest.approx(seconds, abs=5))


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "inf", "1e9", "Mon, 99 Foo 2026"])
def test_a_time_that_says_nothing_usable_is_none(value: str, settings: Settings, receiver: Receiver) -> None:
    receiver.script.append(Scripted(429, {"retry-after": value}))
    assert failure("webhook", settings).retry_after_s is None


@pytest.mark.parametrize("channel", HTTP)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_success_even_if_the_body_is_cut(channel: str, status: int, settings: Settings, receiver: Receiver) -> None:
    receiver.script.extend(
        [Scripted(status), Scripted(status, is_truncated=True), Scripted(status, drip_s=0.2, is_body_dripping=True)]
    )
    for _answer in range(3):
        send(channel, settings)


def test_a_webhook_is_signed_with_each_secret_over_what_was_sent(settings: Settings, receiver: Receiver) -> None:
    given = notification(summary="Ünïcode – 日本語 & <b>")
    request, body = sent("webhook", settings, receiver, given)
    assert body == render_body(given)
    assert request.headers["webhook-id"] == "msg_1"
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(request.body, request.headers) == body
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body + b" ", request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body, {**request.headers, "webhook-id": "msg_2"})


def test_webhook_credentials_become_a_header_and_stay_secret(
    settings: Settings, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    address = receiver.url.replace("http://", "http://user:p%40ss-word@")
    given = load_settings({"ALERT_WEBHOOK_URL": address, "ALERT_WEBHOOK_SECRET": NEW, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"})
    receiver.script.append(Scripted(500, {"content-type": "text/plain"}, body=f"no way to {address} for p%40ss-word".encode()))
    found = failure("webhook", given)
    assert receiver.received[0].headers["authorization"] == "Basic dXNlcjpwQHNzLXdvcmQ="
    assert "@" not in receiver.received[0].headers["host"]
    said = clean_error(str(found), given)
    assert "ss-word" not in said
    assert "ss-word" not in caplog.text


def test_a_mail_has_the_exact_shape_that_sendgrid_takes(settings: Settings, receiver: Receiver) -> None:
    request, body = sent(
        "email", settings, receiver, notification(title="A <b> & 'c'", summary="x < y & <script>alert(1)</script>")
    )
    assert request.path == "/v3/mail/send"
    assert request.headers["authorization"] == "Bearer SG.hidden-key"
    assert set(body) == {"personalizations", "from", "subject", "content", "headers"}
    assert body["personalizations"] == [{"to": [{"email": "ANA@example.com"}, {"email": "Ben@example.com"}]}]
    assert body["from"] == {"email": "ops@example.com"}
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    text, page = (part["value"] for part in body["content"])
    assert "x < y & <script>" in text
    assert "<script>" not in page
    assert "x &lt; y &amp; &lt;script&gt;" in page
    for said in (
        "Measured: 12",
        "Threshold: 10",
        "Since: Tue 24 Nov, 09:15 EST",
        "https://ops.example.com/admin/operations#/alerts/7",
    ):
        assert said in text
    assert body["subject"] == "[FIRING] A <b> & 'c': openai (critical)"


def test_a_subject_has_one_line_and_is_cut_with_a_sign(settings: Settings, receiver: Receiver) -> None:
    _request, body = sent("email", settings, receiver, notification(title="long\r\nBcc: x@example.com " + "y" * 300))
    assert "\n" not in body["subject"]
    assert "\r" not in body["subject"]
    assert len(body["subject"]) == 150
    assert body["subject"].endswith("…")


def test_slack_gets_blocks_with_its_control_characters_escaped(settings: Settings, receiver: Receiver) -> None:
    given = notification(title="<!channel> & more", summary="see <http://evil|here> " + "&" * 5000, labels={"stage": "<!here>"})
    request, body = sent("slack", settings, receiver, given)
    assert request.path == "/services/T/B/hidden"
    assert set(body) == {"text", "blocks"}
    raw = json.dumps(body, ensure_ascii=False)
    for control in ("<!channel>", "<!here>", "<http://evil"):
        assert control not in raw
    sections = [block for block in body["blocks"] if block["type"] == "section"]
    texts = [
        text["text"] for block in sections for text in (*([block["text"]] if "text" in block else ()), *block.get("fields", ()))
    ]
    assert all(len(text) <= 3000 for text in texts)
    (actions,) = [block for block in body["blocks"] if block["type"] == "actions"]
    assert [(b["type"], b["text"]["text"]) for b in actions["elements"]] == [("button", "Dashboard"), ("button", "Runbook")]
    assert any("<!date^" in text for text in texts), "each reader sees the time in their own zone"


@pytest.mark.parametrize("channel", HTTP)
def test_without_an_app_url_there_are_no_links_to_nowhere(channel: str, settings: Settings, receiver: Receiver) -> None:
    given = notification(dashboard_url="/admin/operations#/alerts/7", runbook_url="/admin/assets/runbooks/x.md")
    _request, body = sent(channel, settings, receiver, given)
    if channel != "webhook":
        assert "/admin/" not in json.dumps(body)


@pytest.mark.parametrize("channel", ["email", "slack", "sns"])
@pytest.mark.parametrize(("unit", "is_row"), [("yes", False), ("ms", True)])
def test_a_yes_or_no_has_no_row_of_figures(channel: str, unit: str, is_row: bool, settings: Settings, receiver: Receiver) -> None:
    send(channel, settings, notification(summary="never seen before: Boom", unit=unit, value=1.0, threshold=1.0))
    body = receiver.received[0].body.decode()
    assert ("Measured" in body, "Threshold" in body) == (is_row, is_row)


def test_a_mail_shows_figures_with_their_unit(settings: Settings, receiver: Receiver) -> None:
    given = notification(value=4200.0, threshold=3000.0, unit="ms", comparison=">")
    _request, mail = sent("email", settings, receiver, given)
    assert "Measured: 4.2 s\nThreshold: 3 s" in mail["content"][0]["value"]


MEMBERS = tuple(
    Member(str(n), "service_down", "Service down", "critical", f"down [{n}]", {"service": str(n)}, n > 3) for n in range(5)
)
EVERY_FORM = [
    notification(kind, occasion=occasion, notes=("a note",), actor="ana", reason="seen", cause="Cause", members=members)
    for kind in KINDS
    for occasion in ("first", "reminder", "flapping", "raised", "update")
    for members in ((), MEMBERS)
]


@pytest.mark.parametrize("given", EVERY_FORM)
def test_the_outbox_gives_back_what_it_was_given(given: Notification) -> None:
    assert load_notification(json.loads(json.dumps(dump_notification(given)))) == given


@pytest.mark.parametrize("given", EVERY_FORM)
def test_version_one_of_the_outbox_is_still_sent(given: Notification, settings: Settings, receiver: Receiver) -> None:
    old = load_notification(json.loads(json.dumps(render_body(given))))
    assert render_message(old) == render_message(given)
    for channel in HTTP:
        send(channel, settings, old)


@pytest.mark.parametrize("channel", HTTP)
def test_a_group_lists_its_alerts(channel: str, settings: Settings, receiver: Receiver) -> None:
    _request, body = sent(channel, settings, receiver, notification(members=MEMBERS, count=5))
    shown = json.dumps(body)
    assert all(f"down [{n}]" in shown for n in range(5))


def test_no_row_is_made_of_an_empty_label(settings: Settings, receiver: Receiver) -> None:
    _request, body = sent("slack", settings, receiver, notification(labels={"type": "", "group": "7"}))
    names = [field["text"].partition("\n")[0] for field in body["blocks"][1]["fields"]]
    assert "*Group*" in names
    assert "*Type*" not in names


def test_pagerduty_opens_acknowledges_and_resolves_one_incident(settings: Settings, receiver: Receiver) -> None:
    for kind in KINDS[:3]:
        send("pagerduty", settings, notification(kind))
    events = [json.loads(request.body) for request in receiver.received]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {"callwatch:prod:7"}
    assert {request.path for request in receiver.received} == {"/v2/enqueue"}
    first = events[0]
    assert first["routing_key"] == "hidden-routing-key"
    assert (first["payload"]["severity"], first["payload"]["source"]) == ("critical", "openai")
    assert first["payload"]["custom_details"]["value"] == 12
    assert [link["text"] for link in first["links"]] == ["Dashboard", "Runbook"]


def test_labels_of_others_replace_no_figure_at_pagerduty(settings: Settings, receiver: Receiver) -> None:
    send("pagerduty", settings, notification(labels={"value": "none", "team": "night"}))
    details = json.loads(receiver.received[0].body)["payload"]["custom_details"]
    assert (details["value"], details["team"]) == (12, "night")


def test_pagerduty_key_of_an_outage_is_the_same_everywhere(settings: Settings, receiver: Receiver) -> None:
    for alert_id in (
        "database_health:2026-11-24T14:15:00Z",
        "database_health:2026-11-24T14:40:00Z",
        "12",
        "test-database_health",
    ):
        send("pagerduty", settings, notification(alert_id=alert_id))
    first, second, *others = [json.loads(request.body)["dedup_key"] for request in receiver.received]
    assert first == second == "callwatch:prod:database_health"
    assert others == ["callwatch:prod:12", "callwatch:prod:test-database_health"]


def test_pagerduty_limits_hold_and_long_ids_stay_distinct(settings: Settings, receiver: Receiver) -> None:
    for end in ("a", "b"):
        send("pagerduty", settings, notification(alert_id="x" * 400 + end, summary="y" * 3000))
    events = [json.loads(request.body) for request in receiver.received]
    assert all(len(event["dedup_key"]) <= 255 and len(event["payload"]["summary"]) <= 1024 for event in events)
    assert len({event["dedup_key"] for event in events}) == 2


@pytest.mark.parametrize(
    ("level", "severity"), [("info", "info"), ("warning", "warning"), ("error", "error"), ("critical", "critical")]
)
def test_pagerduty_severities(level: str, severity: str, settings: Settings, receiver: Receiver) -> None:
    _request, body = sent("pagerduty", settings, receiver, notification(level=level))
    assert body["payload"]["severity"] == severity


def test_a_test_wakes_nobody_as_an_incident_would(settings: Settings, receiver: Receiver) -> None:
    send("pagerduty", settings, notification(kind="alert.test"))
    opened, closed = [json.loads(request.body) for request in receiver.received]
    assert opened["payload"]["severity"] == "info"
    assert opened["payload"]["summary"].startswith("[TEST]")
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"]


def test_sns_gets_text_for_people_and_json_for_programs(settings: Settings, receiver: Receiver) -> None:
    given = notification(title="Ü" * 200)
    send("sns", settings, given)
    (request,) = receiver.received
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert form["Action"] == "Publish"
    assert form["TopicArn"] == "arn:aws:sns:us-east-1:123456789012:alerts"
    assert form["Subject"].isascii()
    assert len(form["Subject"]) < 100
    message = json.loads(form["Message"])
    assert json.loads(message["sqs"]) == json.loads(message["lambda"]) == render_body(given)
    assert "Threshold: 10" in message["default"]
    assert len(message["sms"]) <= 300


def test_sns_errors_by_code(settings: Settings, receiver: Receiver) -> None:
    for status, code, kind in (
        (404, "NotFound", ALL_REFUSED),
        (403, "AuthorizationError", ALL_REFUSED),
        (400, "KMSAccessDenied", ALL_REFUSED),
        (400, "InvalidParameter", REFUSED),
        (400, "Throttling", TRY_AGAIN),
        (403, "ExpiredToken", TRY_AGAIN),
        (500, "InternalError", TRY_AGAIN),
    ):
        receiver.script.append(as_sns(Scripted(status), code))
        found = failure("sns", settings)
        assert (found.is_permanent, found.is_channel_wide) == kind, code
        assert code in str(found)


def test_a_refusal_says_its_reason_without_our_secrets(settings: Settings, receiver: Receiver) -> None:
    body = {"errors": [{"message": "key SG.hidden-key of ana@example.com is not allowed", "field": None}]}
    receiver.script.append(Scripted(403, {"content-type": "application/json"}, json.dumps(body).encode()))
    said = clean_error(str(failure("email", settings)), settings)
    assert said == "the receiver responded with 403: key [secret] of [email] is not allowed"
    receiver.script.append(Scripted(404, {"content-type": "text/plain"}, b"no_service\n" + b"x" * 9000))
    said = clean_error(str(failure("slack", settings)), settings)
    assert said.startswith("the receiver responded with 404: no_service x")
    assert len(said) <= 300


def test_receiver_echoing_its_path_exposes_no_token(settings: Settings, receiver: Receiver) -> None:
    base = receiver.url.rpartition("/")[0]
    address = f"{base}/services/T0/B0/token-of-the-path?key=token-of-the-query&to=ops"
    given = load_settings({"SLACK_ALERT_WEBHOOK": address})
    for said_by_it in ("no token-of-the-path", "Cannot POST /services/T0/B0/token-of-the-path", "bad token-of-the-query for ops"):
        receiver.script.append(Scripted(404, {"content-type": "text/plain"}, said_by_it.encode()))
        said = clean_error(str(failure("slack", given)), given)
        assert "token-of" not in said
        assert "[secret]" in said


@pytest.mark.parametrize("password", ["pass[word", "pass#word", "pass?word"])
def test_raw_password_in_a_database_url_is_never_shown(password: str) -> None:
    given = load_settings({"DATABASE_URL": f"postgresql://callwatch:{password}@db.example.com:5432/callwatch"})
    assert clean_error(f"refused: {password}", given) == "refused: [secret]"


def test_a_receiver_that_cannot_be_reached_is_tried_again(settings: Settings, tmp_path: Path) -> None:
    nowhere = load_settings({"SLACK_ALERT_WEBHOOK": "http://127.0.0.1:1/x", "PAGERDUTY_ROUTING_KEY": "k"})
    assert not failure("slack", nowhere).is_permanent
    unresolved = load_settings({"SLACK_ALERT_WEBHOOK": "http://no-such-host.invalid/x"})
    assert not failure("slack", unresolved).is_permanent
