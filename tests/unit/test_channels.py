"""Each channel against a receiver with a script: what it sends, and how it takes every kind of answer."""

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

from callwatch.alerts.channels import CHANNELS, sender_of, sns
from callwatch.alerts.failure import DeliveryFailed, clean_error
from callwatch.settings import Settings, load_settings
from tests.fakes.notifications import notification
from tests.fakes.receiver import Received, Receiver, Scripted

NEW, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0"
HTTP = ("webhook", "email", "slack", "pagerduty")
PUBLISHED = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
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
    monkeypatch.setattr(sns, "_READ_S", 0.4)
    sns._client.cache_clear()
    yield load_settings(
        {
            "ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_SECRET": f"{NEW},{OLD}", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SENDGRID_API_URL": base, "SENDGRID_API_KEY": "SG.hidden-key", "ALERT_EMAIL_FROM": "ops@example.com",
            "ALERT_EMAIL_TO": "ana@example.com,Ben@example.com,ANA@example.com", "TIMEZONE": "America/New_York",
            "SLACK_ALERT_WEBHOOK": f"{base}/services/T/B/hidden",
            "PAGERDUTY_API_URL": base, "PAGERDUTY_ROUTING_KEY": "hidden-routing-key",
            "ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts", "STAGE": "prod",
        }
    )  # fmt: skip
    sns._client.cache_clear()


def send(channel: str, settings: Settings, payload: dict[str, Any] | None = None) -> None:
    sender_of(channel)(payload or notification(), "msg_1", settings, 0.4)


def sent(channel: str, settings: Settings, receiver: Receiver, payload: dict[str, Any] | None = None) -> tuple[Received, Any]:
    send(channel, settings, payload)
    (request,) = receiver.received
    return request, json.loads(request.body)


def failure(channel: str, settings: Settings) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as found:
        send(channel, settings)
    return found.value


def as_sns(answer: Scripted, code: str = "Refused") -> Scripted:
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>"
    return dataclasses.replace(answer, headers={"content-type": "text/xml", **answer.headers}, body=body.encode())


def test_every_channel_is_tried_here() -> None:
    assert set(CHANNELS) == {*HTTP, "sns", "log"}


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
    # Each byte is in time for botocore; what bounds SNS then is the end of the round (tests/database/test_outbox.py).
    "dripping": (Scripted(drip_s=0.05), TRY_AGAIN),
}
CASES = [(channel, name) for channel in (*HTTP, "sns") for name in ANSWERS if (channel, name) != ("sns", "dripping")]


@pytest.mark.parametrize(("channel", "name"), CASES)
def test_what_is_tried_again_and_what_is_not(channel: str, name: str, settings: Settings, receiver: Receiver) -> None:
    answer, kind = ANSWERS[name]
    receiver.script.append(as_sns(answer) if channel == "sns" else answer)
    found = failure(channel, settings)
    assert (found.is_permanent, found.is_channel_wide) == kind
    assert found.retry_after_s is None
    assert len(receiver.received) == 1, "neither a redirect nor a retry of its own"


@pytest.mark.parametrize("channel", [*HTTP, "sns"])
@pytest.mark.parametrize("status", [429, 503])
def test_the_time_a_receiver_asks_for_is_taken_from_seconds_a_date_or_where_it_limits_us_a_reset(
    channel: str, status: int, settings: Settings, receiver: Receiver
) -> None:
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
def test_any_2xx_is_a_success_even_where_the_answer_breaks_off_after_it(
    channel: str, status: int, settings: Settings, receiver: Receiver
) -> None:
    receiver.script.extend(
        [Scripted(status), Scripted(status, is_truncated=True), Scripted(status, drip_s=0.2, is_body_dripping=True)]
    )
    for _answer in range(3):
        send(channel, settings)


def test_a_webhook_is_signed_with_each_secret_over_what_was_sent(settings: Settings, receiver: Receiver) -> None:
    payload = notification(message="Ünïcode – 日本語 & <b>")
    request, body = sent("webhook", settings, receiver, payload)
    assert body == payload
    assert request.headers["webhook-id"] == "msg_1"
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(request.body, request.headers) == payload
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body + b" ", request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(request.body, {**request.headers, "webhook-id": "msg_2"})


def test_credentials_in_a_webhook_address_travel_as_a_header_and_are_never_said(
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
        "email", settings, receiver, notification(title="A <b> & 'c'", message="x < y & <script>alert(1)</script>")
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
    given = notification(title="<!channel> & more", message="see <http://evil|here> " + "&" * 5000, labels={"stage": "<!here>"})
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
    payload = notification(dashboard_url="/admin/operations#/alerts/7", runbook_url="/admin/assets/runbooks/x.md")
    _request, body = sent(channel, settings, receiver, payload)
    if channel != "webhook":
        assert "/admin/" not in json.dumps(body)


@pytest.mark.parametrize("channel", ["email", "slack", "sns"])
def test_value_and_threshold_are_told_once_also_where_a_rule_words_its_own_message(
    channel: str, settings: Settings, receiver: Receiver
) -> None:
    given: dict[str, Any] = {
        "rule_id": "new_error_group",
        "title": "New error",
        "level": "info",
        "value": 1.0,
        "threshold": 1.0,
        "labels": {},
    }
    for message, is_row in (("never seen before: Boom", True), ("An error: measured 1, threshold >= 1", False)):
        receiver.received.clear()
        send(channel, settings, notification(message=message, **given))
        body = receiver.received[0].body.decode()
        assert ("Measured" in body, "Threshold" in body) == (is_row, is_row)


def test_no_row_is_made_of_an_empty_label(settings: Settings, receiver: Receiver) -> None:
    _request, body = sent("slack", settings, receiver, notification(labels={"type": "", "group": "7"}))
    names = [field["text"].partition("\n")[0] for field in body["blocks"][1]["fields"]]
    assert "*Group*" in names
    assert "*Type*" not in names


def test_pagerduty_opens_acknowledges_and_resolves_one_incident(settings: Settings, receiver: Receiver) -> None:
    for kind in ("firing", "acknowledged", "resolved"):
        send("pagerduty", settings, notification(kind=f"alert.{kind}"))
    events = [json.loads(request.body) for request in receiver.received]
    assert [event["event_action"] for event in events] == ["trigger", "acknowledge", "resolve"]
    assert {event["dedup_key"] for event in events} == {"callwatch:prod:7"}
    assert {request.path for request in receiver.received} == {"/v2/enqueue"}
    first = events[0]
    assert first["routing_key"] == "hidden-routing-key"
    assert (first["payload"]["severity"], first["payload"]["source"]) == ("critical", "openai")
    assert first["payload"]["custom_details"]["value"] == 12
    assert [link["text"] for link in first["links"]] == ["Dashboard", "Runbook"]


def test_pagerduty_knows_an_outage_of_the_database_whenever_a_monitor_first_saw_it(
    settings: Settings, receiver: Receiver
) -> None:
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


def test_pagerduty_lengths_are_kept_and_long_alert_ids_stay_apart(settings: Settings, receiver: Receiver) -> None:
    for end in ("a", "b"):
        send("pagerduty", settings, notification(alert_id="x" * 400 + end, message="y" * 3000))
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
    _request, body = sent("pagerduty", settings, receiver, notification(kind="alert.test"))
    assert body["payload"]["severity"] == "info"
    assert body["payload"]["summary"].startswith("[TEST]")


def test_sns_gets_text_for_people_and_json_for_programs(settings: Settings, receiver: Receiver) -> None:
    payload = notification(title="Ü" * 200)
    send("sns", settings, payload)
    (request,) = receiver.received
    form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
    assert form["Action"] == "Publish"
    assert form["TopicArn"] == "arn:aws:sns:us-east-1:123456789012:alerts"
    assert form["Subject"].isascii()
    assert len(form["Subject"]) < 100
    message = json.loads(form["Message"])
    assert json.loads(message["sqs"]) == json.loads(message["lambda"]) == payload
    assert "Threshold: 10" in message["default"]
    assert len(message["sms"]) <= 140


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
    assert said == "the receiver answered 403: key [secret] of [email] is not allowed"
    receiver.script.append(Scripted(404, {"content-type": "text/plain"}, b"no_service\n" + b"x" * 9000))
    said = clean_error(str(failure("slack", settings)), settings)
    assert said.startswith("the receiver answered 404: no_service x")
    assert len(said) <= 300


def test_a_receiver_that_repeats_the_path_it_was_called_by_gives_no_token_away(settings: Settings, receiver: Receiver) -> None:
    base = receiver.url.rpartition("/")[0]
    address = f"{base}/services/T0/B0/token-of-the-path?key=token-of-the-query&to=ops"
    given = load_settings({"SLACK_ALERT_WEBHOOK": address})
    for said_by_it in ("no token-of-the-path", "Cannot POST /services/T0/B0/token-of-the-path", "bad token-of-the-query for ops"):
        receiver.script.append(Scripted(404, {"content-type": "text/plain"}, said_by_it.encode()))
        said = clean_error(str(failure("slack", given)), given)
        assert "token-of" not in said
        assert "[secret]" in said


@pytest.mark.parametrize("password", ["pass[word", "pass#word", "pass?word"])
def test_a_password_that_only_postgresql_reads_in_an_address_stops_no_notification_and_is_not_said(password: str) -> None:
    given = load_settings({"DATABASE_URL": f"postgresql://callwatch:{password}@db.example.com:5432/callwatch"})
    assert clean_error(f"refused: {password}", given) == "refused: [secret]"


def test_a_receiver_that_cannot_be_reached_is_tried_again(settings: Settings, tmp_path: Path) -> None:
    nowhere = load_settings({"SLACK_ALERT_WEBHOOK": "http://127.0.0.1:1/x", "PAGERDUTY_ROUTING_KEY": "k"})
    assert not failure("slack", nowhere).is_permanent
    unresolved = load_settings({"SLACK_ALERT_WEBHOOK": "http://no-such-host.invalid/x"})
    assert not failure("slack", unresolved).is_permanent
