"""Rules on the product's errors, group by group. Errors of the monitor itself are never among them."""

from typing import Any

from callwatch.alerts.builtin.parts import DATABASE, LOUD, NORMAL
from callwatch.alerts.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level


def _of_group(lead: str) -> Any:
    def text(given: Any) -> str:
        where = given.labels.get("environment")
        kind = given.labels.get("type")
        title = given.detail or (f"group {given.labels.get('group')}")
        return f"{lead}: {title}" + (f" ({', '.join(each for each in (kind, where) if each)})" if kind or where else "")

    return text


ERROR_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "many_new_errors", "Many new errors", Level.WARNING, NORMAL, (Condition("errors.new_groups", ">", 10),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Many errors appeared for the first time within a quarter of an hour",
    ),
    AlertRule(
        "new_error_group", "New error", Level.INFO, NORMAL, (Condition("errors.new_group", ">=", 1),),
        cooldown_minutes=60, depends_on=(*DATABASE, "many_new_errors"), message=_of_group("never seen before"),
        hint="An error appeared for the first time",
    ),
    AlertRule(
        "regressed_error_group", "Error is back", Level.WARNING, NORMAL, (Condition("errors.regressed_group", ">=", 1),),
        cooldown_minutes=60, depends_on=DATABASE, message=_of_group("resolved, and back again"),
        hint="A resolved error came back",
    ),
    AlertRule(
        "error_spike", "Error spike", Level.WARNING, NORMAL, (Condition("errors.spike", ">", 5),),
        cooldown_minutes=30, depends_on=DATABASE, hint="An error comes many times as often as it used to",
    ),
    AlertRule(
        "sql_errors", "Broken query", Level.ERROR, LOUD, (Condition("errors.sqlstate", ">=", 1),),
        cooldown_minutes=60, depends_on=DATABASE,
        hint="The product's queries do not fit its schema or its data",
    ),
)  # fmt: skip
