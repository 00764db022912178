"""Cycles without an evaluation: health and status report it, and the second one is notified directly."""

import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from callwatch.alerts import AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.notifications.rendering import render_text
from callwatch.alerts.outage.outage import KINDS, Outage
from callwatch.alerts.outage.outage_end import write_outage
from callwatch.alerts.outage.outage_start import build_outage_instance, find_outage_rule
from callwatch.alerts.outage.records import OutageRecord
from callwatch.alerts.rules.metrics import METRICS, format_figure
from callwatch.alerts.rules.phrases import name_measured
from callwatch.alerts.serializers import load_alert_detail
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection, execute, fetch_all
from callwatch.db.queries.cycles import read_signs
from callwatch.exceptions import PoolExhausted
from callwatch.monitor import evaluate_step, steps
from callwatch.monitor.own_samples import count_runs
from callwatch.reports.health import build_health
from callwatch.reports.status import build_status
from callwatch.settings import get_settings
from tests.support.api_shapes import OWN
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import MONITOR, cycle
from tests.support.scripted_receiver import Receiver

NOW = datetime.now(UTC).replace(microsecond=0)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    FakeQueue([], NOW).stand_in(monkeypatch)


@pytest.fixture
def break_evaluation(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Switch on and off a fault of the evaluation that isolation cannot contain."""
    real = evaluate_rules

    def switch(is_on: bool) -> None:
        def refuse(*_given: Any, **_named: Any) -> Any:
            raise OverflowError("date value out of range")

        monkeypatch.setattr(evaluate_step, "evaluate_rules", refuse if is_on else real)

    return switch


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def notified(receiver: Receiver) -> list[tuple[str, str]]:
    bodies = [json.loads(request.body) for request in receiver.received]
    return [(body["type"], body["data"]["message"]) for body in bodies if body["data"]["rule_id"] == "evaluation_stopped"]


def seen() -> tuple[str, datetime | None, datetime | None]:
    """Return the overall health, and since when nothing is evaluated, from health and from status."""
    settings, now = get_settings(), datetime.now(UTC)
    whole: Any = build_health(settings, now, OWN)
    shown: Any = build_status(settings, now, 1)
    for answer in (whole, shown):
        assert answer["monitor"]["last_cycle_at"] is not None
    return whole["status"], whole["monitor"]["not_evaluated_since"], shown["monitor"]["not_evaluated_since"]


def test_second_cycle_without_evaluation_is_notified_once(receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    cycle(after(0))
    assert seen() == ("healthy", None, None)
    with connection() as conn:
        last = read_signs(conn).evaluated_at
    break_evaluation(True)
    assert cycle(after(1))["steps"]["evaluate"]["error"] == "OverflowError"
    assert seen() == ("degraded", last, last), "at once, after a single one"
    assert notified(receiver) == []
    for minute in range(2, 6):
        cycle(after(minute))
    ((kind, message),) = notified(receiver)
    assert kind == "alert.firing"
    assert "OverflowError: date value out of range" in message
    assert seen() == ("degraded", last, last)


def test_evaluation_that_works_again_sends_all_clear_and_rows(
    receiver: Receiver, break_evaluation: Callable[[bool], None]
) -> None:
    break_evaluation(True)
    for minute in range(3):
        cycle(after(minute))
    (issue,) = build_status(get_settings(), datetime.now(UTC), 1)["issues"]
    assert (issue["type"], issue["rule_id"]) == ("error", "evaluation_stopped")
    assert "OverflowError" in issue["message"]
    break_evaluation(False)
    for minute in range(3, 6):
        cycle(after(minute))
    assert [kind for kind, _message in notified(receiver)] == ["alert.firing", "alert.resolved"]
    assert seen() == ("healthy", None, None)
    assert "evaluation_stopped" not in {
        issue["rule_id"] for issue in build_status(get_settings(), datetime.now(UTC), 1)["issues"]
    }
    with connection() as conn:
        ((row),) = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = 'evaluation_stopped'")
        alert = load_alert_detail(conn, str(row["id"]))
        firing = json.loads(receiver.received[0].body)
        assert load_alert_detail(conn, firing["data"]["alert_id"]) == alert, "it is found by the id that its messages gave"
    assert (alert["state"], alert["started_at"], alert["resolved_at"]) == ("resolved", after(0), after(3))
    assert [entry["kind"] for entry in alert["timeline"]] == ["firing", "notified: firing", "resolved", "notified: resolved"]


def test_single_cycle_without_evaluation_is_not_notified(receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    for minute in range(8):
        break_evaluation(minute == 3)
        cycle(after(minute))
    assert notified(receiver) == []


def test_every_second_evaluation_failing_is_notified(receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    for minute in range(11):
        break_evaluation(minute % 2 == 1)
        cycle(after(minute))
    ((kind, message),) = notified(receiver)
    assert kind == "alert.firing"
    assert "5 of the last 10 cycles did not evaluate the rules" in message
    issues = {issue["rule_id"] for issue in build_status(get_settings(), datetime.now(UTC), 1)["issues"]}
    assert "evaluation_stopped" in issues, "status names it as long as it is not over"
    for minute in range(11, 13):
        break_evaluation(False)
        cycle(after(minute))
    assert notified(receiver)[-1][0] == "alert.resolved"
    assert "evaluation_stopped" not in {
        issue["rule_id"] for issue in build_status(get_settings(), datetime.now(UTC), 1)["issues"]
    }


@pytest.mark.parametrize(
    ("recent", "runs"),
    [([], 0), ([True], 0), ([False], 1), ([False] * 10, 1), ([True, False] * 5, 5), ([False, False, True, False], 2)],
)
def test_runs_of_failures_are_counted(recent: list[bool], runs: int) -> None:
    assert count_runs(recent) == runs


def test_one_outage_is_one_notification(receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    break_evaluation(True)
    for minute in range(6):
        cycle(after(minute))
    break_evaluation(False)
    for minute in range(6, 9):
        cycle(after(minute))
    assert [kind for kind, _message in notified(receiver)] == ["alert.firing", "alert.resolved"]


def test_new_process_counts_on_where_the_last_one_ended(receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    break_evaluation(True)
    for minute in range(4):
        cycle(after(minute))
        MONITOR.restart()
    assert len(notified(receiver)) == 1


def test_unwritable_memory_file_costs_no_notification(
    receiver: Receiver, break_evaluation: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MONITOR.state.evaluation_outage, "file", Path("/proc/callwatch/none.json"))
    break_evaluation(True)
    for minute in range(4):
        cycle(after(minute))
    break_evaluation(False)
    cycle(after(4))
    assert [kind for kind, _message in notified(receiver)] == ["alert.firing", "alert.resolved"]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "\x00\x00", '{"since": "yesterday"}', '{"since": "2026-01-01T00:00:00Z"}', '{"notices": 7}',
     '{"since": "2026-01-01T00:00:00", "reason": "x", "notices": []}', '{"notices": [{"channels": {"log": {}}}]}'],
)  # fmt: skip
def test_damaged_memory_file_stops_nothing(content: str, receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    for memory in MONITOR.state.outages:
        memory.file.write_text(content)
    MONITOR.restart()
    assert cycle(after(0))["steps"]["evaluate"]["error"] is None
    for memory in MONITOR.state.outages:
        memory.file.write_text(content)
    MONITOR.restart()
    break_evaluation(True)
    for minute in range(1, 3):
        cycle(after(minute))
    assert len(notified(receiver)) == 1


def test_silenced_rule_is_not_notified_directly(receiver: Receiver, break_evaluation: Callable[[bool], None]) -> None:
    with connection() as conn:
        given = {"matchers": {"rule_id": "evaluation_stopped"}, "reason": "upgrade", "ends_at": after(60).isoformat()}
        create_silence(conn, given, "ana", get_settings(), NOW)
        conn.commit()
    cycle(after(0))
    break_evaluation(True)
    for minute in range(1, 5):
        cycle(after(minute))
    assert notified(receiver) == []


def test_exhausted_pool_counts_as_no_evaluation(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise PoolExhausted("all 2 database connections are in use")

    monkeypatch.setattr(evaluate_step, "evaluate_rules", refuse)
    for minute in range(3):
        cycle(after(minute))
    assert len(notified(receiver)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_outage_keeps_its_unit_where_a_rule_is_replaced(kind: Outage, database: str) -> None:
    condition = Condition("requests.avg_ms_5m", "<", 7000)
    alert_manager.add_rule(AlertRule(kind.rule_id, "Own", AlertLevel.CRITICAL, conditions=(condition,)))
    try:
        outage: OutageRecord = {"since": "2031-01-01T00:00:00Z", "reason": "why", "notices": [], "value": 2.0}
        rule = find_outage_rule(kind, get_settings())
        text = render_text(rule, build_outage_instance(outage, kind))
        with connection() as conn:
            write_outage(conn, kind, outage, NOW, NOW, kind.began)
            (row,) = fetch_all(conn, "SELECT value, threshold, unit, comparison FROM callwatch.alerts")
    finally:
        alert_manager.remove_rule(kind.rule_id)
    unit = METRICS[kind.metric].unit
    assert row == {"value": 2.0, "threshold": 2.0, "unit": unit, "comparison": ">="}
    figure = format_figure(2.0, unit)
    assert f"measured {figure} ({name_measured(kind.metric)}), threshold >= {figure}" in text


def load_run_monitor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_monitor", ROOT / "functions" / "run_monitor.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_report_of_a_cycle_is_json_whatever_a_step_details(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_flush", lambda _cycle: {"at": NOW, "ratio": Decimal(1), "names": {"a"}})
    report = load_run_monitor().handle({}, None)
    assert json.loads(json.dumps(report)) == report
    assert report["steps"]["evaluate"]["error"] is None


def test_cycle_that_cannot_begin_is_notified_and_counts_as_none(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load_run_monitor()
    with connection() as conn:
        execute(conn, "ALTER TABLE callwatch.monitor_lease RENAME TO elsewhere")
        conn.commit()
    for _number in range(2):
        with pytest.raises(Exception, match="monitor_lease"):
            module.handle({}, None)
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CycleCompleted" in line]
    assert [line["CycleCompleted"] for line in metrics] == [[0.0], [0.0]]
    assert len(notified(receiver)) == 1
    with connection() as conn:
        execute(conn, "ALTER TABLE callwatch.elsewhere RENAME TO monitor_lease")
        conn.commit()


def test_rows_of_cycles_say_themselves_whether_they_evaluated() -> None:
    statement = "INSERT INTO callwatch.monitor_cycles (started_at, duration_ms, is_ok, steps) VALUES (now(), 1, true, %s)"
    failed = [{"name": "evaluate", "error": "KeyError"}]
    rows = [
        [],
        [{"name": "evaluate", "error": None}],
        failed,
        [{"name": "notify", "error": "KeyError"}],
        [{"name": "x"}, *failed],
    ]
    with connection() as conn:
        for row in rows:
            execute(conn, statement, (json.dumps(row),))
        found = fetch_all(conn, "SELECT is_evaluated FROM callwatch.monitor_cycles ORDER BY id")
    assert [row["is_evaluated"] for row in found] == [True, True, False, True, False]
