"""Access to personal data on a database: stored once, found by an auditor, counted against the requests."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluator import evaluate_rules
from callwatch.api.http import Request
from callwatch.counters.access import read_access_samples
from callwatch.db import connection, fetch_all
from callwatch.db.report_queries.access_log import delete_records_before
from callwatch.digest.store import digest
from callwatch.exceptions import Invalid
from callwatch.ingest.access import accept_access
from callwatch.ingest.requests import accept_request, build_request_messages
from callwatch.runtime.responses import encode
from callwatch.settings import get_settings, reset_settings
from functions import list_access
from tests.support.api_contract import check_response
from tests.support.monitor_cycles import states

NOW = datetime.now(UTC)
THEN = NOW - timedelta(minutes=10)
KEY = "k" * 64
CALLS, LEADS = "GET /api/calls/{id}", "/api/leads"


@pytest.fixture(autouse=True)
def routes(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PII_ROUTES", f"{CALLS},{LEADS}")
    monkeypatch.setenv("USER_HASH_KEY", KEY)
    reset_settings()


def record(
    subject: str = "4711", request_id: str | None = None, route: str = CALLS, actor: str = "user:17", at: datetime = THEN
) -> dict[str, Any]:
    given = {"actor": actor, "subject_kind": "lead", "subject_id": subject, "route": route, "at": at.isoformat()}
    return accept_access({**given, "request_id": request_id}, NOW, KEY)


def keep(*records: dict[str, Any]) -> list[str]:
    bodies = list(build_request_messages(records, 1, NOW, "access"))
    assert digest(bodies, NOW).poison == []
    return bodies


def answer(count: int, status: int = 200, route: str = "/api/calls/{id}", method: str = "GET") -> list[str]:
    item = {"method": method, "route": route, "status_code": status, "response_time_ms": 5, "at": THEN.isoformat()}
    bodies = list(build_request_messages([accept_request(item, NOW) for _n in range(count)], 1, NOW))
    digest(bodies, NOW)
    return bodies


def ratios(now: datetime = NOW, **firing: str) -> dict[str, float | None]:
    labels = {"access.logged_ratio": [{"route": route} for route in firing.values()]}
    with connection() as conn:
        samples = read_access_samples(conn, now, get_settings().pii_routes or (), labels)
    return {sample.labels["route"]: sample.value for sample in samples}


def evaluate(at: datetime) -> None:
    with connection() as conn:
        samples = read_access_samples(conn, at, get_settings().pii_routes or ())
        evaluate_rules(conn, samples, at, (), frozenset({"access.logged_ratio"}))
        conn.commit()


def find(**query: str) -> Any:
    found = list_access.handle(Request("GET", "/api/access", query=query, role="admin", actor="ana"))
    return json.loads(encode(found))


def test_auditor_finds_the_records_of_one_person() -> None:
    keep(record("4711", "r1"), record("4712", "r1"), record("4711", "r2", actor="user:18", at=NOW))
    body = find(subject="4711")
    check_response("GET", "/api/access", body)
    assert [item["request_id"] for item in body["items"]] == ["r2", "r1"]
    assert {item["subject_kind"] for item in body["items"]} == {"lead"}
    assert "4711" not in str([item["subject"] for item in body["items"]])
    assert len({item["actor"] for item in body["items"]}) == 2
    assert [item["request_id"] for item in find(subject="4711", actor="user:18")["items"]] == ["r2"]
    assert find(subject="4799")["items"] == []
    assert len(find()["items"]) == 3


def test_records_come_in_pages_and_within_times() -> None:
    keep(*(record("4711", f"r{n}") for n in range(5)))
    seen: list[str] = []
    cursor = ""
    while True:
        page = find(subject="4711", limit="2", **({"cursor": cursor} if cursor else {}))
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 5
    assert find(since=NOW.isoformat())["items"] == []
    assert len(find(until=NOW.isoformat())["items"]) == 5
    with pytest.raises(Invalid):
        find(cursor="x")


def test_second_delivery_stores_and_counts_nothing() -> None:
    requests = answer(4)
    bodies = keep(record(request_id="a"), record(request_id="b"))
    for _again in range(3):
        digest([*requests, *bodies], NOW)
    assert len(find()["items"]) == 2
    assert ratios() == {CALLS: 0.5}


def test_request_counts_once_however_many_people_it_shows() -> None:
    answer(2)
    keep(*(record(str(n), "one") for n in range(20)))
    keep(record("late", "one"))
    assert ratios() == {CALLS: 0.5}
    keep(record("x", "two"))
    assert ratios() == {CALLS: 1.0}


def test_record_without_request_id_counts_as_a_request() -> None:
    answer(4)
    keep(record("1"), record("1"), record("2"))
    assert ratios() == {CALLS: 0.75}


def test_only_answers_with_2xx_on_listed_routes_count() -> None:
    answer(3, 404)
    answer(3, 500)
    answer(3, 200, "/api/other")
    answer(3, 200, "/api/calls/{id}", "DELETE")
    assert ratios() == {}
    answer(1, 204, "/api/leads", "POST")
    assert ratios() == {LEADS: 0.0}
    keep(*(record(str(n), str(n), LEADS) for n in range(5)))
    assert ratios() == {LEADS: 1.0}


def test_last_two_minutes_are_not_judged_yet() -> None:
    answer(1)
    assert ratios(THEN + timedelta(minutes=1)) == {}
    assert ratios(THEN + timedelta(minutes=4)) == {CALLS: 0.0}
    assert ratios(THEN + timedelta(minutes=64)) == {}
    assert ratios(THEN + timedelta(minutes=64), was=CALLS) == {CALLS: None}, "nothing shows that it is over"
    assert ratios(THEN + timedelta(minutes=64), was="GET /gone") == {"GET /gone": None}, "nobody watches it any more"


def test_rule_fires_below_the_whole_and_ends_with_the_records() -> None:
    answer(3)
    keep(record("1", "a"), record("2", "b"))
    evaluate(NOW)
    assert states()["access_unlogged"] == "firing"
    with connection() as conn:
        (alert,) = fetch_all(conn, "SELECT message, labels, value FROM callwatch.alerts WHERE rule_id = 'access_unlogged'")
    assert alert["labels"] == {"route": CALLS}
    assert "1 of 3 requests" in alert["message"]
    keep(record("3", "c"))
    for minute in range(1, 4):
        evaluate(NOW + timedelta(minutes=minute))
    assert states().get("access_unlogged", "ok") == "ok"
    with connection() as conn:
        assert fetch_all(conn, "SELECT state FROM callwatch.alerts") == [{"state": "resolved"}]


def test_records_have_a_retention_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(record("1", "a"))
    with connection() as conn:
        assert delete_records_before(conn, THEN) == 0
        assert delete_records_before(conn, NOW) == 1
        conn.commit()
    assert find()["items"] == []


def test_unreadable_record_is_poison_and_stops_no_other() -> None:
    good = record("1", "a")
    bad = [{**good, "at": "x"}, {**good, "record_id": "y"}, {**good, "actor": 7}, {"at": 1}]
    bodies = [body for row in [*bad, good] for body in build_request_messages([row], 1, NOW, "access")]
    done = digest(bodies, NOW)
    assert len(done.poison) == len(bad)
    assert len(find()["items"]) == 1


def test_without_routes_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PII_ROUTES")
    reset_settings()
    answer(3)
    keep(record("1", uuid.uuid4().hex))
    with connection() as conn:
        assert fetch_all(conn, "SELECT minute FROM callwatch.access_minutes") == []
    assert len(find()["items"]) == 1
