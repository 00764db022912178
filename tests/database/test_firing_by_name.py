"""Firing instances are queried by name: leaving a bounded list or a window is no all-clear."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.alerts.evaluator import evaluate_rules
from callwatch.counters.error_samples import COMPLETE, NEWS, read_error_samples
from callwatch.counters.performance import COMPLETE as COMPLETE_REQUESTS
from callwatch.counters.performance import read_request_samples
from callwatch.db import connection, fetch_all, with_transaction
from callwatch.db.alert_queries.rule_states import read_firing_labels
from callwatch.db.queries.api_logs import FinishedRequest, insert_requests
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.models.sample import Sample
from callwatch.reports.groups.group_actions import act

NOW = datetime.now(UTC)
NEWS_ONLY = frozenset({"errors.new_group", "errors.new_groups", "errors.regressed_group", "errors.spike"})
ROUTES_ONLY = frozenset({"requests.route_p95_ms"})


def message(text: str, at: datetime, **fields: Any) -> str:
    return build_error_message(finish_event({"message": text, "occurred_at": at, **fields}, at), 1, at)


def judge_errors(at: datetime) -> list[Sample]:
    with connection() as conn:
        samples = read_error_samples(conn, at, read_firing_labels(conn))
        evaluate_rules(conn, samples, at, only_metrics=NEWS_ONLY, complete=COMPLETE)
        conn.commit()
    return samples


def states(rule_id: str) -> list[str]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT state FROM callwatch.alerts WHERE rule_id = %s ORDER BY id", (rule_id,))
    return [row["state"] for row in rows]


def resolved_messages() -> int:
    with connection() as conn:
        return len(fetch_all(conn, "SELECT FROM callwatch.deliveries WHERE kind = 'alert.resolved' AND channel = 'log'"))


def test_a_new_error_that_goes_on_is_not_over_after_15_minutes(database: str) -> None:
    digest([message("boom", NOW)], NOW)
    judge_errors(datetime.now(UTC))
    for minutes in range(5, 60, 5):
        at = NOW + timedelta(minutes=minutes)
        digest([message("boom", at)], at)
        judge_errors(at)
    assert states("new_error_group") == ["firing"]
    assert resolved_messages() == 0
    judge_errors(NOW + timedelta(minutes=55) + NEWS + timedelta(seconds=5))
    assert states("new_error_group") == ["resolved"]
    assert resolved_messages() == 1


def test_a_new_error_that_newer_ones_push_out_fires_on(database: str) -> None:
    digest([message("boom", NOW, type="First")], NOW)
    judge_errors(datetime.now(UTC))
    kinds = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(30)]
    digest([message(f"kind {kind}", NOW, type=f"Type{kind}") for kind in kinds], NOW)
    samples = judge_errors(datetime.now(UTC))
    assert len([sample for sample in samples if sample.metric == "errors.new_group"]) == 21
    assert set(states("new_error_group")) == {"firing"}


def test_a_new_error_that_somebody_takes_up_is_over(database: str) -> None:
    digest([message("boom", NOW)], NOW)
    judge_errors(datetime.now(UTC))
    with connection() as conn:
        act(conn, "1", "ignore", {"reason": "known"}, "ana", NOW)
        conn.commit()
    judge_errors(datetime.now(UTC))
    assert states("new_error_group") == ["resolved"]


def test_a_spike_that_busier_groups_push_out_fires_on(database: str) -> None:
    digest([message("sudden", NOW, type="Sudden") for _ in range(40)], NOW)
    judge_errors(NOW)
    assert states("error_spike") == ["firing"]
    busy = [message("busy", NOW, type=f"Busy{chr(97 + n)}") for n in range(22) for _ in range(45)]
    digest(busy, NOW)
    judge_errors(NOW)
    assert states("error_spike")[0] == "firing"
    judge_errors(NOW + timedelta(minutes=10))
    assert set(states("error_spike")) == {"resolved"}


def request(route: str, took_ms: float, at: datetime) -> FinishedRequest:
    return FinishedRequest(uuid.uuid4().hex, 1, at, "GET", route, 200, took_ms)


def judge_routes(at: datetime) -> dict[str, Sample]:
    with connection() as conn:
        samples = read_request_samples(conn, at, read_firing_labels(conn))
        routes = {sample.labels["route"]: sample for sample in samples if sample.metric == "requests.route_p95_ms"}
        evaluate_rules(conn, list(routes.values()), at, only_metrics=ROUTES_ONLY, complete=COMPLETE_REQUESTS)
        conn.commit()
    return routes


def store(requests: list[FinishedRequest]) -> None:
    with_transaction(lambda conn: insert_requests(conn, requests), is_idempotent=True)


def test_every_busy_route_is_evaluated_not_the_busiest_fifty(database: str) -> None:
    at = NOW - timedelta(minutes=1)
    store([request(f"/busy/{n:02}", 10, at) for n in range(60) for _ in range(30)])
    store([request("/slow", 9_000, at) for _ in range(20)])
    routes = judge_routes(NOW)
    assert len(routes) == 61
    assert states("slow_route") == ["firing"]


def test_a_slow_route_with_few_requests_left_fires_on(database: str) -> None:
    store([request("/slow", 9_000, NOW - timedelta(minutes=1)) for _ in range(20)])
    judge_routes(NOW)
    later = NOW + timedelta(minutes=10)
    store([request("/slow", 9_000, later)])
    judge_routes(later)
    assert states("slow_route") == ["firing"]
    at_last = NOW + timedelta(minutes=30)
    assert judge_routes(at_last)["/slow"].is_abstention
    assert states("slow_route") == ["firing"], "nothing newer shows that it is fast again"
    store([request("/slow", 20, at_last)])
    judge_routes(at_last)
    assert states("slow_route") == ["resolved"]


def test_a_source_that_leaves_out_what_fires_clears_nothing(database: str) -> None:
    store([request("/slow", 9_000, NOW - timedelta(minutes=1)) for _ in range(20)])
    judge_routes(NOW)
    with connection() as conn:
        done = evaluate_rules(conn, [], NOW, only_metrics=ROUTES_ONLY, complete=COMPLETE_REQUESTS)
        conn.commit()
    assert (done.firing, done.unknown, done.resolved) == (1, 1, 0)
