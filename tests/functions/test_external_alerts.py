"""Alerts of other monitors sent to the running system: who may, what comes of them, and a silence that mutes one."""

import base64
import json
import uuid
from typing import Any

from local.system import System


def send(system: System, source: str, body: Any, authorization: str) -> tuple[int, Any]:
    headers = {"authorization": authorization, "content-type": "application/json"} if authorization else {}
    status, answer, _headers = system.call("POST", f"/api/external/{source}", None, json.dumps(body).encode(), headers)
    return status, answer


def webhook(name: str, status: str) -> dict[str, Any]:
    alert = {"status": status, "labels": {"alertname": name, "severity": "critical"}, "annotations": {"summary": "It is full"}}
    return {"version": "4", "status": status, "alerts": [alert]}


def list_alerts(system: System, name: str) -> list[tuple[str, str, str]]:
    items = system.get("/api/alerts?limit=200")["items"]
    return [(i["rule_id"], i["state"], i["labels"]["source"]) for i in items if i["labels"].get("alertname") == name]


def expect_alert(system: System, name: str, *expected: tuple[str, str, str]) -> None:
    system.wait_until(lambda: list_alerts(system, name) == list(expected), what=f"{expected} of {name}")


def test_alert_from_elsewhere_fires_and_resolves_here(system: System) -> None:
    name = f"Full{uuid.uuid4().hex[:6]}"
    bearer = f"Bearer {system.ingest_key}"
    status, answer = send(system, "alertmanager", webhook(name, "firing"), bearer)
    assert (status, answer["accepted"], answer["rejected"]) == (202, 1, [])
    expect_alert(system, name, ("external_critical", "firing", "alertmanager"))
    assert send(system, "alertmanager", webhook(name, "resolved"), bearer)[0] == 202
    expect_alert(system, name, ("external_critical", "resolved", "alertmanager"))


def test_own_alert_that_comes_back_is_left_out(system: System) -> None:
    own, bearer = webhook("OwnAgain", "firing"), f"Bearer {system.ingest_key}"
    own["alerts"][0]["labels"]["callwatch_stage"] = "another"
    assert send(system, "alertmanager", own, bearer) == (202, {"accepted": 0, "ids": [], "rejected": []})
    other = webhook("NotOurs", "resolved")["alerts"][0]
    status, answer = send(system, "alertmanager", {"alerts": [*own["alerts"], other, {"status": "firing"}]}, bearer)
    assert (status, answer["accepted"], [each["index"] for each in answer["rejected"]]) == (202, 1, [2])


def test_password_of_basic_credentials_is_a_token(system: System) -> None:
    name = f"depth-{uuid.uuid4().hex[:6]}"
    basic = "Basic " + base64.b64encode(f"sns:{system.admin_token}".encode()).decode()
    assert send(system, "cloudwatch", {"AlarmName": name, "NewStateValue": "ALARM"}, basic)[0] == 202
    expect_alert(system, name, ("external_error", "firing", "cloudwatch"))
    assert send(system, "cloudwatch", {"AlarmName": name, "NewStateValue": "OK"}, basic)[0] == 202
    expect_alert(system, name, ("external_error", "resolved", "cloudwatch"))


def test_others_are_refused_and_told_how(system: System) -> None:
    status, _answer, headers = system.call("POST", "/api/external/grafana", None, b"{}")
    assert (status, headers["www-authenticate"]) == (401, 'Basic realm="callwatch", charset="UTF-8"')
    bearer = f"Bearer {system.ingest_key}"
    assert send(system, "grafana", {}, f"Bearer {system.viewer_token}")[0] == 403
    assert send(system, "nagios", {}, bearer)[0] == 404
    assert send(system, "grafana", {}, bearer)[0] == 422
    assert send(system, "grafana", {"alerts": [{}]}, bearer)[0] == 422
    assert send(system, "grafana", {"alerts": []}, bearer) == (202, {"accepted": 0, "ids": [], "rejected": []})
    forged = {
        "Type": "Notification",
        "SigningCertURL": "https://evil.example/x.pem",
        "SignatureVersion": "2",
        "Signature": "AAAA",
    }
    forged |= {"Message": "{}", "MessageId": "1", "Timestamp": "t", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alarms"}
    assert send(system, "cloudwatch", forged, bearer)[0] == 403
