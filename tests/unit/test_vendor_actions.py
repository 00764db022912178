"""What vendors send about our messages: who may send it, what is read of it, and what hostile bodies do."""

import contextlib
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.notifications.channels import slack
from callwatch.alerts.taking.vendor_event import VendorEvent, name_actor, read_key
from callwatch.alerts.taking.vendors import MAX_BODY_BYTES, read_events, verify
from callwatch.api.http import Request
from callwatch.exceptions import RequestRefused
from callwatch.runtime.responses import find_status
from callwatch.settings import load_settings
from tests.support.sample_notification import notification
from tests.support.scripted_receiver import Receiver

SECRET, OLD = "a-secret-of-a-vendor-1", "a-secret-of-a-vendor-0"
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
SETTINGS = load_settings(
    {
        "STAGE": "prod",
        "SLACK_SIGNING_SECRET": f"{SECRET},{OLD}",
        "PAGERDUTY_WEBHOOK_SECRET": f"{SECRET},{OLD}",
        "OPSGENIE_WEBHOOK_TOKEN": f"{SECRET},{OLD}",
    }
)
VENDORS = ("slack", "pagerduty", "opsgenie")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def sign(vendor: str, body: bytes, secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    """Return the headers of a genuine request."""
    if vendor == "slack":
        sent_at = str(int(at.timestamp()))
        mac = hmac.new(secret.encode(), f"v0:{sent_at}:".encode() + body, hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": sent_at, "x-slack-signature": f"v0={mac}"}
    if vendor == "pagerduty":
        return {"x-pagerduty-signature": "v1=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
    return {"x-callwatch-token": secret}


def build(vendor: str, body: bytes, headers: dict[str, str] | None = None) -> Request:
    headers = sign(vendor, body) if headers is None else headers
    return Request("POST", f"/api/actions/{vendor}", {"vendor": vendor}, {}, headers, body)


def press(value: Any, user: Any = None, action_id: str = slack.ACTION_ID) -> bytes:
    action = {"type": "button", "action_id": action_id, "block_id": "b", "value": value}
    user = {"id": "U012AB3CD", "username": "ana", "name": "ana"} if user is None else user
    payload = {"type": "block_actions", "user": user, "actions": [action], "response_url": "https://hooks.slack.com/x"}
    return urlencode({"payload": json.dumps(payload)}).encode()


def event(kind: str, key: str = "callwatch:prod:7", **changes: Any) -> bytes:
    content = {
        "id": "01BZGABC", "event_type": f"incident.{kind}", "occurred_at": "2026-11-30T11:59:00.000Z",
        "agent": {"id": "PLH1HKV", "type": "user_reference", "summary": "Ana"}, "client": None,
        "data": {"id": "PGR0VU2", "type": "incident", "incident_key": key, "status": kind},
    }  # fmt: skip
    return json.dumps({"event": {**content, **changes}}).encode()


def report(action: str, alias: str = "callwatch:prod:7", source: str = "web", **alert: Any) -> bytes:
    alert = {"alertId": "a-1", "alias": alias, "username": "ana@example.com", "userId": "u-1", **alert}
    return json.dumps({"action": action, "alert": alert, "source": {"name": "", "type": source}}).encode()


GENUINE = {"slack": press('["7", "msg_1"]'), "pagerduty": event("acknowledged"), "opsgenie": report("Acknowledge")}


def refuse(request: Request, settings: Any = SETTINGS, now: datetime = NOW) -> int:
    with pytest.raises(RequestRefused) as refused:
        verify(request, request.body[: MAX_BODY_BYTES + 1], settings, now)
    return find_status(refused.value)


@pytest.mark.parametrize("vendor", VENDORS)
def test_only_the_vendor_is_admitted(vendor: str) -> None:
    body = GENUINE[vendor]
    for secret in (SECRET, OLD):
        verify(build(vendor, body, sign(vendor, body, secret)), body, SETTINGS, NOW)
    assert refuse(build(vendor, body, sign(vendor, body, "a-secret-of-others-0001"))) == 403
    assert refuse(build(vendor, body, {})) == 401
    assert refuse(build(vendor, body), load_settings({})) == 404
    assert refuse(build("teams", body, sign(vendor, body))) == 404
    large = b"x" * (MAX_BODY_BYTES + 1)
    assert refuse(build(vendor, large)) == 413


@pytest.mark.parametrize("vendor", ["slack", "pagerduty"])
@given(place=st.integers(0, 10_000), byte=st.binary(min_size=1, max_size=1))
def test_a_changed_body_is_refused(vendor: str, place: int, byte: bytes) -> None:
    body = GENUINE[vendor]
    place %= len(body)
    changed = body[:place] + byte + body[place + 1 :]
    request = build(vendor, changed, sign(vendor, body))
    if changed == body:
        verify(request, changed, SETTINGS, NOW)
    else:
        assert refuse(request) == 403


@pytest.mark.parametrize("vendor", VENDORS)
@given(text=st.text(max_size=100), sent_at=st.text(max_size=15))
def test_any_other_signature_is_refused(vendor: str, text: str, sent_at: str) -> None:
    names = ("x-slack-signature", "x-pagerduty-signature", "x-callwatch-token")
    for given_text in (text, f"v1={text}", f"v0={text}", "v1=," * 1000):
        headers = dict.fromkeys(names, given_text) | {"x-slack-request-timestamp": sent_at}
        assert refuse(build(vendor, GENUINE[vendor], headers)) in (401, 403)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_slack_is_believed_for_five_minutes(seconds: int) -> None:
    body = GENUINE["slack"]
    request = build("slack", body)
    assert refuse(request, now=NOW + timedelta(seconds=seconds)) == 403
    verify(request, body, SETTINGS, NOW + timedelta(seconds=299))


def test_one_of_several_signatures_of_pagerduty_is_enough() -> None:
    body = GENUINE["pagerduty"]
    good = sign("pagerduty", body)["x-pagerduty-signature"]
    verify(build("pagerduty", body, {"x-pagerduty-signature": f"v1={'0' * 64}, {good}"}), body, SETTINGS, NOW)
    assert refuse(build("pagerduty", body, {"x-pagerduty-signature": good.replace("v1", "v2")})) == 401


def read(vendor: str, body: bytes) -> list[VendorEvent]:
    return read_events(build(vendor, body), SETTINGS, NOW)


def test_what_people_do_is_read() -> None:
    (pressed,) = read("slack", GENUINE["slack"])
    assert pressed[:5] == ("Slack", "take", "7", "msg_1", "ana in Slack")
    for kind, verb in (("acknowledged", "take"), ("unacknowledged", "release"), ("resolved", "note")):
        (found,) = read("pagerduty", event(kind))
        assert found[:5] == ("PagerDuty", verb, "7", None, "Ana in PagerDuty")
    (ended,) = read("pagerduty", event("unacknowledged", agent=None))
    assert (ended.verb, ended.actor) == ("release", "PagerDuty")
    for action, verb in (("Acknowledge", "take"), ("UnAcknowledge", "release"), ("Close", "note")):
        (done,) = read("opsgenie", report(action))
        assert done[:5] == ("Opsgenie", verb, "7", None, "u-1 in Opsgenie")


def test_all_else_is_nothing() -> None:
    for body in (
        press('["7", "m"]', action_id="other"),
        press(None),
        press("[7]"),
        press("7"),
        press('["7;", "m"]'),
        b"x=1&payload={}",
    ):
        assert read("slack", body) == []
    other_key, old = "srv01/HTTP", "2026-11-20T00:00:00Z"
    for body in (
        event("triggered"), event("acknowledged", other_key), event("acknowledged", "callwatch:staging:7"),
        event("acknowledged", agent=None), event("acknowledged", agent={"type": "inbound_integration_reference"}),
        event("acknowledged", occurred_at=old), event("acknowledged", occurred_at=None), event("acknowledged", id=None),
    ):  # fmt: skip
        assert read("pagerduty", body) == []
    for body in (report("Create"), report("Acknowledge", other_key), report("Acknowledge", source="API")):
        assert read("opsgenie", body) == []


@pytest.mark.parametrize("vendor", VENDORS)
@given(body=st.binary(max_size=300) | JSON.map(lambda each: json.dumps(each).encode()))
def test_a_hostile_body_is_nothing_or_unreadable(vendor: str, body: bytes) -> None:
    for raw in (body, b"payload=" + body, urlencode({"payload": body}).encode(), b"[" * 200_000):
        with contextlib.suppress(RequestRefused):
            assert read(vendor, raw) == []


@given(JSON, JSON, JSON, JSON)
def test_fields_of_any_type_are_read(one: Any, two: Any, three: Any, four: Any) -> None:
    bodies = {
        "slack": [press(one, two), press(json.dumps([one, two]), {"id": three, "username": four})],
        "pagerduty": [event("acknowledged", agent=one, data=two), event("resolved", id=three, occurred_at=four)],
        "opsgenie": [report("Close", alias=one, username=two, userId=three), json.dumps({"action": one, "alert": two}).encode()],
    }
    for vendor, given_bodies in bodies.items():
        for body in given_bodies:
            for found in read(vendor, body):
                assert found.actor.isprintable()
                assert len(found.actor) < 100


@given(st.text(max_size=80), st.text(max_size=80))
def test_an_actor_passes_for_nobody_else(name: str, vendor_id: str) -> None:
    actor = name_actor(name, vendor_id, "Slack")
    assert actor.endswith(" in Slack")
    actor.encode()


def test_private_names_are_replaced_by_ids() -> None:
    assert name_actor("ana", "U1", "Slack") == "ana in Slack"
    assert name_actor("ana@example.com", "U1", "Slack") == "U1 in Slack"
    assert name_actor("+1 415 555 0134", "U1", "Slack") == "U1 in Slack"
    assert name_actor("ana \ud800", "U1", "Slack") == "U1 in Slack"
    assert name_actor("a\nb\x00", None, "Slack") == "somebody in Slack"
    assert name_actor("x" * 61, "U1", "Slack") == "U1 in Slack"


def test_only_keys_of_this_deployment_are_ours() -> None:
    assert read_key("callwatch:prod:7", "prod") == "7"
    for key in ("callwatch:prod2:7", "callwatch:prod:", "callwatch:prod:\x00", "7", None, 7):
        assert read_key(key, "prod") is None


def test_a_button_stands_in_place_of_the_link() -> None:
    with Receiver() as receiver:
        given_settings = {"SLACK_ALERT_WEBHOOK": receiver.url, "SLACK_SIGNING_SECRET": SECRET}
        for kind, changes in (("alert.firing", {}), ("alert.resolved", {}), ("alert.firing", {"occasion": "digest"})):
            told = notification(kind, take_url="https://ops.example.com/api/take/x", **changes)  # type: ignore[arg-type]
            slack.send(told, "msg_1", load_settings(given_settings), 5.0)
        bodies = [json.loads(request.body) for request in receiver.received]
    elements = [next(block["elements"] for block in body["blocks"] if block["type"] == "actions") for body in bodies]
    assert elements[0][0] == {
        "type": "button", "action_id": "callwatch_take", "style": "primary",
        "text": {"type": "plain_text", "text": "Take it"}, "value": '["7", "msg_1"]',
    }  # fmt: skip
    assert [element["text"]["text"] for element in elements[0]] == ["Take it", "Dashboard", "Runbook"]
    assert not any("action_id" in element for others in elements[1:] for element in others)
