"""Errors as rules see them: what is new, what is back, what spikes, which queries are broken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.db import connection
from callwatch.models.facts import Fact
from callwatch.tracker.digest import digest
from callwatch.tracker.event import error_message, finish_event
from callwatch.tracker.facts import NEWS, error_facts, tracker_facts
from callwatch.tracker.groups import act
from callwatch.tracker.sqlstate import sqlstate_of

NOW = datetime.now(UTC)


def message(text: str = "boom", now: datetime = NOW, project: int = 1, **fields: Any) -> str:
    return error_message(finish_event({"message": text, **fields}, now), project, now)


def facts(metric: str, now: datetime | None = None) -> list[Fact]:
    with connection() as conn:
        return [fact for fact in error_facts(conn, now or datetime.now(UTC)) if fact.metric == metric]


def test_a_quiet_system_has_no_news(database: str) -> None:
    assert facts("errors.new_group") == facts("errors.regressed_group") == facts("errors.spike") == facts("errors.sqlstate") == []
    assert facts("errors.last_hour") == [Fact("errors.last_hour", 0.0)]
    assert tracker_facts()[0].metric == "monitor.lost_errors"


def test_a_new_group_is_news_for_a_quarter_of_an_hour_even_where_it_comes_late(database: str) -> None:
    digest([message("could not write", type="DiskError", environment="staging", occurred_at=NOW - timedelta(hours=5))], NOW)
    (fact,) = facts("errors.new_group")
    assert (fact.value, fact.detail) == (1.0, "DiskError: could not write")
    assert fact.labels == {"group": "1", "environment": "staging", "type": "DiskError"}
    assert facts("errors.new_group", datetime.now(UTC) + NEWS + timedelta(seconds=5)) == []


def test_a_group_that_somebody_took_up_is_news_no_longer(database: str) -> None:
    digest([message("boom")], NOW)
    with connection() as conn:
        act(conn, "1", "ignore", {"reason": "known"}, "ana", NOW)
        conn.commit()
    assert facts("errors.new_group") == []


def test_a_group_that_came_back_is_news(database: str) -> None:
    digest([message("boom")], NOW)
    with connection() as conn:
        act(conn, "1", "resolve", {"reason": "fixed"}, "ana", NOW)
        conn.commit()
    later = datetime.now(UTC) + timedelta(seconds=2)
    digest([message("boom", later, occurred_at=later)], later)
    assert [fact.labels["group"] for fact in facts("errors.regressed_group")] == ["1"]
    assert facts("errors.new_group") == []


def test_news_are_bounded_and_the_monitors_own_errors_are_none(database: str) -> None:
    kinds = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(30)]
    digest([message(f"kind {kind}", type=f"Type{kind}") for kind in kinds], NOW)
    digest([message("ours", type="Ours", project=0) for _ in range(40)], NOW)
    assert len(facts("errors.new_group")) == 20
    (count,) = facts("errors.new_groups")
    assert count.value == 30
    assert facts("errors.spike") == []
    assert facts("errors.last_hour")[0].value == 30


def test_a_spike_is_measured_against_what_is_usual(database: str) -> None:
    now = datetime.now(UTC)
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    usual = [
        message("noisy", type="Noisy", occurred_at=this_hour - timedelta(hours=hour) + timedelta(minutes=5))
        for hour in range(1, 25)
        for _ in range(120)
    ]
    digest(usual, now)
    digest([message("noisy", type="Noisy", occurred_at=now) for _ in range(30)], now)
    digest([message("sudden", type="Sudden", occurred_at=now) for _ in range(100)], now)
    digest([message("seldom", type="Seldom", occurred_at=now) for _ in range(19)], now)
    found = {fact.labels["group"]: fact.value for fact in facts("errors.spike", now)}
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
    found = {fact.labels["sqlstate"]: fact.value for fact in facts("errors.sqlstate")}
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
    assert sqlstate_of(event) == code
