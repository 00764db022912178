"""Alerts of Alertmanager, Grafana and CloudWatch: what is accepted, how it is named, and who may send it."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.exceptions import Invalid, Rejected
from callwatch.ingest.external.alert import build_alert_messages, find_level
from callwatch.ingest.external.alertmanager import accept_alert, is_posted_by_callwatch, read_alerts
from callwatch.ingest.external.cloudwatch import accept_alarm
from callwatch.settings import load_settings
from functions.authorize import describe_caller, to_bearer

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
ALERT: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "HighLatency", "severity": "warning", "instance": "api-1"},
    "annotations": {"summary": "p95 above 3 s", "description": "longer"},
    "startsAt": "2026-05-04T09:30:00.123456789Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "9f2c1d7a5b3e8f60",
}
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:queue-depth"
ALARM = {
    "AlarmName": "queue-depth",
    "AlarmDescription": "Too deep.",
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 1 datapoint [7.0] was greater than the threshold (5.0).",
    "StateChangeTime": "2026-05-04T09:59:30.123+0000",
    "AlarmArn": ARN,
    "OldStateValue": "OK",
    "Trigger": {"MetricName": "ApproximateNumberOfMessagesVisible", "Namespace": "AWS/SQS"},
}
EVENT = {
    "detail-type": "CloudWatch Alarm State Change",
    "source": "aws.cloudwatch",
    "time": "2026-05-04T09:59:31Z",
    "resources": [ARN],
    "detail": {
        "alarmName": "queue-depth",
        "state": {"value": "ALARM", "reason": "It is deep", "timestamp": "2026-05-04T09:59:30.123+0000"},
        "configuration": {"description": "Too deep"},
    },
}


def accept(source: str = "alertmanager", **changes: Any) -> dict[str, Any]:
    return accept_alert(source, {**ALERT, **changes}, NOW)


def test_alert_of_alertmanager_is_a_row() -> None:
    row = accept()
    assert row == {
        "source": "alertmanager",
        "fingerprint": row["fingerprint"],
        "is_firing": True,
        "level": "warning",
        "name": "HighLatency",
        "labels": {"source": "alertmanager", "alertname": "HighLatency", "instance": "api-1", "severity": "warning"},
        "summary": "p95 above 3 s",
        "starts_at": "2026-05-04T09:30:00.123456+00:00",
        "changed_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(days=3)).isoformat(),
    }
    ended = accept(status="resolved", endsAt="2026-05-04T09:59:00Z")
    assert (ended["is_firing"], ended["expires_at"], ended["fingerprint"]) == (False, None, row["fingerprint"])


def test_only_what_a_callwatch_posted_is_one_that_comes_back() -> None:
    own = {**ALERT, "labels": {**ALERT["labels"], "callwatch_stage": "prod"}}
    assert [is_posted_by_callwatch(item) for item in (own, {**own, "status": "resolved"}, ALERT, {"labels": 1}, 7)] == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_same_labels_are_the_same_alert_and_sources_are_apart() -> None:
    first = accept(fingerprint=None)
    assert accept(fingerprint="")["fingerprint"] == first["fingerprint"]
    assert accept("grafana", fingerprint=None)["fingerprint"] != first["fingerprint"]
    assert accept(fingerprint=None, labels={**ALERT["labels"], "instance": "api-2"})["fingerprint"] != first["fingerprint"]


def test_test_notification_of_grafana_ends_soon() -> None:
    row = accept("grafana", labels={"alertname": "TestAlert"})
    assert row["expires_at"] == (NOW + timedelta(minutes=15)).isoformat()


@pytest.mark.parametrize(
    ("severity", "level"),
    [("page", "critical"), (" P1 ", "critical"), ("High", "error"), ("warn", "warning"), ("none", "info"), ("odd", "error"),
     (None, "error"), (7, "error")],
)  # fmt: skip
def test_severity_is_a_level(severity: Any, level: str) -> None:
    assert find_level(severity) == level


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ("x", ""),
        ({**ALERT, "status": "odd"}, "status"),
        ({**ALERT, "labels": None}, "labels"),
        ({**ALERT, "labels": {"severity": "page"}}, "labels.alertname"),
        ({**ALERT, "labels": {"alertname": 7}}, "labels.alertname"),
    ],
)
def test_bad_alert_names_its_field(item: Any, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        accept_alert("alertmanager", item, NOW)
    assert caught.value.field == field


@pytest.mark.parametrize("given", [[], {}, {"alerts": {}}, {"alerts": [ALERT] * 501}, None])
def test_body_of_another_form_is_refused(given: Any) -> None:
    with pytest.raises(Invalid):
        read_alerts("grafana", given)


def test_labels_are_few_short_and_without_private_data() -> None:
    labels = {"alertname": "A", **{f"label_{index}": "v" * 300 for index in range(80)}}
    row = accept(labels=labels)
    assert len(row["labels"]) <= 10
    assert sum(len(name) + len(value) for name, value in row["labels"].items()) < 1_000
    assert row["labels"]["fingerprint"] == row["fingerprint"][:12]
    other = accept(labels={**labels, "label_79": "other"}, fingerprint="other")
    assert other["labels"]["fingerprint"] != row["labels"]["fingerprint"]
    odd = accept(labels={"alertname": "A", "bad name!": 7, "user": "bob@example.com", "none": None}, annotations={"summary": 7})
    assert odd["labels"]["bad_name_"] == "7"
    assert "bob@" not in json.dumps(odd)
    assert odd["summary"] is None


def test_times_that_cannot_be_are_left_out() -> None:
    for starts_at in ("0001-01-01T00:00:00Z", "soon", None, 7, "2026-05-09T10:00:00Z"):
        assert accept(startsAt=starts_at)["starts_at"] == NOW.isoformat()


@pytest.mark.parametrize("given", [ALARM, EVENT])
def test_alarm_of_either_form_is_the_same_alert(given: Any) -> None:
    (row,) = accept_alarm(given, NOW)
    assert row["fingerprint"] == accept_alarm(ALARM, NOW)[0]["fingerprint"]
    assert (row["is_firing"], row["level"], row["name"], row["expires_at"]) == (True, "error", "queue-depth", None)
    assert row["changed_at"] == "2026-05-04T09:59:30.123000+00:00"
    assert {**row["labels"], "metric": ""} == {
        "source": "cloudwatch", "alertname": "queue-depth", "region": "eu-west-1", "account": "123456789012", "metric": "",
    }  # fmt: skip
    assert row["summary"].startswith("Too deep. ")


def test_alarm_without_data_changes_nothing() -> None:
    assert accept_alarm({**ALARM, "NewStateValue": "INSUFFICIENT_DATA"}, NOW) == []
    assert accept_alarm({**ALARM, "NewStateValue": "OK"}, NOW)[0]["is_firing"] is False


@pytest.mark.parametrize(
    "given", [None, [], {}, {"detail-type": "Other"}, {**ALARM, "NewStateValue": 7}, {**ALARM, "AlarmName": None}]
)
def test_alarm_of_another_form_is_rejected(given: Any) -> None:
    with pytest.raises(Rejected):
        accept_alarm(given, NOW)


def test_large_lists_are_split_into_messages_of_bounded_size() -> None:
    rows = [accept(labels={"alertname": f"A{index}"}, annotations={"summary": "s" * 600}) for index in range(2_000)]
    messages = list(build_alert_messages(rows, 1, NOW))
    assert len(messages) > 1
    assert max(map(len, messages)) < 1_000_000
    assert sum(len(json.loads(message)["alerts"]) for message in messages) == 2_000


class _Open:
    def take(self, _caller: str, _name: str) -> int:
        return 0


def test_password_is_a_token_for_alerts_from_elsewhere_only() -> None:
    token = "a" * 24
    settings = load_settings({"ADMIN_SECRET": f"ana:{token}"})
    basic = "Basic " + base64.b64encode(f"sns:{token}".encode()).decode()
    limits: Any = _Open()
    for path, role in (("/api/external/cloudwatch", "admin"), ("/api/alerts", "none"), ("/api/externals", "none")):
        given = {"rawPath": path, "headers": {"Authorization": basic}, "requestContext": {"http": {"sourceIp": "203.0.113.7"}}}
        assert describe_caller(given, settings, limits)["role"] == role
    bearer = {"rawPath": "/api/external/grafana", "headers": {"authorization": f"Bearer {token}"}}
    assert describe_caller(bearer, settings, limits)["role"] == "admin"


@pytest.mark.parametrize("header", ["Basic ###", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "Bearer x", ""])
def test_credentials_of_another_form_stay_what_they_are(header: str) -> None:
    assert to_bearer(header) == header
