"""The overview: one response for the first view, 304 while nothing changes, and parts that fail alone."""

import json
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.db import connection, execute
from callwatch.reports import overview as report
from callwatch.runtime.responses import build_etag, encode
from functions import get_overview
from tests.database.test_incidents import evaluate, rules
from tests.support.api_contract import check_response

# Its rules are those of this file, too.
__all__ = ["rules"]


def ask(known: str = "", role: Any = "viewer") -> tuple[int, Any, str]:
    """Return status, body and ETag of a request that knows a content."""
    headers = {"if-none-match": known} if known else {}
    answer = get_overview.handle(Request("GET", "/api/overview", headers=headers, role=role, actor="tv"))
    return answer.status, None if answer.body is None else json.loads(encode(answer.body)), answer.headers["etag"]


def test_one_response_has_every_part_in_its_shape() -> None:
    evaluate(0, "cause", "effect", "other:b")
    status, body, _tag = ask()
    assert status == 200
    check_response("GET", "/api/overview", body)
    assert [each["cause"]["rule_id"] for each in body["incidents"]] == ["cause", "other"], "the worst first"
    assert (body["open_incidents"], body["status"], len(body["issues"])) == (2, "outage", 3)
    assert body["caller"] == {"role": "viewer", "actor": "tv"}
    assert body["errors"]["summary"]["total_24h"] == 0
    assert "latency_ms" not in body["services"]["database"]
    assert {each["alert_id"] for each in body["issues"]} == {
        alert["id"] for each in body["incidents"] for alert in each["alerts"]
    }
    assert body["issues"][0]["level"] == "critical"
    of_incident = {alert["id"]: each["id"] for each in body["incidents"] for alert in each["alerts"]}
    assert [each["incident_id"] for each in body["issues"]] == [of_incident[each["alert_id"]] for each in body["issues"]]


def test_the_end_of_the_last_incident_is_known() -> None:
    assert ask()[1]["unknown"]["last_incident_ended_at"]["code"] == "none"
    evaluate(0, "cause")
    evaluate(1)
    _status, body, _tag = ask()
    assert body["last_incident_ended_at"] == "2026-03-01T12:01:00Z"
    assert body["open_incidents"] == 0


def _add_group(number: int, severity: str, state: str) -> None:
    with connection() as conn:
        execute(
            conn,
            """INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, message, severity, category,
                   state, count, first_seen_at, last_seen_at)
               VALUES (1, 'production', %s, 'title', 'message', %s, 'api', %s, 1, now(), now())""",
            (f"group {number}", severity, state),
        )
        conn.commit()


def test_the_most_severe_open_groups_stand_first() -> None:
    for number, (severity, state) in enumerate(
        [("low", "new"), ("critical", "unresolved"), ("high", "resolved"), ("high", "regressed"), ("critical", "ignored")]
    ):
        _add_group(number, severity, state)
    _status, body, _tag = ask()
    assert [(group["severity"], group["state"]) for group in body["error_groups"]] == [
        ("critical", "unresolved"),
        ("high", "regressed"),
        ("low", "new"),
    ]


def test_a_known_content_is_304_until_it_changes() -> None:
    evaluate(0, "cause")
    _status, body, tag = ask()
    assert ask(tag) == (304, None, tag)
    for known in (f'"other", {tag}', tag.removeprefix("W/"), "*"):
        assert ask(known)[0] == 304, known
    for known in ('W/"other"', "", tag[:-2] + '"'):
        assert ask(known)[0] == 200, known
    assert ask(tag, role="admin")[0] == 200, "another caller, another content"
    evaluate(1, "cause", "other")
    assert ask(tag)[0] == 200
    assert build_etag({**body, "timestamp": "later"}) == tag


@pytest.mark.parametrize(
    ("broken", "lost"),
    [
        ("build_status", {"status", "issues", "services", "performance", "recent_activity", "monitor"}),
        ("build_pipeline", {"pipeline"}),
        ("read_error_metrics", {"errors"}),
        ("load_worst_incidents", {"incidents", "open_incidents", "last_incident_ended_at", "cause_values"}),
        ("load_cause_values", {"cause_values"}),
        ("load_usual_rates", {"usual_rates"}),
        ("list_worst_groups", {"error_groups"}),
        ("read_service_states", {"checks"}),
    ],
)
def test_a_failing_part_costs_only_itself(broken: str, lost: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(report, broken, fail)
    status, body, _tag = ask()
    assert status == 200
    check_response("GET", "/api/overview", body)
    is_none = {name for name, why in body["unknown"].items() if why["code"] == "none"}
    assert {name for name, value in body.items() if value is None} - is_none == lost
    assert {body["unknown"][name]["code"] for name in lost} == {"unavailable"}


def test_an_unreadable_product_leaves_incidents_and_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    from callwatch.db import reset_pool
    from callwatch.settings import reset_settings

    reset_settings()
    reset_pool()
    evaluate(0, "cause")
    status, body, _tag = ask()
    assert status == 200
    check_response("GET", "/api/overview", body)
    assert body["open_incidents"] == 1
    assert body["unknown"]["services.queues.recordings.pending"]["code"] == "unavailable"
