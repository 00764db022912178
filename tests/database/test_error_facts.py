"""Errors as rules see them: new groups, regressions, spikes, broken queries."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.rules.builtin import RULES
from callwatch.counters.error_samples import NEWS, read_error_samples
from callwatch.counters.errors import read_error_metrics
from callwatch.db import connection, execute
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.grouping.sqlstate import find_sqlstate
from callwatch.models.sample import Sample
from callwatch.monitor.own_samples import measure_tracker
from callwatch.reports.groups.error_groups import list_groups_page
from callwatch.reports.groups.group_actions import act

NOW = datetime.now(UTC)
BY_ID = {rule.id: rule for rule in RULES}


def message(text: str = "boom", now: datetime = NOW, project: int = 1, **fields: Any) -> str:
    return build_error_message(finish_event({"message": text, **fields}, now), project, now)


def samples(metric: str, now: datetime | None = None) -> list[Sample]:
    with connection() as conn:
        return [sample for sample in read_error_samples(conn, now or datetime.now(UTC)) if sample.metric == metric]


def test_a_quiet_system_has_no_news(database: str) -> None:
    assert (
        samples("errors.new_group")
        == samples("errors.regressed_group")
        == samples("errors.spike")
        == samples("errors.sqlstate")
        == []
    )
    assert samples("errors.last_hour") == [Sample("errors.last_hour", 0.0)]
    assert measure_tracker()[0].metric == "monitor.lost_errors"


def test_late_new_group_is_news_for_fifteen_minutes(database: str) -> None:
    digest([message("could not write", type="DiskError", environment="staging", occurred_at=NOW - timedelta(hours=5))], NOW)
    (sample,) = samples("errors.new_group")
    assert (sample.value, sample.detail) == (1.0, "DiskError: could not write")
    assert sample.labels == {"group": "1", "environment": "staging", "type": "DiskError"}
    assert samples("errors.new_group", datetime.now(UTC) + NEWS + timedelta(seconds=5)) == []


def test_a_new_group_names_its_sqlstate(database: str) -> None:
    digest([message('column "x" does not exist', type="DatabaseError", context={"code": "42703"})], NOW)
    (sample,) = samples("errors.new_group")
    assert sample.labels == {"group": "1", "environment": "production", "type": "DatabaseError", "sqlstate": "42703"}
    (broken,) = samples("errors.sqlstate")
    (cause,) = (each for each in BY_ID["new_error_group"].causes if each.rule_id == "sql_errors")
    assert cause.explains(broken.labels, sample.labels)
    assert not cause.explains({"sqlstate": "42P01"}, sample.labels)
    assert not cause.explains(broken.labels, {"group": "2"})


@pytest.mark.parametrize("rule_id", ["new_error_group", "regressed_error_group"])
def test_news_of_a_group_follows_from_its_spike(rule_id: str) -> None:
    (cause,) = (each for each in BY_ID[rule_id].causes if each.rule_id == "error_spike")
    assert cause.explains({"group": "7"}, {"group": "7", "environment": "production", "type": ""})
    assert not cause.explains({"group": "8"}, {"group": "7", "environment": "production", "type": ""})


def test_bad_values_follow_from_webhooks_that_fail() -> None:
    causes = [each for each in BY_ID["sql_errors"].causes if each.rule_id == "webhook_errors"]
    found = {code: any(each.explains({}, {"sqlstate": code}) for each in causes) for code in ("22P02", "23502", "42703")}
    assert found == {"22P02": True, "23502": True, "42703": False}, "a missing column breaks more than webhooks"


def test_a_group_that_somebody_took_up_is_news_no_longer(database: str) -> None:
    digest([message("boom")], NOW)
    with connection() as conn:
        act(conn, "1", "ignore", {"reason": "known"}, "ana", NOW)
        conn.commit()
    assert samples("errors.new_group") == []


def test_a_group_that_came_back_is_news(database: str) -> None:
    digest([message("boom")], NOW)
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "fixed"}, "ana", NOW)
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=2)
    digest([message("boom", later, occurred_at=later)], later)
    assert [sample.labels["group"] for sample in samples("errors.regressed_group")] == ["1"]
    assert samples("errors.new_group") == []


def test_news_are_bounded_and_the_monitors_own_errors_are_none(database: str) -> None:
    kinds = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(30)]
    digest([message(f"kind {kind}", type=f"Type{kind}") for kind in kinds], NOW)
    digest([message("ours", type="Ours", project=0) for _ in range(40)], NOW)
    assert len(samples("errors.new_group")) == 20
    (count,) = samples("errors.new_groups")
    assert count.value == 30
    assert samples("errors.spike") == []
    assert samples("errors.last_hour")[0].value == 30


def test_a_spike_is_measured_against_what_is_usual(database: str) -> None:
    now = datetime.now(UTC)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    usual = [
        message("noisy", now, type="Noisy", occurred_at=this_hour - timedelta(hours=hour) + timedelta(minutes=5))
        for hour in range(1, 25)
        for _ in range(120)
    ]
    digest(usual, now)
    digest([message("noisy", now, type="Noisy", occurred_at=now) for _ in range(30)], now)
    digest([message("sudden", now, type="Sudden", occurred_at=now) for _ in range(100)], now)
    digest([message("seldom", now, type="Seldom", occurred_at=now) for _ in range(19)], now)
    found = {sample.labels["group"]: sample.value for sample in samples("errors.spike", now)}
    assert found == {"1": 3.0, "2": 20.0}


def test_broken_queries_are_counted_by_their_code(database: str) -> None:
    digest(
        [
            message('invalid input syntax for type uuid: "x"', type="error"),
            message("bad uuid (SQLSTATE 22P02)"),
            message("no such column", type="psycopg2.errors.UndefinedColumn"),
            message('null value in column "id" of relation "calls" violates not-null constraint', type="DatabaseError"),
            message("insert failed", context={"extra": {"code": "42P01"}}),
            message("duplicate key", type="UniqueViolation"),
            message("nothing of the kind"),
        ],
        NOW,
    )
    found = {sample.labels["sqlstate"]: sample.value for sample in samples("errors.sqlstate")}
    assert found == {"22P02": 2.0, "42703": 1.0, "23502": 1.0, "42P01": 1.0}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"message": "boom"}, None),
        ({"message": "the page does not exist"}, None),
        ({"message": "x", "context": {"code": "ERROR", "deep": {"deeper": {"sqlState": "40P01"}}}}, "40P01"),
        ({"message": "x", "context": {"code": "12345"}}, None),
        ({"message": "x", "context": {"code": 42703}}, None),
        ({"message": 'relation "callz" does not exist'}, "42P01"),
        ({"message": "function now(text) does not exist"}, "42883"),
        ({"message": None, "type": None, "context": [1]}, None),
    ],
)
def test_a_code_is_found_wherever_a_client_puts_it(event: dict[str, Any], code: str | None) -> None:
    assert find_sqlstate(event) == code


def test_reports_are_no_errors_for_any_rule(database: str) -> None:
    now = datetime.now(UTC)
    texts = [("info", "import done"), ("debug", "step"), ("info", "60 leads read (SQLSTATE 42703)")]
    digest([message(text, level=level, severity="low", endpoint="GET /x") for level, text in texts for _ in range(60)], now)
    found = read_all(now)
    assert {(sample.metric, sample.value) for sample in found} == {
        ("errors.last_hour", 0.0), ("errors.critical_last_hour", 0.0), ("errors.new_groups", 0.0),
        ("errors.client_discarded", 0.0), ("errors.client_offline", 0.0),
    }  # fmt: skip
    with connection() as conn:
        metrics = read_error_metrics(conn, now)
        items, _position = list_groups_page(conn, {}, 50, now)
    assert (metrics["summary"]["total_24h"], metrics["summary"]["unresolved"], metrics["by_endpoint"]) == (0, 0, [])
    assert metrics["top_errors"] == []
    assert sorted((item["level"], item["count"], sum(item["trend"])) for item in items) == [
        ("debug", 60, 60),
        *[("info", 60, 60)] * 2,
    ]


def read_all(now: datetime) -> list[Sample]:
    with connection() as conn:
        return read_error_samples(conn, now)


def test_report_that_becomes_an_error_is_news(database: str) -> None:
    digest([message("import done", level="info", severity="low")], NOW)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.error_groups SET made_at = now() - interval '1 hour', state = 'unresolved'", ())
        conn.commit()
    assert samples("errors.new_group") == []
    digest([message("import done", level="error", severity="high")], NOW)
    (sample,) = samples("errors.new_group")
    with connection() as conn:
        (item,), _position = list_groups_page(conn, {}, 50, NOW)
    assert (item["level"], item["severity"], item["state"], sample.labels["group"]) == ("error", "high", "new", item["id"])
    digest([message("import done", level="debug", severity="low")], NOW)
    with connection() as conn:
        (item,), _position = list_groups_page(conn, {}, 50, NOW)
    assert (item["level"], item["severity"], item["count"]) == ("error", "high", 3)


def test_report_brings_no_resolved_error_back(database: str) -> None:
    digest([message("boom")], NOW)
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "fixed"}, "ana", NOW)
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=2)
    digest([message("boom", later, level="info", occurred_at=later)], later)
    assert samples("errors.regressed_group") == []


def test_worst_of_many_new_groups_comes_first(database: str) -> None:
    kinds = [("low", 9), ("critical", 1), ("medium", 3), ("high", 2), ("critical", 4), ("high", 7)]
    bodies = [
        message(f"kind {chr(97 + number)}", type=f"T{chr(97 + number)}", severity=severity)
        for number, (severity, count) in enumerate(kinds)
        for _ in range(count)
    ]
    digest([*bodies, *[message(f"low {chr(97 + n)}", type=f"L{chr(97 + n)}", severity="low") for n in range(20)]], NOW)
    found = samples("errors.new_group")
    assert [sample.detail for sample in found][:6] == [
        "Te: kind e", "Tb: kind b", "Tf: kind f", "Td: kind d", "Tc: kind c", "Ta: kind a"
    ]  # fmt: skip
    weights = [sample.weight for sample in found]
    assert weights == sorted(weights, reverse=True)
    (count,) = samples("errors.new_groups")
    assert count.value == 26
    assert str(count.detail).startswith(
        "the worst: Te: kind e (critical, 4 times); Tb: kind b (critical, 1 times); Tf: kind f (high,"
    )


def test_order_of_commits_is_that_of_their_first_sight(database: str) -> None:
    def occur(text: str, release: str, at: datetime) -> None:
        digest([message(text, at, release=release, occurred_at=at, type="Boom")], at)

    start = datetime.now(UTC) - timedelta(hours=3)
    for hours, release in enumerate(["aaaaaa1", "bbbbbb2"]):
        occur("boom", release, start + timedelta(hours=hours))
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "fixed", "in_release": "bbbbbb2"}, "ana", datetime.now(UTC))
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=2)
    occur("boom", "aaaaaa1", later)
    assert samples("errors.regressed_group") == []
    occur("boom", "ddddddd", later + timedelta(seconds=1))
    assert [sample.labels["group"] for sample in samples("errors.regressed_group")] == ["1"]
