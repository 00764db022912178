"""Alerts, rules and silences through the API of the running system: responses, permissions, and bad input."""

import json
import urllib.parse
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.system import System
from tests.support.scripted_receiver import Receiver

SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
HUGE = "9" * 400


def quoted(path: str, **query: str) -> str:
    return f"{path}?{urllib.parse.urlencode(query)}"


def test_every_rule_shows_its_state_and_evaluation_time(system: System) -> None:
    system.wait_until(lambda: system.get("/api/rules")["items"][0]["last_evaluated_at"], what="the first evaluation")
    # Other tests make rules of their own.
    items = {item["id"]: item for item in system.get("/api/rules")["items"] if item["source"] == "built_in"}
    seed = {"database_health", "high_error_rate", "queue_backlog", "api_degradation", "memory_usage"}
    assert seed <= set(items)
    for item in items.values():
        assert item["last_evaluated_at"] is not None
        assert (item["value"] is None) == ("value" in item["unknown"])
        assert item["runbook_url"].endswith(f"/runbooks/{item['id']}.md")
        assert item["history"] == []
    backlog = items["queue_backlog"]
    assert (backlog["level"], backlog["threshold"], backlog["cooldown_minutes"], backlog["channels"]) == (
        "warning",
        100,
        30,
        ["log"],
    )
    path = urllib.parse.urlsplit(backlog["runbook_url"]).path
    status, page, _headers = system.call("GET", path, None)
    assert status == 200
    assert page.startswith("# Queue backlog")


def test_a_rule_is_switched_off_and_on_with_who_and_why(system: System) -> None:
    status, shown, _headers = system.call("POST", "/api/rules/slow_route/disable", body={"reason": "we know"})
    assert (status, shown["state"], shown["value"]) == (200, "disabled", None)
    assert shown["unknown"]["value"]["message"].endswith(": we know")
    assert [(entry["action"], entry["reason"]) for entry in shown["history"]] == [("disable", "we know")]
    assert shown["history"][0]["actor"]
    status, shown, _headers = system.call("POST", "/api/rules/slow_route/enable", body={"reason": "fixed"})
    assert (status, shown["state"]) == (200, "ok")
    assert [entry["action"] for entry in shown["history"]] == ["enable", "disable"]


def test_a_silence_is_made_listed_and_ended(system: System) -> None:
    given = {
        "matchers": {"rule_id": "zombie_jobs", "labels": {"stage": "recordings", "type": ""}},
        "reason": "migration",
        "ends_at": SOON,
    }
    status, made, _headers = system.call("POST", "/api/silences", body=given)
    assert status == 201
    assert made["actor"]
    queries = {"": True, "?rule_id=zombie_jobs&q=MIGRATION": True, "?rule_id=stuck_jobs": False, "?q=%25": False}
    for query, is_found in queries.items():
        assert (made["id"] in [item["id"] for item in system.get(f"/api/silences{query}")["items"]]) is is_found, query
    assert system.call("DELETE", f"/api/silences/{made['id']}")[0] == 204
    assert system.call("DELETE", f"/api/silences/{made['id']}")[0] == 404
    assert made["id"] not in [item["id"] for item in system.get("/api/silences")["items"]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "loud"}, "state"),
        ({"level": "high"}, "level"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01T00:00:00Z"}, "until"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"limit": HUGE}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "WzEsMl0"}, "cursor"),
        ({"cursor": "W251bGwsbnVsbF0"}, "cursor"),
        ({"cursor": "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjNd"}, "cursor"),
        # A position that is well formed, but with a blank that no cursor of ours has.
        ({"cursor": "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwgMV0"}, "cursor"),
        ({"q": "a\x00b"}, "q"),
        ({"q": "x" * 301}, "q"),
        ({"rule_id": "\x00"}, "rule_id"),
    ],
)
def test_a_bad_filter_is_named(system: System, query: dict[str, str], field: str) -> None:
    status, body, _headers = system.call("GET", quoted("/api/alerts", **query))
    assert (status, body["error"]["code"]) == (422, "invalid_field"), body
    assert body["error"]["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "query",
    [
        {"q": "%"},
        {"q": "_\\"},
        {"q": "\ud7ff\uffff"},
        {"rule_id": "'; DROP TABLE x"},
        {"since": "0001-01-01"},
        {"cursor": "WyIyMDI2LTAxLTAxVDAwOjAwOjAwIiwxXQ"},
    ],
)
def test_an_odd_filter_finds_nothing_and_breaks_nothing(system: System, query: dict[str, str]) -> None:
    status, body, _headers = system.call("GET", quoted("/api/alerts", **query))
    assert status == 200, body


@pytest.mark.parametrize("raw", ["0", "-1", "1e3", "abc", HUGE, "9223372036854775808", "%00", "%F0%9F%98%80", "1%20OR%201"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/alerts/{}"),
        ("POST", "/api/alerts/{}/acknowledge"),
        ("DELETE", "/api/silences/{}"),
        ("POST", "/api/rules/{}/disable"),
    ],
)
def test_an_id_that_names_nothing_is_not_found(system: System, method: str, path: str, raw: str) -> None:
    status, body, _headers = system.call(method, path.format(raw), body={"reason": "x"} if method == "POST" else None)
    assert status in (400, 404), body


BAD_REASONS: list[Any] = [[], None, "x", 1, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 1001}, {"reason": "a\x00b"}]
BAD_REASONS += [{"reason": "\ud800"}, {"reason": 1}, {"reason": ["x"]}, {"reason": None}]


@pytest.mark.parametrize("body", BAD_REASONS, ids=lambda body: str(body)[:20].encode("unicode_escape").decode())
def test_an_action_without_a_usable_reason_is_refused(system: System, body: Any) -> None:
    for path in ("/api/rules/slow_route/disable", "/api/rules/slow_route/test", "/api/alerts/1/acknowledge"):
        status, answer, _headers = system.call("POST", path, body=body if body is not None else b"null")
        assert (status, answer["error"]["message"].split(":")[0]) == (422, "reason"), (path, answer)


def test_a_rule_is_acted_on_without_a_reason_and_an_alert_is_not(system: System) -> None:
    for action, body in (("disable", None), ("test", {}), ("enable", b"")):
        status, shown, _headers = system.call("POST", f"/api/rules/orphan_calls/{action}", body=body)
        assert (status, shown["history"][0]["action"], shown["history"][0]["reason"]) == (200, action, "no reason given")
    assert system.call("POST", "/api/alerts/1/acknowledge", body={})[0] == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"matchers": {}}, "matchers"),
        ({"matchers": None}, "matchers"),
        ({"matchers": {"level": "info"}}, "matchers"),
        ({"matchers": {"rule_id": ""}}, "matchers.rule_id"),
        ({"matchers": {"rule_id": 1}}, "matchers.rule_id"),
        ({"matchers": {"service": "x" * 201}}, "matchers.service"),
        ({"matchers": {"service": "\x00"}}, "matchers.service"),
        ({"matchers": {"labels": {"a": 1}}}, "matchers.labels"),
        ({"matchers": {"labels": {"a\x00": "b"}}}, "matchers.labels"),
        ({"matchers": {"labels": {str(n): "x" for n in range(21)}}}, "matchers.labels"),
        ({"ends_at": "soon"}, "ends_at"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "ends_at"),
        ({"ends_at": 1}, "ends_at"),
        ({"ends_at": "9999-12-31T23:59:59-23:59"}, "ends_at"),
    ],
)
def test_a_bad_silence_is_refused_with_its_field(system: System, change: dict[str, Any], field: str) -> None:
    given = {"matchers": {"rule_id": "zombie_jobs"}, "reason": "x", "ends_at": SOON} | change
    status, body, _headers = system.call("POST", "/api/silences", body=given)
    assert (status, body["error"]["message"].split(": ")[0]) == (422, field), body


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[" * 5000])
def test_a_body_that_is_no_json_is_a_bad_request(system: System, raw: bytes) -> None:
    for path in ("/api/silences", "/api/rules/slow_route/disable", "/api/alerts/1/acknowledge"):
        assert (raw == b"" and "rules" in path) or system.call("POST", path, body=raw)[0] == 400


def test_only_an_admin_acts(system: System) -> None:
    for method, path in (
        ("POST", "/api/rules/slow_route/disable"),
        ("POST", "/api/alerts/1/acknowledge"),
        ("DELETE", "/api/silences/1"),
    ):
        assert system.call(method, path, system.viewer_token, {"reason": "x"})[0] == 403
        assert system.call(method, path, None, {"reason": "x"})[0] == 401


@pytest.fixture
def alert(system: System) -> dict[str, Any]:
    """Return the alert that a critical error raises."""
    given = {"message": "the transcripts are gone", "severity": "critical", "type": "DataLoss"}
    assert system.call("POST", "/api/errors", system.ingest_key, given)[0] == 202
    query = "/api/alerts?state=firing&rule_id=high_error_rate"
    found: list[dict[str, Any]] = system.wait_until(lambda: system.get(query)["items"], what="the alert")
    return found[0]


def test_firing_alert_matches_each_filter_and_acknowledges(system: System, alert: dict[str, Any]) -> None:
    assert (alert["level"], alert["title"], alert["suppressed_by"]) == ("error", "High error rate", None)
    assert "threshold" in alert["message"]
    before = (datetime.fromisoformat(alert["started_at"]) - timedelta(seconds=1)).isoformat()
    after = (datetime.fromisoformat(alert["started_at"]) + timedelta(seconds=1)).isoformat()
    for query, is_found in (
        ({"level": "error"}, True), ({"level": "info"}, False), ({"state": "resolved"}, False), ({"q": "high ERROR"}, True),
        ({"q": "no such words"}, False), ({"q": "h_gh error"}, False), ({"q": "high%rate"}, False),
        ({"since": before, "until": after}, True), ({"until": before}, False),
    ):  # fmt: skip
        ids = [item["id"] for item in system.get(quoted("/api/alerts", limit="200", **query))["items"]]
        assert (alert["id"] in ids) is is_found, query
    status, shown, _headers = system.call("POST", f"/api/alerts/{alert['id']}/acknowledge", body={"reason": "restoring them"})
    assert status == 200
    assert shown["acknowledged_by"]
    entry = next(entry for entry in shown["timeline"] if entry["kind"] == "acknowledged")
    assert (entry["actor"], entry["details"]) == (shown["acknowledged_by"], "restoring them")
    assert {"alert.firing", "alert.acknowledged"} <= {delivery["kind"] for delivery in shown["deliveries"]}


def test_alerts_come_in_pages_newest_first(system: System, alert: dict[str, Any]) -> None:
    system.wait_until(lambda: len(system.get("/api/alerts")["items"]) > 1, what="a second alert: the error is a new one")
    seen, cursor = [], ""
    while cursor is not None:
        page = system.get(quoted("/api/alerts", limit="1", **({"cursor": cursor} if cursor else {})))
        assert len(page["items"]) == 1
        seen += [(item["started_at"], item["id"]) for item in page["items"]]
        cursor = page["next_cursor"]
    assert alert["id"] in [alert_id for _at, alert_id in seen]
    assert len({alert_id for _at, alert_id in seen}) == len(seen)
    assert [at for at, _id in seen] == sorted((at for at, _id in seen), reverse=True)


def test_a_test_notification_is_sent_at_once_and_marked(system: System, receiver: Receiver) -> None:
    assert system.call("POST", "/api/rules/high_error_rate/test", body={"reason": "does it arrive?"})[0] == 200
    bodies = [json.loads(request.body) for request in list(receiver.received)]
    found = [body for body in bodies if body["type"] == "alert.test"]
    assert found
    assert found[-1]["data"]["message"].endswith(": does it arrive?")


def test_rule_shows_whether_its_test_message_arrived(system: System, receiver: Receiver) -> None:
    def list_states(rule: dict[str, Any]) -> dict[str, str]:
        return {delivery["channel"]: delivery["state"] for delivery in rule["test_deliveries"]}

    _status, shown, _headers = system.call("POST", "/api/rules/zombie_jobs/test", body={"reason": "does it arrive?"})
    assert list_states(shown).items() >= {"database": "sent", "log": "sent"}.items()

    def find_sent() -> tuple[dict[str, Any], int, dict[str, Any]] | None:
        page = system.get("/api/rules")
        (place,) = (number for number, item in enumerate(page["items"]) if item["id"] == "zombie_jobs")
        item = page["items"][place]
        return (page, place, item) if list_states(item).get("webhook") == "sent" else None

    # The response does not wait for a receiver for long.
    page, place, item = system.wait_until(find_sent, 20, "the webhook is sent")
    assert list_states(item) == {"database": "sent", "log": "sent", "webhook": "sent"}
    assert page["unknown"][f"items.{place}.test_deliveries.0.last_error"] == item["unknown"]["test_deliveries.0.last_error"]


def test_rules_come_in_pages_and_by_their_state_and_level(system: System) -> None:
    everything = [item["id"] for item in system.get("/api/rules")["items"]]
    first = system.get("/api/rules?limit=20")
    rest = system.get(quoted("/api/rules", cursor=first["next_cursor"]))
    assert [item["id"] for item in [*first["items"], *rest["items"]]] == everything
    assert rest["next_cursor"] is None
    assert {item["level"] for item in system.get("/api/rules?level=critical")["items"]} == {"critical"}
    assert system.get("/api/rules?state=disabled")["items"] == []
    assert [item["id"] for item in system.get("/api/rules?rule_id=zombie_jobs")["items"]] == ["zombie_jobs"]
    assert "slow_route" in {item["id"] for item in system.get("/api/rules?q=SLOW")["items"]} != set(everything)
    for query in ("limit=0", "state=loud", "cursor=x", "cursor=LTE"):
        assert system.call("GET", f"/api/rules?{query}")[0] == 422
