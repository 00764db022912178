"""What people do to rules of their own: create, change, delete. Each change keeps who, when, why, before and after."""

from __future__ import annotations

import json
from typing import Any

from callwatch.alerts.actions import require_reason
from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.own_rules import MAX_OWN_RULES, NOT_A_RULE, parse_own_rule
from callwatch.alerts.rules.rule import AlertRule
from callwatch.alerts.rules.sanitize import is_storable
from callwatch.alerts.rules_in_force import join_rules, read_own_rules
from callwatch.db import lock_in_transaction
from callwatch.db.alert_queries.own_rules import (
    add_own_rule,
    count_own_rules,
    delete_own_rule,
    find_definition,
    note_change,
    replace_own_rule,
)
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, Invalid, LockUnavailable, NotFound, Unavailable
from callwatch.models.alert import RuleSource
from callwatch.settings import Settings

_WAIT_S = 3.0
_NO_REASON = "no reason given"
_ORIGINS: dict[RuleSource, str] = {
    "built_in": "is built in: disable or silence it, or replace it by a rule with its id in RULES_FILE",
    "file": "comes from a file: change it there",
}


def create_own_rule(conn: AnyConnection, given: Any, actor: str, settings: Settings) -> AlertRule:
    """Create a rule from its definition and an optional `reason`. The caller commits.

    Raises Invalid, Conflict if the id is taken or there are too many, Unavailable.
    """
    reason, wanted = _split_reason(given)
    _take_turns(conn)
    own = read_own_rules(conn)
    rule, definition = parse_own_rule(wanted, join_rules(settings, own))
    source = alert_manager.find_source(rule.id, settings)
    if source != "page":
        raise Conflict(f"the id {rule.id} is taken by a rule that {_ORIGINS[source]}", code="id_taken")
    if count_own_rules(conn) >= MAX_OWN_RULES:
        raise Conflict(f"there are {MAX_OWN_RULES} own rules, which is the limit; delete one", code="too_many_rules")
    if not add_own_rule(conn, rule.id, definition, actor):
        raise Conflict(f"the id {rule.id} is taken by an own rule; PUT /api/rules/{rule.id} changes it", code="id_taken")
    note_change(conn, rule.id, "create", actor, reason, None, definition)
    return rule


def change_own_rule(conn: AnyConnection, rule_id: str, given: Any, actor: str, settings: Settings) -> AlertRule:
    """Replace the definition of a rule. The caller commits.

    Raises NotFound, Conflict for a rule that is not an own one, Invalid, Unavailable.
    """
    reason, wanted = _split_reason(given)
    _take_turns(conn)
    before = _require_own(conn, rule_id, settings)
    rule, definition = parse_own_rule({"id": rule_id, **wanted}, join_rules(settings, read_own_rules(conn)))
    if rule.id != rule_id:
        raise Invalid("id", f"must be {rule_id}; to rename a rule, create another and delete this one")
    replace_own_rule(conn, rule_id, definition, actor)
    note_change(conn, rule_id, "change", actor, reason, before, definition)
    return rule


def delete_rule(conn: AnyConnection, rule_id: str, actor: str, settings: Settings) -> None:
    """Delete a rule; its alerts end with the next evaluation. The caller commits.

    Raises NotFound, Conflict for a rule that is not an own one, or that another own rule depends on, Unavailable.
    """
    _take_turns(conn)
    before = _require_own(conn, rule_id, settings)
    above = [rule.id for rule in read_own_rules(conn).rules if any(cause.rule_id == rule_id for cause in rule.causes)]
    if above:
        raise Conflict(f"{', '.join(above)} depends on this rule; change that first", code="in_use")
    delete_own_rule(conn, rule_id)
    note_change(conn, rule_id, "delete", actor, _NO_REASON, before, None)


def _require_own(conn: AnyConnection, rule_id: str, settings: Settings) -> dict[str, object]:
    """Return the stored definition of an own rule."""
    found = find_definition(conn, rule_id) if is_storable(rule_id) else None
    if found is None:
        source = alert_manager.find_source(rule_id, settings)
        if source != "page":
            raise Conflict(f"{rule_id} {_ORIGINS[source]}", code="not_own")
        raise NotFound("no rule has this id")
    try:
        definition = json.loads(found)
    except (ValueError, RecursionError):
        definition = {}
    return definition if isinstance(definition, dict) else {}


def _split_reason(given: Any) -> tuple[str, dict[str, object]]:
    """Return the reason, and the rest of the body: the rule."""
    if not isinstance(given, dict):
        raise Invalid("rule", NOT_A_RULE)
    return require_reason(given, _NO_REASON), {name: value for name, value in given.items() if name != "reason"}


def _take_turns(conn: AnyConnection) -> None:
    """One change at a time: each is checked against all other rules."""
    try:
        lock_in_transaction(conn, "own_rules", _WAIT_S)
    except LockUnavailable:
        raise Unavailable("another rule is being changed; try again", code="busy", retry_after_s=2) from None
