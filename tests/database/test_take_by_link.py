"""The page behind a link in a message: a GET never acts, a POST acts once, and who acted is kept."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from callwatch.alerts.notifications.take_link import TakeLink, sign_link
from callwatch.alerts.take_page import HEADERS
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


def add_alert() -> int:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO callwatch.alerts (alert_key, rule_id, title, level, state, message, labels, started_at, runbook_url)
            VALUES ('x', 'service_down', 'Down <b>', 'error', 'firing', 'It is <script>', '{}', %s, '') RETURNING id
            """,
            (NOW,),
        )
        (alert_id,) = cursor.fetchone()
        conn.commit()
    return int(alert_id)


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
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("UPDATE callwatch.alerts SET resolved_at = %s, state = 'resolved' WHERE id = %s", (NOW, alert_id))
        conn.commit()
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
