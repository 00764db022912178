"""The rules that are evaluated: built in, from the user's file, added in Python, and those that people made."""

from collections.abc import Sequence

from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.own_rules import MAX_OWN_RULES, OwnRules, load_own_rules
from callwatch.alerts.rules.rule import AlertRule
from callwatch.db.alert_queries.own_rules import list_own_rules
from callwatch.db.core.connect import AnyConnection
from callwatch.settings import Settings


def read_own_rules(conn: AnyConnection) -> OwnRules:
    """Read the rules that people made."""
    return load_own_rules((row["rule_id"], row["definition"]) for row in list_own_rules(conn, MAX_OWN_RULES))


def join_rules(settings: Settings, own: OwnRules) -> list[AlertRule]:
    """Join all rules; a built-in rule and one of the file win over an own one with the same id."""
    return list(({rule.id: rule for rule in own.rules} | {rule.id: rule for rule in alert_manager.list_rules(settings)}).values())


def list_rules_in_force(conn: AnyConnection, settings: Settings) -> Sequence[AlertRule]:
    """Return all rules that are evaluated."""
    return join_rules(settings, read_own_rules(conn))
