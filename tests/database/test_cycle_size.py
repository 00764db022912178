"""What an evaluation asks of the database and of its samples does not grow with the instances: counted, not timed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluation.evaluate import evaluate
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.rules.sample_index import SampleIndex
from callwatch.db import connection, fetch_all
from callwatch.db.connections.watchdog import WatchedCursor
from callwatch.models.sample import Sample

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
FEW, MANY = 20, 400
METRIC = "test.size"


@pytest.fixture(autouse=True)
def rule(database: str) -> Iterator[None]:
    alert_manager.add_rule(AlertRule("size", "Size", AlertLevel.ERROR, [AlertChannel.LOG], [Condition(METRIC, ">", 10)]))
    yield
    alert_manager.remove_rule("size")


def count_statements(monkeypatch: pytest.MonkeyPatch, entities: range, value: float, at: datetime) -> int:
    asked: list[str] = []
    real = WatchedCursor.execute

    def note(cursor: WatchedCursor, query: object, given: object = None) -> None:
        asked.append(str(query))
        real(cursor, query, given)

    samples = [Sample(METRIC, value, labels={"entity": str(number)}) for number in entities]
    with monkeypatch.context() as patched, connection() as conn:
        patched.setattr(WatchedCursor, "execute", note)
        evaluate_rules(conn, samples, at, only_metrics=frozenset({METRIC}))
        conn.commit()
    return len(asked)


def list_alerts() -> list[tuple[str, int]]:
    with connection() as conn:
        found = fetch_all(
            conn,
            "SELECT state, count(*) AS count FROM callwatch.alerts JOIN callwatch.alert_timeline AS notes"
            " ON notes.alert_id = alerts.id AND notes.kind IN ('firing', 'resolved') WHERE rule_id = 'size' GROUP BY 1",
        )
    return [(row["state"], row["count"]) for row in found]


def test_a_storm_asks_as_much_as_a_few_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, list[int]] = {}
    for count, start in ((MANY, NOW), (FEW, NOW + timedelta(days=1))):
        entities = range(count * 10, count * 11)
        for minute, (name, value) in enumerate((("begin", 20.0), ("go on", 20.0), ("change", 30.0), ("end", 1.0))):
            taken.setdefault(name, []).append(
                count_statements(monkeypatch, entities, value, start + minute * timedelta(minutes=1))
            )
    assert list_alerts() == [("resolved", 2 * (FEW + MANY))]
    assert [name for name, (many, few) in taken.items() if many > few] == [], taken


def test_an_instance_that_stays_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [Sample(METRIC, 1.0, labels={"entity": str(number)}) for number in range(3)]
    with connection() as conn:
        evaluate_rules(conn, samples, NOW, only_metrics=frozenset({METRIC}))
        evaluate_rules(conn, samples, NOW + timedelta(minutes=1), only_metrics=frozenset({METRIC}))
        conn.commit()
        written: list[object] = []
        monkeypatch.setattr("callwatch.alerts.store_outcome.keep_states", lambda _conn, rows: written.extend(rows))
        changed = [samples[0], samples[1], Sample(METRIC, 2.0, labels={"entity": "2"})]
        evaluate_rules(conn, changed, NOW + timedelta(minutes=2), only_metrics=frozenset({METRIC}))
        rows = fetch_all(conn, "SELECT alert_key, last_evaluated_at FROM callwatch.rule_states WHERE rule_id = 'size' ORDER BY 1")
    assert [row["key"] for row in written] == ["size|entity=2"]  # type: ignore[index]
    assert [row["last_evaluated_at"].minute for row in rows] == [2, 2, 1], (
        "the last one was to be written, which was refused here"
    )


def test_rules_look_at_their_own_samples_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = AlertRule.fits

    def note(own: AlertRule, sample: Sample) -> bool:
        looked.append(own.id)
        return real(own, sample)

    monkeypatch.setattr(AlertRule, "fits", note)
    rules = [
        AlertRule(f"r{number}", "R", AlertLevel.INFO, conditions=[Condition(METRIC, ">", 10)], labels={"entity": str(number)})
        for number in range(100)
    ]
    samples = [Sample(METRIC, 20.0, labels={"entity": str(number)}) for number in range(100)]
    found = evaluate(rules, samples, {}, NOW).instances
    assert sorted(found) == sorted(f"r{number}|entity={number}" for number in range(100))
    assert len(looked) == len(rules)


def test_index_finds_what_a_search_of_all_finds() -> None:
    values = [None, "a", "b"]
    samples = [
        Sample(METRIC, value, labels={name: text for name, text in (("x", x), ("y", y)) if text is not None})
        for value in (1.0, None)
        for x in values
        for y in values
    ]
    index = SampleIndex([*samples, Sample("test.other", 1.0, labels={"x": "a"})])
    for labels in ({}, {"x": "a"}, {"y": "b"}, {"x": "a", "y": "b"}, {"z": "a"}):
        rule = AlertRule("r", "R", AlertLevel.INFO, conditions=[Condition(METRIC, ">", 0)], labels=labels)
        assert index.list_for(rule, METRIC) == [sample for sample in samples if rule.matches(sample)]
        assert index.list_for(rule, "test.none") == []
