"""The page behind a link in a message: a GET never acts, a POST acts once, and who acted is kept."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from callwatch.alerts.notifications.take_link import TakeLink, sign_link
from callwatch.alerts.taking.page import HEADERS
from callwatch.db import connection
from callwatch.settings import reset_settings
from functions.take_alert import lambda_handler

SECRET = "a-secret-of-links-0001"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def alert_id(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("MESSAGE_LINK_SECRET", SECRET)
    monkeypatch.setenv("APP_URL", "https://ops.example.com")
    reset_settings()
    yield str(add_alert())
    reset_settings()


def add_alert(key: str = "x", group: int | None = None) -> int:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO callwatch.alerts
                (alert_key, rule_id, title, level, state, message, labels, started_at, runbook_url, group_id)
            VALUES (%s, 'service_down', 'Down <b>', 'error', 'firing', 'It is <script>', '{}', %s, '', %s) RETURNING id
            """,
            (key, NOW, group),
        )
        (alert_id,) = cursor.fetchone()
        conn.commit()
    return int(alert_id)


def add_incident(*alert_ids: int, merged_into: int | None = None) -> int:
    """Add an incident with these alerts; the first is its cause."""
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO callwatch.incidents (state, title, sentence, level, started_at, cause_alert_id, merged_into)
            VALUES (%s, 'Quota <i>', 'OpenAI quota used up', 'critical', %s, %s, %s) RETURNING id
            """,
            ("open" if merged_into is None else "resolved", NOW, alert_ids[0], merged_into),
        )
        (incident_id,) = cursor.fetchone()
        cursor.execute("UPDATE callwatch.alerts SET incident_id = %s WHERE id = ANY (%s)", (incident_id, list(alert_ids)))
        conn.commit()
    return int(incident_id)


def end_alert(alert_id: str) -> None:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("UPDATE callwatch.alerts SET resolved_at = %s, state = 'resolved' WHERE id = %s", (NOW, alert_id))
        conn.commit()


def read_incident_owners() -> list[Any]:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT owner FROM callwatch.incidents ORDER BY id")
        return [owner for (owner,) in cursor.fetchall()]


def make_token(alert_id: str, message_id: str = "msg_1", lasts: timedelta = timedelta(hours=1)) -> str:
    return sign_link(TakeLink(alert_id, "slack:ops", message_id, NOW + lasts), SECRET)


def request(method: str, token: str) -> tuple[int, str, dict[str, str]]:
    event: dict[str, Any] = {
        "headers": {"content-type": "application/x-www-form-urlencoded"}, "pathParameters": {"token": token}, "body": "",
        "requestContext": {"http": {"method": method, "path": f"/api/take/{token}", "sourceIp": "203.0.113.7"}, "requestId": "1"},
    }  # fmt: skip
    context = SimpleNamespace(aws_request_id="1", function_name="f", get_remaining_time_in_millis=lambda: 3000)
    answer = lambda_handler(event, context)
    return answer["statusCode"], answer["body"], {name.lower(): value for name, value in answer["headers"].items()}


def read_owner(alert_id: str) -> Any:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT acknowledged_by FROM callwatch.alerts WHERE id = %s", (alert_id,))
        return cursor.fetchone()[0]


def test_reading_the_page_changes_nothing(alert_id: str) -> None:
    token = make_token(alert_id)
    for method in ("GET", "HEAD", "GET"):
        status, body, headers = request(method, token)
        assert status == 200
    assert read_owner(alert_id) is None
    assert body.count("<button>") == 1
    assert "Down &lt;b&gt;" in body
    assert "<script" not in body
    assert headers["content-security-policy"] == HEADERS["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")


def test_the_log_has_no_link(alert_id: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "callwatch")
    request("GET", make_token(alert_id))
    assert [vars(record).get("path") for record in caplog.records] == ["/api/take/{token}"]


def test_the_button_works_once(alert_id: str) -> None:
    token = make_token(alert_id)
    assert request("POST", token)[0] == 200
    assert read_owner(alert_id) == "reader of slack:ops"
    assert [request(method, token)[0] for method in ("POST", "GET")] == [410, 410]
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT actor, details FROM callwatch.alert_timeline WHERE alert_id = %s", (alert_id,))
        assert cursor.fetchall() == [("reader of slack:ops", "taken by the link in a message of slack:ops")]


def test_of_two_at_once_one_acts(alert_id: str) -> None:
    token, found = make_token(alert_id), []
    threads = [threading.Thread(target=lambda: found.append(request("POST", token)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 410, 410, 410]


def test_a_link_that_ended_or_is_forged_does_nothing(alert_id: str) -> None:
    assert request("POST", make_token(alert_id, lasts=-timedelta(seconds=1)))[0] == 410
    assert request("POST", make_token(alert_id)[:-5] + "AAAAA")[0] == 404
    assert request("POST", json.dumps(["7"]))[0] == 404
    assert request("POST", make_token("99999999"))[0] == 404
    assert read_owner(alert_id) is None


def test_an_alert_that_is_over_is_not_taken(alert_id: str) -> None:
    end_alert(alert_id)
    assert [request(method, make_token(alert_id))[0] for method in ("GET", "POST")] == [409, 409]


def test_links_that_ended_are_forgotten(alert_id: str) -> None:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(
            "INSERT INTO callwatch.used_links SELECT n::text, '1', 'email', now(), now() - interval '1 day'"
            " FROM generate_series(1, 150) n"
        )
        conn.commit()
    for number in range(2):
        assert request("POST", make_token(alert_id, f"msg_{number}"))[0] == 200
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM callwatch.used_links")
        assert cursor.fetchone() == (2,)


def test_the_incident_of_the_alert_is_taken(alert_id: str) -> None:
    other = add_alert("y")
    incident = add_incident(int(alert_id), other)
    status, page, _headers = request("GET", make_token(alert_id))
    assert (status, read_incident_owners()) == (200, [None])
    assert "Quota &lt;i&gt;" in page
    assert "critical: OpenAI quota used up" in page
    assert request("POST", make_token(alert_id))[0] == 200
    assert read_incident_owners() == ["reader of slack:ops"]
    assert [read_owner(each) for each in (alert_id, str(other))] == ["reader of slack:ops"] * 2
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT incident_id, kind, actor, details FROM callwatch.incident_timeline")
        said = "taken by the link in a message of slack:ops"
        assert cursor.fetchall() == [(incident, "taken", "reader of slack:ops", said)]
    assert "Taken before by reader of slack:ops." in request("GET", make_token(alert_id, "msg_2"))[1]


def test_an_incident_whose_first_alert_ended_is_taken(alert_id: str) -> None:
    add_incident(int(alert_id), add_alert("y"))
    end_alert(alert_id)
    assert request("POST", make_token(alert_id))[0] == 200
    assert read_incident_owners() == ["reader of slack:ops"]


def test_a_message_about_a_group_takes_each_incident_of_it(alert_id: str) -> None:
    members = [add_alert(f"member {number}", group=int(alert_id)) for number in range(7)]
    add_incident(int(alert_id))
    for member in members[:6]:
        add_incident(member)
    page = request("GET", make_token(alert_id))[1]
    assert "8 incidents" in page
    assert "and 3 more" in page
    assert request("POST", make_token(alert_id))[0] == 200
    assert read_incident_owners() == ["reader of slack:ops"] * 7
    assert read_owner(str(members[6])) == "reader of slack:ops", "an alert without an incident is acknowledged"


def test_a_delivery_says_which_alerts_it_was_about(alert_id: str) -> None:
    other, stranger = add_alert("y"), add_alert("z")
    for each in (int(alert_id), other, stranger):
        add_incident(each)
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(
            "INSERT INTO callwatch.deliveries (alert_id, alert_ids, channel, kind, message_id, payload, due_at, state)"
            " VALUES (%s, %s, 'slack:ops', 'alert.firing', 'msg_1', '{}', %s, 'sent')",
            (alert_id, [int(alert_id), other], NOW),
        )
        conn.commit()
    assert request("POST", make_token(alert_id))[0] == 200
    assert read_incident_owners() == ["reader of slack:ops", "reader of slack:ops", None]
