"""Uptime: probe results, windows, UTC days, coverage, flapping, and outages during which nothing was stored."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluator import evaluate_rules
from callwatch.checks.probe_result import Outcome, ProbeResult, read_outcome, report_not_configured
from callwatch.checks.record import check_samples, record_checks
from callwatch.checks.slo import measure_flapping, measure_uptime_burn
from callwatch.checks.uptime import read_uptime
from callwatch.db import connection, execute, fetch_all, reset_pool
from callwatch.db.queries.check_results import delete_old_results, fill_outage, keep_result
from callwatch.models.check import CheckResult
from callwatch.models.reason import Reason
from callwatch.settings import reset_settings
from functions import get_uptime

NOW = datetime(2026, 3, 10, 0, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OUTCOMES: dict[str, Outcome] = {"healthy": "up", "degraded": "degraded", "unhealthy": "failed", "unknown": "unknown"}
GOOD, BAD = ProbeResult("healthy", None, 5.0), ProbeResult("degraded", "timeout", None)


def keep(at: datetime, status: str = "healthy", service: str = "openai") -> None:
    keep_all([(at, status)], service)


def keep_all(probes: list[tuple[datetime, str]], service: str = "openai") -> None:
    with connection() as conn:
        for at, status in probes:
            reason = None if status == "healthy" else "error"
            result: Any = {"service": service, "status": status, "reason": reason, "failures": 0, "successes": 0}
            result |= {"latency_ms": 5.0, "at": at, "details": {}, "outcome": OUTCOMES[status]}
            keep_result(conn, result)
        conn.commit()


def watch_day(now: datetime = NOW, service: str = "openai", **bad: str) -> None:
    """Write a day of healthy probes with exceptions: m3="unhealthy" is three minutes ago."""
    statuses = {int(name[1:]): status for name, status in bad.items()}
    fill(now - timedelta(days=1), now - 30 * MINUTE, service)
    keep_all([(now - minute * MINUTE, statuses.get(minute, "healthy")) for minute in range(30, 0, -1)], service)


def fill(since: datetime, until: datetime, service: str = "openai") -> None:
    """Write a healthy probe per minute as a monitor would have, in bulk because single inserts are slow."""
    given = {"service": service, "since": since, "until": until - timedelta(seconds=1)}
    with connection() as conn:
        execute(conn, """INSERT INTO callwatch.check_results (service, at, status, latency_ms, outcome, watched_s)
                         SELECT %(service)s, at, 'healthy', 5, 'up', 60
                         FROM generate_series(%(since)s, %(until)s, interval '1 minute') AS at""", given)  # fmt: skip
        execute(conn, """INSERT INTO callwatch.uptime_hours AS known (service, hour, checked, up, watched_s, worst)
                         SELECT %(service)s, date_trunc('hour', at, 'UTC'), count(*), count(*), 60 * count(*), 'healthy'
                         FROM generate_series(%(since)s, %(until)s, interval '1 minute') AS at GROUP BY 2
                         ON CONFLICT (service, hour) DO UPDATE SET checked = known.checked + EXCLUDED.checked,
                             up = known.up + EXCLUDED.up, watched_s = known.watched_s + EXCLUDED.watched_s""", given)  # fmt: skip
        conn.commit()


def report(now: datetime = NOW, services: tuple[str, ...] = ("openai",)) -> tuple[dict[str, Any], dict[str, Reason]]:
    with connection() as conn:
        return read_uptime(conn, services, now)


def test_a_service_never_checked_has_no_uptime(database: str) -> None:
    services, unknown = report()
    entry = services["openai"]
    assert [entry[f"uptime_{name}"] for name in ("24h", "7d", "30d", "90d")] == [None] * 4
    assert [entry[f"watched_{name}"] for name in ("24h", "7d", "30d", "90d")] == [0.0] * 4
    assert len(entry["days"]) == 90
    assert {(day["uptime"], day["watched"], day["status"]) for day in entry["days"]} == {(None, 0.0, "unknown")}
    assert len(unknown) == 2 * (4 + 90)
    assert {reason.code for reason in unknown.values()} == {"not_recorded"}


def test_four_minutes_of_running_are_no_uptime(database: str) -> None:
    keep_all([(NOW - minute * MINUTE, "healthy") for minute in range(4, 0, -1)])
    services, unknown = report()
    entry = services["openai"]
    assert [entry[f"uptime_{name}"] for name in ("24h", "7d", "30d", "90d")] == [None] * 4
    assert entry["days"][-1]["uptime"] is None
    assert 0 < entry["watched_24h"] < 0.3
    assert unknown["services.openai.uptime_24h"].message.startswith(f"{entry['watched_24h']:g} % of this time was observed")


@pytest.mark.parametrize("every", [2, 10])
def test_each_failed_probe_counts(every: int, database: str) -> None:
    with connection() as conn:
        for minute in range(1440, 0, -1):
            record_checks(conn, {"openai": BAD if minute % every == 0 else GOOD}, NOW - minute * MINUTE)
        conn.commit()
    entry = report()[0]["openai"]
    assert entry["uptime_24h"] == pytest.approx(100 - 100 / every, abs=0.001)
    assert entry["degraded_24h"] == 0.0


def test_degraded_is_up_and_says_so(database: str) -> None:
    watch_day(m5="degraded", m6="degraded", m7="unhealthy")
    entry = report()[0]["openai"]
    assert (entry["uptime_24h"], entry["degraded_24h"], entry["watched_24h"]) == (99.93, 0.138, 100.0)


def test_a_hundred_percent_means_none_failed(database: str) -> None:
    with connection() as conn:
        execute(conn, """INSERT INTO callwatch.uptime_hours (service, hour, checked, up, watched_s, worst)
                         SELECT 'openai', h, 100000, 100000 - (h = %s)::int, 3600, 'healthy'
                         FROM generate_series(%s, %s, interval '1 hour') AS h""",
                (NOW.replace(minute=0), (NOW - timedelta(days=91)).replace(minute=0), NOW))  # fmt: skip
        conn.commit()
    assert report()[0]["openai"]["uptime_90d"] == 99.999


@pytest.mark.parametrize(("gap", "is_stated"), [(140, True), (150, False)])
def test_a_window_needs_ninety_percent_watched(gap: int, is_stated: bool, database: str) -> None:
    fill(NOW - timedelta(days=1), NOW - (500 + gap) * MINUTE)
    fill(NOW - 500 * MINUTE, NOW)
    entry = report()[0]["openai"]
    assert (entry["uptime_24h"] is not None) == is_stated
    assert entry["watched_24h"] == pytest.approx(100 - 100 * gap / 1440, abs=0.1)


@pytest.mark.parametrize("cadence_s", [10, 60, 63, 80])
def test_watched_time_follows_any_cadence(cadence_s: int, database: str) -> None:
    day, now = NOW.replace(hour=0, minute=0), NOW.replace(hour=1, minute=30)
    keep_all([(day + timedelta(seconds=second), "healthy") for second in range(0, 5400, cadence_s)])
    assert report(now)[0]["openai"]["days"][-1]["watched"] == pytest.approx(100, abs=2)


def test_days_begin_at_midnight_utc_oldest_first(database: str) -> None:
    watch_day(m21="unhealthy", m20="healthy", m19="degraded")
    days = report()[0]["openai"]["days"]
    assert [str(days[index]["date"]) for index in (0, 88, 89)] == ["2025-12-11", "2026-03-09", "2026-03-10"]
    assert (days[88]["uptime"], days[88]["status"]) == (99.929, "unhealthy")
    assert (days[89]["uptime"], days[89]["degraded"], days[89]["status"]) == (100.0, 5.0, "degraded")


def test_any_history_is_summed_minute_by_minute(database: str) -> None:
    draw = random.Random(7)
    words = ["healthy"] * 40 + ["degraded", "unhealthy", "unhealthy", "unknown"]
    history = [(NOW - minute * MINUTE, draw.choice(words)) for minute in range(1800, 0, -1)]
    keep_all(history)
    known = [(at, found != "unhealthy") for at, found in history if found != "unknown" and at >= NOW - timedelta(days=1)]
    entry = report()[0]["openai"]
    assert entry["uptime_24h"] == pytest.approx(100 * sum(served for _at, served in known) / len(known), abs=0.001)
    of_day = [served for at, served in known if at.date() == NOW.date()]
    assert entry["days"][-1]["uptime"] == pytest.approx(100 * sum(of_day) / len(of_day), abs=0.001)


def test_unknown_minutes_are_not_watched(database: str) -> None:
    fill(NOW - timedelta(days=1), NOW - 300 * MINUTE)
    keep_all([(NOW - minute * MINUTE, "unknown" if minute > 30 else "healthy") for minute in range(300, 0, -1)])
    entry = report()[0]["openai"]
    assert (entry["uptime_24h"], entry["watched_24h"]) == (None, pytest.approx(100 * 1170 / 1440, abs=0.1))


def test_a_minute_counts_once(database: str) -> None:
    watch_day()
    for _ in range(2):
        keep(NOW - 2 * MINUTE, "unhealthy")
    assert report()[0]["openai"]["uptime_24h"] == 100.0, "the first result of a time stands"


def test_results_of_the_future_count_for_nothing(database: str) -> None:
    watch_day()
    keep_all([(NOW + timedelta(days=1, minutes=minute), "unhealthy") for minute in range(60)])
    entry = report()[0]["openai"]
    assert (entry["uptime_24h"], entry["watched_24h"]) == (100.0, 100.0)
    assert flapping(NOW) == {"openai": 0.0}


def test_rows_without_an_outcome_are_read_by_status(database: str) -> None:
    with connection() as conn:
        execute(conn, """INSERT INTO callwatch.check_results (service, at, status, reason)
                         SELECT 'openai', %s - m * interval '1 minute', 'degraded',
                                CASE WHEN m %% 2 = 0 THEN 'error' ELSE 'rate_limited' END
                         FROM generate_series(1, 10) AS m""", (NOW,))  # fmt: skip
        conn.commit()
    assert flapping(NOW) == {"openai": 0.444}


def test_an_outage_without_rows_counts_once(database: str) -> None:
    watch_day(NOW - timedelta(minutes=30), "database")
    for _ in range(2):
        with connection() as conn:
            fill_outage(conn, "database", "unreachable", NOW - timedelta(minutes=30), NOW)
            conn.commit()
    assert report(services=("database",))[0]["database"]["uptime_24h"] == pytest.approx(100 - 100 * 30 / 1440, abs=0.01)
    samples = {sample.labels["window"]: sample for sample in burn_samples()}
    assert samples["1h_5m"].value == pytest.approx(500.0)
    assert samples["1h_5m"].detail == "database, window 1h_5m"


def test_an_outage_in_the_second_of_a_probe_is_no_flapping(database: str) -> None:
    began = NOW - timedelta(minutes=4)
    for second in range(-60, 0, 10):
        keep(began + timedelta(seconds=second), "healthy", "database")
    # The cycle probed a healthy database, and lost it afterwards.
    keep(began + timedelta(milliseconds=248), "healthy", "database")
    for _ in range(2):
        with connection() as conn:
            fill_outage(conn, "database", "unreachable", began, NOW - timedelta(minutes=1))
            conn.commit()
    keep(NOW, "healthy", "database")
    assert flapping(NOW) == {"database": 0.0}
    with connection() as conn:
        rows = fetch_all(conn, "SELECT at FROM callwatch.check_results WHERE status = 'unhealthy' ORDER BY at")
    assert len(rows) == 3, "each minute once, also when it is filled again"


def burn_samples() -> list[Any]:
    with connection() as conn:
        return measure_uptime_burn(conn, NOW)


def test_of_little_that_is_known_no_burn_is_stated(database: str) -> None:
    assert all(sample.is_abstention for sample in burn_samples())
    keep(NOW - timedelta(minutes=1), "unhealthy", "database")
    assert all(sample.is_abstention for sample in burn_samples())


@pytest.mark.parametrize(("failed", "does_burn"), [(0, False), (2, False), (3, True), (30, True)])
def test_burning_begins_with_the_third_failure(failed: int, does_burn: bool, database: str) -> None:
    for minute in range(60):
        keep(NOW - timedelta(minutes=minute, seconds=30), "unhealthy" if minute < failed else "healthy", "database")
        keep(NOW - timedelta(minutes=minute, seconds=30), "unhealthy", "openai")
    assert {sample.labels["window"]: sample.value > 0 for sample in burn_samples()}["1h_5m"] == does_burn


def keep_alert(since: datetime, until: datetime | None, service: str = "database", rule_id: str = "database_health") -> None:
    state = "resolved" if until else "firing"
    given = (rule_id, f"{rule_id}|{since}", state, json.dumps({"service": service}), since, until)
    with connection() as conn:
        execute(
            conn,
            "INSERT INTO callwatch.alerts (rule_id, alert_key, title, level, state, message, runbook_url, labels, started_at,"
            " resolved_at) VALUES (%s, %s, 'Down', 'critical', %s, 'down', '', %s, %s, %s)",
            given,
        )
        conn.commit()


def list_burns() -> dict[str, Any]:
    return {sample.labels["window"]: sample for sample in burn_samples()}


def test_a_short_outage_of_a_young_system_burns_nothing(database: str) -> None:
    fill(NOW - timedelta(minutes=40), NOW - timedelta(minutes=5), "database")
    keep_all([(NOW - minute * MINUTE, "unhealthy") for minute in (5, 4, 3)], "database")
    keep_all([(NOW - minute * MINUTE, "healthy") for minute in (2, 1)], "database")
    found = list_burns()
    # Three minutes are 50 times the budget of an hour, 8 times that of six hours, and not that of three days.
    assert {window: sample.value for window, sample in found.items()} == {"1h_5m": 50.0, "6h_30m": 8.33, "3d_6h": 0.69}
    assert found["3d_6h"].inconclusive == Reason("not_recorded", "only 40 of 4,320 minutes of the window are known")


@pytest.mark.parametrize("rule_id", ["database_health", "service_down"])
def test_the_budget_that_an_outage_spent_is_part_of_it(rule_id: str, database: str) -> None:
    watch_day(NOW, "database", m5="unhealthy", m4="unhealthy", m3="unhealthy")
    assert list_burns()["1h_5m"].value == pytest.approx(50, abs=0.1)
    keep_alert(NOW - 5 * MINUTE, NOW - 2 * MINUTE, rule_id=rule_id)
    found = list_burns()
    assert (found["1h_5m"].value, found["6h_30m"].value) == (0.0, 0.0)
    assert found["3d_6h"].value == pytest.approx(0.69, abs=0.01), "the target of three days counts every minute"


def test_failures_around_an_outage_still_burn(database: str) -> None:
    bad = {f"m{minute}": "unhealthy" for minute in (30, 20, 12, 5, 4, 3)}
    watch_day(NOW, "database", **bad)
    keep_alert(NOW - 5 * MINUTE, NOW - 3 * MINUTE)
    keep_alert(NOW - 40 * MINUTE, None, service="openai", rule_id="service_down")
    keep_alert(NOW - 40 * MINUTE, None, rule_id="pipeline_stopped")
    found = list_burns()
    assert found["6h_30m"].value == pytest.approx(4 / 360 / 0.001, abs=0.1)
    assert found["1h_5m"].detail == "database, window 1h_5m"


def test_what_is_not_known_is_no_all_clear(database: str) -> None:
    fill(NOW - timedelta(minutes=45), NOW - timedelta(minutes=20), "database")
    keep_all([(NOW - minute * MINUTE, "unhealthy" if minute > 8 else "healthy") for minute in range(12, 0, -1)], "database")
    sample = list_burns()["6h_30m"]
    assert sample.inconclusive == Reason("not_recorded", "only 38 of 360 minutes of the window are known")
    fill(NOW - timedelta(hours=7), NOW - timedelta(minutes=45), "database")
    keep_all([(NOW - minute * MINUTE, "healthy") for minute in range(20, 12, -1)], "database")
    assert list_burns()["6h_30m"].inconclusive is None


def test_old_results_go_and_uptime_stays(database: str) -> None:
    with connection() as conn:
        execute(conn, """INSERT INTO callwatch.uptime_hours (service, hour, checked, up, watched_s, worst)
                         SELECT 'openai', h, 60, 30, 3600, 'unhealthy' FROM generate_series(%s, %s, interval '1 hour') AS h""",
                (NOW.replace(minute=0) - timedelta(days=99), NOW))  # fmt: skip
        conn.commit()
    keep(NOW - timedelta(days=8), "unhealthy")
    with connection() as conn:
        delete_old_results(conn, NOW)
        left = fetch_all(conn, "SELECT at FROM callwatch.check_results")
        conn.commit()
    assert left == []
    assert report()[0]["openai"]["uptime_90d"] == pytest.approx(50.0, abs=0.05)


def test_a_recorded_check_moves_streak_and_outcome(database: str) -> None:
    with connection() as conn:
        for minute in range(3):
            at = NOW - timedelta(minutes=3 - minute)
            results = record_checks(conn, {"openai": BAD, "convoso": report_not_configured()}, at)
        rows = fetch_all(conn, "SELECT status, outcome FROM callwatch.check_results WHERE service = 'openai' ORDER BY at")
        conn.commit()
    assert {result.service: result.status for result in results} == {"openai": "unhealthy", "convoso": "unknown"}
    assert [(row["status"], row["outcome"]) for row in rows] == [("degraded", "failed")] * 2 + [("unhealthy", "failed")]


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        (GOOD, "up"),
        (BAD, "failed"),
        (ProbeResult("degraded", "timeout", 2500.0), "degraded"),
        (ProbeResult("degraded", "rate_limited", 9.0), "degraded"),
        (ProbeResult("degraded", "error", 9.0), "failed"),
        (ProbeResult("degraded", "tls", None), "failed"),
        (ProbeResult("degraded", "saturated", None), "failed"),
        (ProbeResult("degraded", "saturated", 1.0), "degraded"),
        (ProbeResult("unhealthy", "auth", 9.0), "failed"),
        (report_not_configured(), "unknown"),
    ],
)
def test_an_outcome_is_what_a_client_met(verdict: ProbeResult, outcome: str) -> None:
    assert read_outcome(verdict) == outcome


def flapping(now: datetime) -> dict[str, float | None]:
    with connection() as conn:
        return {sample.labels["service"]: sample.value for sample in measure_flapping(conn, now)}


@pytest.mark.parametrize(
    ("pattern", "ratio"),
    [
        ("++++++++++", 0.0),
        ("-+-+-+-+-+", 0.5),
        ("+-+-+-+-+-", 0.5),
        ("+--+--+--+", 0.6),
        ("----------", 0.0),
        ("+++-----++", 0.0),
        ("-----+++++", 0.0),
        ("+++++++++-", 0.0),
        ("-++++++++-", 0.2),
        ("-?-?-?-?-+", 0.0),
        ("-+-+-", None),
    ],
)
def test_flapping_is_failing_again_and_again(pattern: str, ratio: float | None, database: str) -> None:
    words = {"+": "healthy", "-": "unhealthy", "?": "unknown"}
    keep_all([(NOW - (len(pattern) - index - 1) * MINUTE, words[sign]) for index, sign in enumerate(pattern)])
    assert flapping(NOW).get("openai") == ratio


def test_flapping_of_any_pattern(database: str) -> None:
    draw = random.Random(11)
    expected: dict[str, float | None] = {}
    for number in range(40):
        pattern = "".join(draw.choice("++-") for _ in range(draw.randint(6, 10)))
        words = [(NOW - index * MINUTE, "healthy" if sign == "+" else "unhealthy") for index, sign in enumerate(pattern)]
        keep_all(words[::-1], f"s{number}")
        runs = [run for run in pattern.split("+") if run]
        expected[f"s{number}"] = round(pattern.count("-") / len(pattern), 3) if len(runs) >= 2 else 0.0
    assert flapping(NOW) == expected
    assert len(set(expected.values())) > 3, "the patterns differ"


def test_a_flapping_service_alerts_once_and_resolves(database: str) -> None:
    def run_minutes(begin: int, count: int, pattern: str) -> None:
        for minute in range(begin, begin + count):
            now = NOW + minute * MINUTE
            with connection() as conn:
                verdict = GOOD if pattern[minute % len(pattern)] == "+" else BAD
                results = record_checks(conn, {"openai": verdict, "convoso": GOOD}, now)
                conn.commit()
                evaluate_rules(conn, [*check_samples(results), *measure_flapping(conn, now)], now, ())
                conn.commit()

    def list_alerts() -> list[tuple[str, str, bool]]:
        with connection() as conn:
            rows = fetch_all(conn, "SELECT rule_id, service, resolved_at FROM callwatch.alerts WHERE rule_id LIKE 'service%%'")
        return [(row["rule_id"], row["service"], row["resolved_at"] is not None) for row in rows]

    run_minutes(0, 20, "+")
    assert list_alerts() == []
    run_minutes(20, 60, "+-")
    assert list_alerts() == [("service_flapping", "openai", False)]
    run_minutes(80, 20, "+")
    assert list_alerts() == [("service_flapping", "openai", True)]


def test_one_outage_is_one_alert_and_no_flapping(database: str) -> None:
    with connection() as conn:
        for minute in range(40):
            now = NOW + minute * MINUTE
            results = record_checks(conn, {"openai": BAD if 10 <= minute < 17 else GOOD}, now)
            evaluate_rules(conn, [*check_samples(results), *measure_flapping(conn, now)], now, ())
            conn.commit()
        rows = fetch_all(conn, "SELECT rule_id FROM callwatch.alerts")
    assert [row["rule_id"] for row in rows] == ["service_down"]


def test_rules_get_samples_of_configured_services_only() -> None:
    def of(reason: Any, status: Any, latency_ms: float | None = None, service: str = "openai") -> dict[str, float | None]:
        return {sample.metric: sample.value for sample in check_samples([CheckResult(service, status, latency_ms, reason, NOW)])}

    assert of("quota", "unhealthy", 80.0) == {
        "service.status": 2.0, "service.latency_ms": 80.0, "provider.status": 2.0,
        "service.reason_auth": 0.0, "service.reason_quota": 1.0, "service.rate_limited": 0.0,
    }  # fmt: skip
    assert of("auth", "unhealthy")["service.reason_auth"] == 1.0
    assert of("rate_limited", "degraded")["service.rate_limited"] == 1.0
    assert of(None, "healthy", 3.0, "database") == {"service.status": 0.0, "service.latency_ms": 3.0}
    assert of("not_configured", "unknown") == {}


def test_endpoint_lists_every_service_and_503_without_db(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("events/get_uptime.json") as file:
        event = json.load(file)
    answer = get_uptime.lambda_handler(event, None)
    assert answer["statusCode"] == 200
    assert set(json.loads(answer["body"])["services"]) == {"database", "deepgram", "openai", "convoso"}
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    reset_settings()
    reset_pool()
    answer = get_uptime.lambda_handler(event, None)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (503, "database_unavailable")
