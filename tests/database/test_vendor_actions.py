"""POST /api/actions/{vendor}: buttons and acknowledgements at vendors take, note and release incidents, once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from callwatch.db import connection, fetch_all
from callwatch.settings import reset_settings
from functions.receive_action import lambda_handler
from tests.database.test_take_by_link import add_alert, add_incident, end_alert, read_incident_owners, read_owner
from tests.unit.test_vendor_actions import SECRET, event, press, report, sign


@pytest.fixture
def alert_id(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    for name in ("SLACK_SIGNING_SECRET", "PAGERDUTY_WEBHOOK_SECRET", "OPSGENIE_WEBHOOK_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("STAGE", "prod")
    reset_settings()
    yield add_alert()
    reset_settings()


def send(vendor: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    given: dict[str, Any] = {
        "headers": sign(vendor, body, at=datetime.now(UTC)) if headers is None else headers,
        "pathParameters": {"vendor": vendor}, "body": body.decode(), "routeKey": "POST /api/actions/{vendor}",
        "requestContext": {
            "http": {"method": "POST", "path": f"/api/actions/{vendor}", "sourceIp": "203.0.113.9"}, "requestId": "1"
        },
    }  # fmt: skip
    context = SimpleNamespace(aws_request_id="1", function_name="f", get_remaining_time_in_millis=lambda: 3000)
    answer = lambda_handler(given, context)
    return answer["statusCode"], answer["body"]


def happen(kind: str, alert: int, number: int = 1, **changes: Any) -> bytes:
    occurred_at = datetime.now(UTC).isoformat()
    return event(kind, f"callwatch:prod:{alert}", id=f"event-{number}", occurred_at=occurred_at, **changes)


def entries() -> list[tuple[str, str, str]]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT kind, actor, details FROM callwatch.incident_timeline ORDER BY id")
    return [(row["kind"], row["actor"], row["details"]) for row in rows]


def test_the_button_in_slack_takes_the_incident_once(alert_id: int) -> None:
    add_incident(alert_id, add_alert("y"))
    body = press(f'["{alert_id}", "msg_1"]')
    headers = sign("slack", body, at=datetime.now(UTC))
    assert send("slack", body, headers) == (200, '{"done":1,"ignored":0}')
    assert read_incident_owners() == ["ana in Slack"]
    assert read_owner(str(alert_id)) == "ana in Slack"
    assert entries() == [("taken", "ana in Slack", "taken by the button in Slack")]
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("UPDATE callwatch.incidents SET owner = NULL, owned_at = NULL")
        conn.commit()
    assert send("slack", body, headers) == (200, '{"done":0,"ignored":1}')
    assert read_incident_owners() == [None], "a recorded request acts once"


def test_pagerduty_takes_notes_and_releases(alert_id: int) -> None:
    add_incident(alert_id)
    assert send("pagerduty", happen("acknowledged", alert_id))[1] == '{"done":1,"ignored":0}'
    assert read_incident_owners() == ["Ana in PagerDuty"]
    assert send("pagerduty", happen("resolved", alert_id, 2))[1] == '{"done":1,"ignored":0}'
    assert send("pagerduty", happen("unacknowledged", alert_id, 3, agent=None))[1] == '{"done":1,"ignored":0}'
    assert (read_incident_owners(), read_owner(str(alert_id))) == ([None], None)
    assert send("pagerduty", happen("acknowledged", alert_id))[1] == '{"done":0,"ignored":1}', "it was carried out before"
    assert [kind for kind, _actor, _details in entries()] == ["taken", "note", "released"]
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT state FROM callwatch.incidents")
    assert row["state"] == "open", "the evaluation says what is over"


def test_a_pager_releases_only_what_was_taken_there(alert_id: int) -> None:
    add_incident(alert_id)
    send("slack", press(f'["{alert_id}", "msg_1"]'))
    assert send("pagerduty", happen("unacknowledged", alert_id, agent=None))[1] == '{"done":0,"ignored":1}'
    assert read_incident_owners() == ["ana in Slack"]


def test_opsgenie_takes_notes_and_releases(alert_id: int) -> None:
    add_incident(alert_id)
    for action, owner in (("Acknowledge", "u-1 in Opsgenie"), ("Close", "u-1 in Opsgenie"), ("UnAcknowledge", None)):
        assert send("opsgenie", report(action, f"callwatch:prod:{alert_id}")) == (200, '{"done":1,"ignored":0}')
        assert read_incident_owners() == [owner]


def test_an_alert_without_an_incident_is_acknowledged(alert_id: int) -> None:
    assert send("pagerduty", happen("acknowledged", alert_id))[1] == '{"done":1,"ignored":0}'
    assert read_owner(str(alert_id)) == "Ana in PagerDuty"
    assert send("pagerduty", happen("resolved", alert_id, 2))[1] == '{"done":0,"ignored":1}'


@pytest.mark.parametrize("key", ["callwatch:prod:999999999", "callwatch:prod:database_health", "callwatch:prod:9" + "9" * 30])
def test_a_key_that_is_not_known_is_answered(alert_id: int, key: str) -> None:
    occurred_at = datetime.now(UTC).isoformat()
    assert send("pagerduty", event("acknowledged", key, occurred_at=occurred_at)) == (200, '{"done":0,"ignored":1}')
    assert send("opsgenie", report("Acknowledge", key)) == (200, '{"done":0,"ignored":1}')


def test_what_is_over_is_left_alone(alert_id: int) -> None:
    end_alert(str(alert_id))
    assert send("pagerduty", happen("acknowledged", alert_id)) == (200, '{"done":0,"ignored":1}')


def test_nothing_is_done_without_a_valid_signature(alert_id: int) -> None:
    add_incident(alert_id)
    bodies = {"slack": press(f'["{alert_id}", "m"]'), "pagerduty": happen("acknowledged", alert_id)}
    bodies["opsgenie"] = report("Acknowledge", f"callwatch:prod:{alert_id}")
    for vendor, body in bodies.items():
        forged = sign(vendor, body, "a-secret-of-others-0001", datetime.now(UTC))
        assert [send(vendor, body, headers)[0] for headers in (forged, {})] == [403, 401]
        assert send(vendor, body + b" " * 300_000)[0] == 413
    assert read_incident_owners() == [None]


def test_without_a_secret_there_is_no_such_path(database: str) -> None:
    reset_settings()
    for vendor in ("slack", "pagerduty", "opsgenie", "teams"):
        assert send(vendor, b"{}", {"x-callwatch-token": SECRET})[0] == 404
