"""The product's requests: stored once, summed exactly, read as rates, percentiles and burn rates."""

import random
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.counters.performance import read_performance, read_request_samples
from callwatch.counters.request_slo import read_request_burn_samples
from callwatch.db import connection, with_transaction
from callwatch.db.queries.api_logs import FinishedRequest, insert_requests
from callwatch.db.queries.request_histograms import delete_histograms_before
from callwatch.models.latency import estimate_percentile, find_bucket, find_value
from callwatch.models.reason import NO_TRAFFIC
from callwatch.models.sample import Sample

NOW = datetime.now(UTC).replace(microsecond=0)


def request(route: str = "/calls", took_ms: float = 100.0, status: int | None = 200, **more: Any) -> FinishedRequest:
    given: dict[str, Any] = {"request_id": uuid.uuid4().hex, "project_id": 1, "at": NOW - timedelta(minutes=1), **more}
    return FinishedRequest(method="GET", route=route, status_code=status, response_time_ms=took_ms, **given)


def store(requests: list[FinishedRequest]) -> int:
    return with_transaction(lambda conn: insert_requests(conn, requests), is_idempotent=True)


def figures(now: datetime = NOW) -> Any:
    with connection() as conn:
        return read_performance(conn, now)


def samples(now: datetime = NOW) -> dict[str, Sample]:
    with connection() as conn:
        found = read_request_samples(conn, now) + read_request_burn_samples(conn, now)
    return {" ".join([sample.metric, *sample.labels.values()]): sample for sample in found}


def totals(table: str) -> list[tuple[Any, ...]]:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(
            f"SELECT sum(count)::int, sum(errors)::int, round(sum(total_ms)::numeric, 3)::float FROM callwatch.{table}"
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def test_request_without_a_status_is_stored_without_one(database: str) -> None:
    found = [request(status=None, has_failed=failed) for failed in (False, True)]
    assert store(found) == 2
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT DISTINCT status_code FROM callwatch.api_logs")
        assert cursor.fetchall() == [(None,)]
    assert (figures()["count"], figures()["errors"]) == (2, 1), "one ended with an error, and of the other nothing is known"


def test_figures_are_those_of_the_requests(database: str) -> None:
    times = [100.0 + n for n in range(95)] + [900.0] * 5
    store([request(took_ms=took, status=500 if took == 900 else 200) for took in times])
    found = figures()
    assert (found["count"], found["errors"], found["error_rate"]) == (100, 5, 0.05)
    assert found["avg"] == pytest.approx(sum(times) / 100)
    assert (found["p50"], found["p95"], found["p99"]) == (pytest.approx(149, rel=0.02), pytest.approx(194, rel=0.02), pytest.approx(900, rel=0.02))  # noqa: E501  # fmt: skip
    assert 100 / 360 <= found["rate"] <= 100 / 300
    assert [route["route"] for route in found["by_route"]] == ["/calls"]


def test_a_window_without_traffic_is_unknown_and_no_alarm(database: str) -> None:
    store([request(at=NOW - timedelta(minutes=20))])
    found = figures()
    assert found["count"] == 0
    assert {name: found[name] for name in ("rate", "error_rate", "avg", "p50", "p95", "p99")} == dict.fromkeys(
        ("rate", "error_rate", "avg", "p50", "p95", "p99")
    )
    assert found["by_route"] == []
    assert (samples()["requests.avg_ms_5m"].value, samples()["requests.avg_ms_5m"].detail) == (0.0, NO_TRAFFIC.message)


def test_requests_of_the_monitor_itself_never_count(database: str) -> None:
    store([request(project_id=0, status=500, took_ms=9_000) for _ in range(200)])
    assert figures()["count"] == 0
    assert samples()["requests.count_5xx_5m"].value == 0.0
    assert samples()["slo.errors_burn 1h_5m"].is_abstention


def test_the_busiest_routes_come_first_and_the_list_is_bounded(database: str) -> None:
    store([request(f"/route/{n % 40}/{'busy' if n % 40 < 3 else 'quiet'}") for n in range(200)])
    store([request("/route/0/busy") for _ in range(10)])
    shown = figures()["by_route"]
    assert len(shown) == 20
    assert shown[0]["route"] == "/route/0/busy"
    assert [route["count"] for route in shown] == sorted((route["count"] for route in shown), reverse=True)


def test_busy_routes_are_evaluated_by_p95_others_by_median(database: str) -> None:
    store([request("/slow", took_ms=8_000 if n < 2 else 10) for n in range(20)])
    store(
        [request("/few", took_ms=9_000 if n < 2 else 10) for n in range(19)] + [request("/most", took_ms=9_000) for _ in range(5)]
    )
    store([request("/rare", took_ms=9_000) for _ in range(4)])
    found = samples()
    assert found["requests.route_p95_ms /slow"].value == pytest.approx(8_000, rel=0.02)
    assert found["requests.route_p95_ms /few"].value == pytest.approx(10, rel=0.02)
    assert found["requests.route_p95_ms /most"].value == pytest.approx(9_000, rel=0.02)
    assert found["requests.route_p95_ms /most"].detail == "p50 of 5 requests to /most"
    assert "requests.route_p95_ms /rare" not in found


def test_redelivered_requests_count_once(database: str) -> None:
    rows = [request(took_ms=n, status=500 if n % 10 == 0 else 200) for n in range(1, 101)]
    assert store(rows) == 100
    assert store(rows) == 0
    assert store([*rows[:50], *(request() for _ in range(7)), *rows[50:], rows[0]]) == 7
    assert totals("request_histograms") == totals("request_histograms_hourly") == [(107, 10, 5050.0 + 700.0)]
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM callwatch.api_logs")
        assert cursor.fetchall() == [(107,)]


def test_concurrent_writers_neither_deadlock_nor_recount(database: str) -> None:
    rows = [request(f"/{n % 7}", took_ms=1 + n % 300, at=NOW - timedelta(minutes=n % 5)) for n in range(600)]
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        shuffled = random.Random(seed).sample(rows, len(rows))
        try:
            for start in range(0, len(shuffled), 100):
                store(shuffled[start : start + 100])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = [(600, 0, float(sum(row.response_time_ms for row in rows)))]
    assert totals("request_histograms") == totals("request_histograms_hourly") == expected


def test_minute_histograms_expire_before_hourly_ones(database: str) -> None:
    for age in (timedelta(minutes=1), timedelta(days=1)):
        store([request(at=NOW - age)])
    with connection() as conn:
        delete_histograms_before(conn, NOW - timedelta(hours=6), NOW - timedelta(days=90))
        conn.commit()
    assert totals("request_histograms")[0][0] == 1
    assert totals("request_histograms_hourly")[0][0] == 2


def test_errors_burn_the_budget_and_stop_burning_when_they_stop(database: str) -> None:
    failing = [request(status=500 if n % 5 == 0 else 200, at=NOW - timedelta(minutes=n % 4)) for n in range(400)]
    store(failing)
    assert samples()["slo.errors_burn 1h_5m"].value == pytest.approx(20.0)
    assert samples()["slo.errors_burn 6h_30m"].value == pytest.approx(20.0)
    assert samples()["slo.latency_burn 1h_5m"].value == 0.0
    later = NOW + timedelta(minutes=15)
    store([request(at=later - timedelta(minutes=1)) for _ in range(50)])
    assert samples(later)["slo.errors_burn 1h_5m"].value == 0.0, "the short window is clear"
    assert samples(later)["slo.errors_burn 6h_30m"].value == pytest.approx(17.78, abs=0.01)


def test_slow_requests_burn_the_budget_of_latency(database: str) -> None:
    store([request(took_ms=3_500 if n % 2 else 2_900) for n in range(200)])
    assert samples()["slo.latency_burn 1h_5m"].value == pytest.approx(10.0)
    assert samples()["slo.errors_burn 1h_5m"].value == 0.0


def test_of_a_few_requests_of_a_quiet_night_no_burn_rate_is_said(database: str) -> None:
    store([request(status=500) for _ in range(5)])
    assert all(sample.is_abstention for name, sample in samples().items() if name.startswith("slo."))


@given(st.lists(st.floats(0.01, 86_400_000), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_percentile_of_buckets_is_off_by_two_percent_at_most(times: list[float], share: float) -> None:
    counts: dict[int, int] = {}
    for took in times:
        counts[find_bucket(took)] = counts.get(find_bucket(took), 0) + 1
    exact = sorted(times)[max(0, -(-round(share * 100) * len(times) // 100) - 1)]
    found = estimate_percentile(counts, share)
    assert found is not None
    assert abs(found - exact) <= 0.02 * exact + 0.005


@given(st.floats(0.01, 86_400_000))
def test_histogram_bucket_is_exact_to_one_percent(took: float) -> None:
    assert abs(find_value(find_bucket(took)) - took) <= 0.0101 * took
    assert -32_768 <= find_bucket(took) <= 32_767
