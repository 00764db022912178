"""A rule, instance, message or stored row that fails affects only itself, in the stored evaluation."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager, alert_row, store_outcome
from callwatch.alerts import queue_planned as notify
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.guarded_writes import is_data_fault, run_guarded
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.serializers import serialize_rules
from callwatch.db import connection, execute, fetch_all, fetch_one
from callwatch.db.core.db_errors import explain_no_writes
from callwatch.exceptions import LockUnavailable
from callwatch.models.sample import Sample
from callwatch.monitor import check_step, measure_step
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.steps import build_steps
from callwatch.settings import get_settings
from tests.support import hostile_samples
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import cycle, states

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OURS = ("steady", "subject", "host")


def rule(rule_id: str, metric: str, **given_fields: Any) -> AlertRule:
    return AlertRule(
        id=rule_id, name=rule_id.title(), level=AlertLevel.WARNING, channels=[AlertChannel.LOG],
        conditions=[Condition(metric, ">", 10)], cooldown_minutes=5, **given_fields,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def rules(database: str) -> Iterator[None]:
    alert_manager.add_rule(rule("steady", "test.steady"))
    alert_manager.add_rule(rule("subject", "test.subject"))
    yield
    for rule_id in OURS:
        alert_manager.remove_rule(rule_id)


STEADY = Sample("test.steady", 20.0)


def evaluate(at: datetime, *samples: Sample) -> Evaluated:
    with connection() as conn:
        done = evaluate_rules(conn, [STEADY, *samples], at)
        conn.commit()
    return done


def rows(statement: str, *given_values: Any) -> list[dict[str, Any]]:
    with connection() as conn:
        return fetch_all(conn, statement, given_values)


def change(statement: str, *given_values: Any) -> None:
    with connection() as conn:
        execute(conn, statement, given_values)
        conn.commit()


def notified(rule_id: str) -> list[str]:
    found = rows("SELECT kind, payload FROM callwatch.deliveries WHERE channel = 'log' ORDER BY id")
    return [row["kind"] for row in found if row["payload"]["rule_id"] == rule_id]


def read_state(rule_id: str) -> list[tuple[str, str | None]]:
    found = rows(
        "SELECT state, details->'reason'->>'message' AS reason FROM callwatch.rule_states WHERE rule_id = %s ORDER BY 1", rule_id
    )
    return [(row["state"], row["reason"]) for row in found]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(hostile_samples.samples("test.subject"), min_size=1, max_size=5))
def test_hostile_facts_are_stored_and_others_notified(samples: list[Sample]) -> None:
    change("TRUNCATE callwatch.rule_states, callwatch.alerts, callwatch.alert_timeline, callwatch.deliveries CASCADE")
    assert evaluate(NOW, *samples).failed == 0
    assert evaluate(NOW + MINUTE, *samples).failed == 0
    assert evaluate(NOW + 9 * MINUTE, Sample("test.subject", 1.0)).failed == 0
    assert notified("steady") == ["alert.firing"]
    assert deliver_due(NOW + 10 * MINUTE, 5).failed == 0
    assert rows("SELECT count(*) AS open FROM callwatch.deliveries WHERE state = 'due' AND channel = 'log'") == [{"open": 0}]


@pytest.mark.parametrize("since", [at for at in hostile_samples.TIMES if isinstance(at, datetime)])
def test_date_out_of_range_costs_only_its_own_text(since: datetime) -> None:
    done = evaluate(NOW, Sample("test.subject", 20.0, since=since))
    assert (done.failed, notified("steady"), notified("subject")) == (0, ["alert.firing"], ["alert.firing"])
    ((started,),) = [tuple(row.values()) for row in rows("SELECT started_at FROM callwatch.alerts WHERE rule_id = 'subject'")]
    assert datetime(1970, 1, 1, tzinfo=UTC) < started <= NOW


@pytest.mark.parametrize("text", ["half \ud800", "nul \x00", hostile_samples.MEGABYTE])
def test_hostile_words_of_a_rule_still_notify(text: str) -> None:
    alert_manager.add_rule(rule("host", "test.subject", message=lambda _context: text, hint=text))
    done = evaluate(NOW, Sample("test.subject", 20.0, labels={text: text}, detail=text))
    assert (done.failed, notified("steady"), notified("host")) == (0, ["alert.firing"], ["alert.firing"])


def refuse(error: Exception) -> Any:
    def run_it(*_given: Any) -> Any:
        raise error

    return run_it


def test_failing_condition_is_unknown_and_alerts_in_cycle_three() -> None:
    alert_manager.add_rule(AlertRule("host", "Host", AlertLevel.INFO, condition=refuse(ValueError("x"))))
    done = [evaluate(NOW + minute * MINUTE).failed for minute in range(4)]
    assert done == [1, 1, 1, 1]
    assert read_state("host") == [("unknown", "its condition raised ValueError")]
    assert notified("rule_broken") == ["alert.firing"]
    (alert,) = rows("SELECT labels, message FROM callwatch.alerts WHERE rule_id = 'rule_broken'")
    assert alert["labels"] == {"rule": "host"}
    assert "its condition raised ValueError" in alert["message"]
    alert_manager.add_rule(AlertRule("host", "Host", AlertLevel.INFO, condition=lambda: 0))
    assert evaluate(NOW + 4 * MINUTE).failed == 0
    assert notified("rule_broken") == ["alert.firing", "alert.resolved"]


def test_failing_message_notifies_in_other_words_and_alerts() -> None:
    alert_manager.add_rule(rule("host", "test.subject", message=refuse(ValueError("x")), hint="Too much"))
    for minute in range(3):
        assert evaluate(NOW + minute * MINUTE, Sample("test.subject", 20.0)).failed == 1
    assert notified("host") == ["alert.firing"]
    assert read_state("host") == [("firing", None)]
    (alert,) = rows("SELECT message FROM callwatch.alerts WHERE rule_id = 'host'")
    assert alert["message"] == "Too much: measured 20, threshold > 10"
    assert notified("rule_broken") == ["alert.firing"]


@pytest.mark.parametrize(
    "place", ["open_alerts", "queue_notification", "build_row", "render_text", "build_notification", "keep_states"]
)
def test_part_that_cannot_be_stored_costs_its_instance(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever sanitizing missed: PostgreSQL rejects one instance at each place where it is written."""
    by_place = {"queue_notification": notify, "build_notification": notify, "render_text": alert_row}
    module = by_place.get(place, store_outcome)
    real = getattr(module, place)

    def refuse_one(*given_values: Any, **named: Any) -> Any:
        is_unknown = any(isinstance(value, Instance) and value.state == "unknown" for value in given_values)
        if "'stage': 'x'" in repr(given_values) and not is_unknown:
            with connection() as conn:
                execute(conn, "SELECT 1 / 0")
        return real(*given_values, **named)

    def refuse_states(conn: Any, given_rows: list[dict[str, Any]]) -> None:
        if any("stage=x" in row["key"] and row["state"] != "unknown" for row in given_rows):
            execute(conn, "SELECT 1 / 0")
        real(conn, given_rows)

    monkeypatch.setattr(module, place, refuse_states if place == "keep_states" else refuse_one)
    samples = [Sample("test.subject", 20.0, labels={"stage": stage}) for stage in ("x", "y")]
    done = evaluate(NOW, *samples)
    assert done.failed == 1
    assert read_state("subject") == [("firing", None), ("unknown", "it could not be stored (DivisionByZero)")]
    assert (notified("steady"), notified("subject")) == (["alert.firing"], ["alert.firing"])
    assert len(rows("SELECT id FROM callwatch.alerts WHERE rule_id = 'subject'")) == 1, "nothing half-kept remains"
    monkeypatch.setattr(module, place, real)
    assert evaluate(NOW + MINUTE, *samples).failed == 0
    assert notified("subject") == ["alert.firing", "alert.firing"], "once it can be stored it is notified"


@pytest.mark.parametrize(
    "details",
    ["[]", "null", '"x"', "{}", "1" * 5000, '{"labels": 7, "fired": 7, "since": 7}', '{"since": "0001-01-01T00:00:00"}',
     '{"labels": {"a": [1]}, "fired": ["x", 1, null, "2026-03-01"], "began_at": "9999-12-31T23:59:59-23:59"}'],
)  # fmt: skip
def test_damaged_state_row_costs_no_other(details: str) -> None:
    evaluate(NOW, Sample("test.subject", 20.0))
    change("UPDATE callwatch.rule_states SET details = %s::jsonb WHERE rule_id = 'subject'", details)
    change("UPDATE callwatch.rule_states SET last_evaluated_at = '-infinity', value = 'NaN' WHERE rule_id = 'subject'")
    with connection() as conn:
        assert serialize_rules(conn, alert_manager.list_rules(get_settings()), get_settings())
    assert evaluate(NOW + MINUTE, Sample("test.subject", 20.0)).failed == 0
    assert read_state("subject") == [("firing", None)]
    assert evaluate(NOW + 9 * MINUTE, Sample("test.subject", 1.0)).failed == 0
    assert [row["state"] for row in rows("SELECT state FROM callwatch.alerts WHERE rule_id = 'subject'")] == ["resolved"]
    assert notified("subject")[-1] == "alert.resolved", "an all-clear is not lost with the row"
    assert notified("steady") == ["alert.firing"]


@pytest.mark.parametrize("matchers", ["[]", "null", '"x"', '{"labels": 7}', '{"rule_id": ["steady"]}', "{}"])
def test_damaged_silence_silences_nothing(matchers: str) -> None:
    change(
        "INSERT INTO callwatch.silences (matchers, reason, actor, starts_at, ends_at)"
        " VALUES (%s::jsonb, 'r', 'a', '2000-01-01', '9999-01-01')",
        matchers,
    )
    assert evaluate(NOW).failed == 0
    assert notified("steady") == ([] if matchers == "{}" else ["alert.firing"])


def test_refused_write_takes_nothing_else_with_it() -> None:
    with connection() as conn:
        execute(conn, "CREATE TEMP TABLE kept (n int)")
        execute(conn, "INSERT INTO kept VALUES (1)")
        _found, error = run_guarded(conn, lambda: execute(conn, "INSERT INTO kept VALUES (1 / 0)"))
        assert error is not None
        assert run_guarded(conn, lambda: execute(conn, "INSERT INTO kept VALUES (2)")) == (1, None)
        assert fetch_one(conn, "SELECT sum(n) AS sum FROM kept") == {"sum": 3}


@pytest.mark.parametrize("code", ["53100", "58030", "25006", "57014", "55P03", "40P01", "40001", "42P01", "XX001"])
def test_fault_of_the_database_is_no_fault_of_the_data(code: str) -> None:
    with connection() as conn, pytest.raises(Exception, match="made up") as caught:
        execute(conn, f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'; END $$")
    assert not is_data_fault(caught.value)
    assert not is_data_fault(LockUnavailable("x"))


def test_role_without_temporary_files_still_writes() -> None:
    with connection() as conn:
        execute(conn, "SET LOCAL temp_file_limit = 0")
        assert explain_no_writes(conn) is None
        assert fetch_one(conn, "SELECT 1 AS one") == {"one": 1}


def test_database_without_room_is_paged_as_one_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(conn: Any, _rows: Any) -> None:
        execute(conn, "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$")

    monkeypatch.setattr(store_outcome, "keep_states", full)
    with pytest.raises(Exception, match="could not extend file"):
        evaluate(NOW)


def test_whole_cycle_survives_what_the_measurement_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeQueue([], NOW).stand_in(monkeypatch)
    odd = [
        Sample("test.subject", 20.0, labels={"stage": "\ud800"}, since=datetime.min.replace(tzinfo=UTC)),
        Sample("test.subject", 20.0, labels={"stage": hostile_samples.MEGABYTE}, detail="\x00"),
        Sample("test.subject", 10**400, labels={"stage": "huge"}),
    ]
    monkeypatch.setattr(measure_step, "list_product_samples", lambda *_given: [STEADY, *odd])
    alert_manager.add_rule(AlertRule("host", "Host \ud800", AlertLevel.INFO, condition=refuse(OverflowError("date"))))
    at = datetime.now(UTC).replace(microsecond=0)
    for minute in range(3):
        report = cycle(at + minute * MINUTE)
        assert [name for name, step in report["steps"].items() if step["error"]] == []
    assert (states()["steady"], states()["host"]) == ("firing", "unknown")
    assert sorted(state for state, _reason in read_state("subject")) == ["firing", "firing", "unknown"]
    assert notified("steady") == ["alert.firing"]
    assert notified("rule_broken") == ["alert.firing"]
    sent = rows("SELECT state FROM callwatch.deliveries WHERE channel = 'log'")
    assert {row["state"] for row in sent} == {"sent"}


@pytest.mark.parametrize("part", ["measure_tracker", "measure_product_database", "run_checks"])
def test_source_that_fails_leaves_its_figures_unknown(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not measured is not clear: an alert on it keeps firing."""
    FakeQueue([], NOW).stand_in(monkeypatch)
    rule_ids = {"measure_tracker": "lost_errors", "measure_product_database": "product_database_down"}
    rule_id = rule_ids.get(part, "database_health")
    at = datetime.now(UTC).replace(microsecond=0)
    cycle(at)
    change("DELETE FROM callwatch.rule_states WHERE rule_id = %s", rule_id)
    monkeypatch.setattr(check_step if part == "run_checks" else measure_step, part, refuse(RuntimeError("broken")))
    report = cycle(at + MINUTE)
    assert report["steps"]["evaluate"]["error"] is None
    assert states()[rule_id] == "unknown"


def test_own_facts_that_fail_are_unknown_and_cost_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeQueue([], NOW).stand_in(monkeypatch)
    report = run_cycle(build_steps(refuse(RuntimeError("broken"))), MonitorState(), datetime.now(UTC), 50)
    assert report["steps"]["evaluate"]["error"] is None
    assert (states()["memory_usage"], states()["lost_errors"]) == ("unknown", "ok")
