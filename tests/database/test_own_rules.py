"""Rules that people make: created, evaluated, changed and deleted, with who, when, why, before and after."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts import AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.actions import act_on_rule
from callwatch.alerts.evaluator import Evaluated, evaluate_rules
from callwatch.alerts.own_rules.changes import change_own_rule, create_own_rule, delete_rule
from callwatch.alerts.rules import own_rules
from callwatch.alerts.rules_in_force import join_rules, list_rules_in_force, read_own_rules
from callwatch.alerts.serializers import serialize_rules
from callwatch.db import connection, execute, fetch_all
from callwatch.exceptions import Conflict, Invalid, NotFound, RequestRefused
from callwatch.models.sample import Sample
from callwatch.models.shapes.rules import Rule
from callwatch.settings import get_settings
from tests.support.api_shapes import check_shape

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUEUE: dict[str, Any] = {
    "id": "long_queue", "name": "Long queue", "level": "error", "metric": "queue.pending", "comparison": ">", "threshold": 500,
}  # fmt: skip


def create(given: Any, actor: str = "ann") -> AlertRule:
    with connection() as conn:
        rule = create_own_rule(conn, given, actor, get_settings())
        conn.commit()
    return rule


def change(rule_id: str, given: Any, actor: str = "ben") -> AlertRule:
    with connection() as conn:
        rule = change_own_rule(conn, rule_id, given, actor, get_settings())
        conn.commit()
    return rule


def delete(rule_id: str, actor: str = "cem") -> None:
    with connection() as conn:
        delete_rule(conn, rule_id, actor, get_settings())
        conn.commit()


def evaluate(at: datetime, pending: float | None, only: frozenset[str] | None = None) -> Evaluated:
    with connection() as conn:
        done = evaluate_rules(conn, [Sample("queue.pending", pending)] if pending is not None else [], at, only_metrics=only)
        conn.commit()
    return done


def show(rule_id: str) -> Rule:
    with connection() as conn:
        own = read_own_rules(conn)
        rules = join_rules(get_settings(), own)
        found = serialize_rules(conn, rules, get_settings(), own.definitions)
    (item,) = (each for each in found if each["id"] == rule_id)
    check_shape(Rule, item)
    return item


def alerts(rule_id: str) -> list[str]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT state FROM callwatch.alerts WHERE rule_id = %s ORDER BY id", (rule_id,))
    return [row["state"] for row in rows]


def test_an_own_rule_is_evaluated_in_the_next_cycle(database: str) -> None:
    create({**QUEUE, "reason": "the night shift"})
    evaluate(NOW, 501)
    item = show("long_queue")
    assert (item["state"], item["value"], item["source"]) == ("firing", 501, "page")
    assert item["definition"] == QUEUE
    assert item["fires_when"] == "the number of rows that wait in the product's queues > 500"
    (entry,) = item["history"]
    assert (entry["action"], entry["actor"], entry["reason"], entry["after"]) == ("create", "ann", "the night shift", QUEUE)
    assert "before" not in entry


def test_a_change_holds_from_the_next_cycle_and_keeps_what_was(database: str) -> None:
    create(QUEUE)
    evaluate(NOW, 501)
    rule = change("long_queue", {name: value for name, value in {**QUEUE, "threshold": 600}.items() if name != "id"})
    assert rule.list_conditions()[0].threshold == 600
    evaluate(NOW + MINUTE, 501)
    item = show("long_queue")
    assert (item["state"], alerts("long_queue")) == ("ok", ["resolved"])
    assert [entry["action"] for entry in item["history"]] == ["change", "create"]
    assert (item["history"][0]["before"], item["history"][0]["after"]) == (QUEUE, {**QUEUE, "threshold": 600})


@pytest.mark.parametrize(
    "changed", [{"threshold": 600}, {"comparison": ">="}, {"metric": "queue.stale", "threshold": 600}], ids=str
)
def test_a_changed_rule_shows_no_figure_of_the_old_one(changed: dict[str, Any], database: str) -> None:
    create(QUEUE)
    evaluate(NOW, 501)
    change("long_queue", {**QUEUE, **changed})
    item = show("long_queue")
    assert {name: item[name] for name in ("metric", "comparison", "threshold")} == {
        name: {**QUEUE, **changed}[name] for name in ("metric", "comparison", "threshold")
    }
    assert (item["value"], item["unknown"]["value"].code) == (None, "not_recorded")


def test_a_deleted_rule_ends_its_alerts(database: str) -> None:
    create(QUEUE)
    evaluate(NOW, 501)
    with connection() as conn:
        act_on_rule(conn, "long_queue", "disable", {"reason": "x"}, "ann", get_settings(), NOW)
        act_on_rule(conn, "long_queue", "enable", {"reason": "x"}, "ann", get_settings(), NOW)
        conn.commit()
    delete("long_queue")
    evaluate(NOW + MINUTE, 501)
    assert alerts("long_queue") == ["resolved"]
    with connection() as conn:
        assert "long_queue" not in {rule.id for rule in list_rules_in_force(conn, get_settings())}
        rows = fetch_all(conn, "SELECT actor, before, after FROM callwatch.rule_history WHERE action = 'delete'")
        assert fetch_all(conn, "SELECT rule_id FROM callwatch.rule_settings") == []
    assert rows == [{"actor": "cem", "before": QUEUE, "after": None}]


def test_rules_of_others_are_refused_with_the_way_out(database: str) -> None:
    alert_manager.add_rule(AlertRule("host_rule", "Host", AlertLevel.INFO, conditions=(Condition("queue.pending", ">", 1),)))
    try:
        for act in (lambda: delete("host_rule"), lambda: change("host_rule", QUEUE)):
            with pytest.raises(Conflict, match="comes from a file"):
                act()
    finally:
        alert_manager.remove_rule("host_rule")
    for act in (lambda: delete("slow_route"), lambda: change("slow_route", QUEUE)):
        with pytest.raises(Conflict, match="slow_route is built in"):
            act()
    with pytest.raises(Conflict, match="the id slow_route is taken by a rule that is built in"):
        create({**QUEUE, "id": "slow_route"})
    for rule_id in ("no_such_rule", "\x00", "\ud800"):
        with pytest.raises(NotFound):
            delete(rule_id)


def test_an_id_is_used_once_and_never_changes(database: str) -> None:
    create(QUEUE)
    with pytest.raises(Conflict, match="PUT /api/rules/long_queue changes it"):
        create(QUEUE)
    with pytest.raises(Invalid, match="id: must be long_queue"):
        change("long_queue", {**QUEUE, "id": "longer_queue"})


def test_a_rule_that_another_depends_on_stays(database: str) -> None:
    create(QUEUE)
    create({**QUEUE, "id": "effect", "depends_on": ["long_queue", "database_health"]})
    with pytest.raises(Conflict, match="effect depends on this rule"):
        delete("long_queue")
    with pytest.raises(Invalid, match="must not form a circle"):
        change("long_queue", {**QUEUE, "depends_on": ["effect"]})
    delete("effect")
    delete("long_queue")


def test_own_rules_are_bounded_in_number(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.alerts.own_rules.changes.MAX_OWN_RULES", 2)
    create(QUEUE)
    create({**QUEUE, "id": "second"})
    with pytest.raises(Conflict, match="there are 2 own rules"):
        create({**QUEUE, "id": "third"})
    change("second", QUEUE | {"id": "second", "threshold": 7})
    assert own_rules.MAX_OWN_RULES == 200


def test_a_damaged_stored_rule_costs_only_itself(database: str) -> None:
    create(QUEUE)
    create({**QUEUE, "id": "twin"})
    evaluate(NOW, 501)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.own_rules SET definition = '{\"metric\": 5}' WHERE rule_id = 'twin'")
        execute(conn, "INSERT INTO callwatch.own_rules VALUES ('bad id', '[]', now(), 'x', now(), 'x')")
        conn.commit()
    for cycle in range(1, 5):
        evaluate(NOW + cycle * MINUTE, 501)
    assert (show("long_queue")["state"], alerts("long_queue"), alerts("twin")) == ("firing", ["firing"], ["firing"])
    twin = show("twin")
    assert (twin["state"], twin["value"], twin["definition"]) == ("firing", None, {"metric": 5})
    assert "its stored definition is invalid" in twin["unknown"]["value"].message
    assert len(alerts("rule_broken")) == 2
    change("twin", {**QUEUE, "id": "twin"})
    evaluate(NOW + 5 * MINUTE, 1)
    assert alerts("twin") == ["firing", "resolved"] or alerts("twin") == ["resolved"]


def test_a_critical_error_is_judged_by_own_rules_at_once(database: str) -> None:
    create({**QUEUE, "id": "any_error", "metric": "errors.critical_last_hour", "threshold": 0})
    with connection() as conn:
        evaluate_rules(
            conn, [Sample("errors.critical_last_hour", 1.0)], NOW, only_metrics=frozenset({"errors.critical_last_hour"})
        )
        conn.commit()
    assert alerts("any_error") == ["firing"]


def test_the_history_of_changes_is_bounded(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.db.alert_queries.own_rules._MAX_HISTORY", 3)
    create(QUEUE)
    for threshold in range(1, 6):
        change("long_queue", {**QUEUE, "threshold": threshold})
    with connection() as conn:
        rows = fetch_all(conn, "SELECT after FROM callwatch.rule_history ORDER BY id")
    assert [row["after"]["threshold"] for row in rows] == [3, 4, 5]


@pytest.mark.parametrize("given", [None, [], {"reason": ""}, {**QUEUE, "reason": 5}])
def test_a_body_that_is_no_rule_is_refused(given: Any, database: str) -> None:
    with pytest.raises(RequestRefused):
        create(given)
