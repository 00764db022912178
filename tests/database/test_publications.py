"""What people publish of incidents, and the snapshot of the public status page, with state in a real PostgreSQL."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.db import connection, execute
from callwatch.exceptions import RequestRefused
from callwatch.monitor.cycle import Cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.status_page_step import write_status_page
from callwatch.reports.status_page.assessment import build_snapshot
from callwatch.reports.status_page.publications import load_publication, publish
from callwatch.reports.status_page.snapshot import load_snapshot
from callwatch.runtime.responses import encode, find_status
from callwatch.settings import get_settings, reset_settings
from functions import get_publication
from tests.database.test_incidents import MINUTE, NOW, evaluate, happened, rules
from tests.support.api_contract import check_response

# Its rules are those of this file, too.
__all__ = ["rules"]

FILE = {
    "name": "Acme",
    "components": [
        {"id": "calls", "name": "Call analysis", "stages": ["analyses"]},
        {"id": "api", "name": "API", "services": ["a"]},
    ],
}


@pytest.fixture(autouse=True)
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.json").write_text(json.dumps(FILE))
    monkeypatch.setenv("STATUS_PAGE_FILE", str(tmp_path / "page.json"))
    monkeypatch.setenv("STATUS_PAGE_STORE", str(tmp_path / "store"))
    reset_settings()


def say(status: str = "investigating", minute: int = 1, incident: str = "1", **given: Any) -> Any:
    words = {"status": status, "body": "We look into it.", **given}
    with connection() as conn:
        found = publish(conn, incident, words, "maria-of-ops", get_settings(), NOW + minute * MINUTE)
        conn.commit()
    return found


def refuse(given: Any, incident: str = "1") -> tuple[int, str]:
    with connection() as conn, pytest.raises(RequestRefused) as refused:
        publish(conn, incident, given, "ana", get_settings(), NOW)
    return find_status(refused.value), refused.value.message


def snapshot(minute: int = 1) -> Any:
    known = get_settings().status_page_file
    assert known is not None
    with connection() as conn:
        return build_snapshot(conn, known, NOW + minute * MINUTE)


def test_draft_names_components_and_no_cause() -> None:
    evaluate(0, "cause", "effect", stage="analyses")
    with connection() as conn:
        found = load_publication(conn, "1", get_settings())
    assert found["draft"]["title"] == "Problems with Call analysis and API"
    assert (found["draft"]["impact"], found["draft"]["components"]) == ("critical", ["calls", "api"])
    assert "Cause" not in json.dumps(found["draft"])
    assert (found["published"], found["is_page_on"]) == (None, True)
    check_response("GET", "/api/incidents/{id}/publication", json.loads(encode(found)))


def test_updates_add_up_and_keep_what_was_published() -> None:
    evaluate(0, "cause", stage="analyses")
    say(title="Analysis is late", components=["calls"])
    found = say("identified", 5, body="A vendor is down.", impact="minor")
    check_response("POST", "/api/incidents/{id}/publication", json.loads(encode(found)))
    shown = found["published"]
    assert (shown["title"], shown["impact"], shown["components"]) == ("Analysis is late", "minor", ["calls"])
    assert [each["status"] for each in shown["updates"]] == ["identified", "investigating"]
    assert (shown["created_at"], shown["updated_at"], shown["resolved_at"]) == (NOW + MINUTE, NOW + 5 * MINUTE, None)
    assert say("resolved", 9)["published"]["resolved_at"] == NOW + 9 * MINUTE
    assert say("monitoring", 10)["published"]["resolved_at"] is None
    assert happened("1").count("published") == 4


def test_nothing_is_public_before_a_person_publishes_it() -> None:
    evaluate(0, "cause", "other", stage="analyses")
    assert snapshot()["incidents"] == []
    say(title="Late")
    shown = snapshot(2)
    assert [each["title"] for each in shown["incidents"]] == ["Late"]
    assert "maria" not in json.dumps(shown, default=str)


def test_private_data_in_words_is_scrubbed() -> None:
    evaluate(0, "cause")
    say(title="Late for jane@example.com", body="Call +1 415 555 0134 for help.")
    text = json.dumps(snapshot(), default=str)
    assert "jane@example.com" not in text
    assert "555 0134" not in text


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        (None, 422, "must be one of investigating"),
        ([], 422, "must be one of investigating"),
        ({"status": "fixed", "title": "T", "body": "b"}, 422, "must be one of investigating"),
        ({"status": ["resolved"], "title": "T", "body": "b"}, 422, "must be one of investigating"),
        ({"status": "resolved", "title": "T", "body": "  "}, 422, "must be a text of 1 to 5,000"),
        ({"status": "resolved", "title": "T", "body": "\ud800"}, 422, "must be a text of 1 to 5,000"),
        ({"status": "resolved", "body": "b"}, 422, "must be a text of 1 to 200"),
        ({"status": "resolved", "title": "x" * 201, "body": "b"}, 422, "must be a text of 1 to 200"),
        ({"status": "resolved", "title": "T", "body": "b", "impact": "huge"}, 422, "must be one of none, minor"),
        ({"status": "resolved", "title": "T", "body": "b", "components": ["nope"]}, 422, "ids of the page's components: calls"),
        ({"status": "resolved", "title": "T", "body": "b", "components": [{}]}, 422, "ids of the page's components: calls"),
    ],
)
def test_bad_words_name_field_and_remedy(given: Any, status: int, says: str) -> None:
    evaluate(0, "cause")
    found, message = refuse(given)
    assert (found, says in message) == (status, True), message
    assert snapshot()["incidents"] == []


def test_unknown_and_merged_incidents_are_refused() -> None:
    assert refuse({"status": "resolved"}, "77")[0] == 404
    assert refuse({"status": "resolved"}, "\x00")[0] == 404
    evaluate(0, "cause", "effect:b")
    with connection() as conn:
        execute(conn, "UPDATE callwatch.incidents SET merged_into = 1, state = 'resolved', resolved_at = now() WHERE id = 2")
        conn.commit()
    assert refuse({"status": "resolved", "title": "T", "body": "b"}, "2") == (409, "it is a part of incident 1; publish that one")


def test_page_that_is_off_publishes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(0, "cause")
    monkeypatch.delenv("STATUS_PAGE_FILE")
    reset_settings()
    assert refuse({"status": "resolved", "title": "T", "body": "b"}) == (
        409,
        "the public status page is off: set STATUS_PAGE_FILE",
    )


def test_an_incident_has_at_most_a_hundred_updates() -> None:
    evaluate(0, "cause")
    for minute in range(100):
        say(title="T", minute=minute)
    assert refuse({"status": "resolved", "title": "T", "body": "b"})[0] == 409
    assert len(snapshot()["incidents"][0]["updates"]) == 100


def test_components_follow_alerts_and_checks() -> None:
    evaluate(0, stage="analyses")
    assert [each["status"] for each in snapshot()["components"]] == ["operational", "unknown"]
    evaluate(1, "other", stage="analyses")
    assert [each["status"] for each in snapshot(1)["components"]] == ["partial_outage", "unknown"]
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.service_states (service, status, failures, successes, checked_at, since, details)"
            " VALUES ('a', 'healthy', 0, 1, %s, %s, '{}')",
            (NOW, NOW),
        )
        conn.commit()
    assert [each["status"] for each in snapshot(1)["components"]] == ["partial_outage", "operational"]
    # A result that nobody renews says nothing about the present.
    assert [each["status"] for each in snapshot(20)["components"]] == ["partial_outage", "unknown"]


def run_step(*, is_evaluated: bool = True) -> Mapping[str, object]:
    cycle = Cycle(now=NOW + MINUTE, deadline=float("inf"), state=MonitorState(), holder="test")
    cycle.is_evaluated = is_evaluated
    return write_status_page(cycle)


def test_monitor_writes_what_the_page_reads() -> None:
    evaluate(0, "other", stage="analyses")
    say(title="Late")
    assert run_step() == {"components": 2, "incidents": 1}
    assert load_snapshot(get_settings().status_page_store) == snapshot(1)


def test_cycle_without_evaluation_renews_nothing() -> None:
    assert "skipped" in run_step(is_evaluated=False)
    assert load_snapshot(get_settings().status_page_store) is None


def test_endpoint_returns_the_draft() -> None:
    evaluate(0, "cause")
    request = Request("GET", "/x", {"id": "1"}, role="viewer")
    assert get_publication.handle(request)["draft"]["impact"] == "critical"
