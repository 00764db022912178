"""Rules on the product's errors, group by group. The monitor's own errors are never among them."""

from typing import Any

from callwatch.alerts.rules.builtin.common import DATABASE, LOUD, NORMAL
from callwatch.alerts.rules.rule import AlertRule, Cause, Condition
from callwatch.models.alert import AlertLevel as Level
from callwatch.sqlstates import BROKEN_QUERY


def _build_group_text(lead: str) -> Any:
    def build_text(given: Any) -> str:
        where = given.labels.get("environment")
        kind = given.labels.get("type")
        title = given.detail or (f"group {given.labels.get('group')}")
        return f"{lead}: {title}" + (f" ({', '.join(each for each in (kind, where) if each)})" if kind or where else "")

    return build_text


# A broken query is one incident, whatever groups its errors are in.
_BROKEN_QUERY = Cause("sql_errors", same=("sqlstate",))
# A burst that begins with the product's many errors is a part of them. A later one is news of its own: the errors of an hour stay
# many long after the burst has ended.
_MANY_ERRORS = Cause("high_error_rate", within_s=900)
# So is the error itself, if it is what the first evaluation of it saw.
_MANY_ERRORS_AT_ONCE = Cause("high_error_rate", within_s=120)
# A group that appears or comes back in a burst is one piece of news.
_ITS_SPIKE = Cause("error_spike", same=("group",))

ERROR_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "many_new_errors", "Many new errors", Level.WARNING, NORMAL, (Condition("errors.new_groups", ">", 10),),
        cooldown_minutes=30, depends_on=DATABASE, hint="Many new errors appeared within 15 minutes",
    ),
    AlertRule(
        "new_error_group", "New error", Level.INFO, NORMAL, (Condition("errors.new_group", ">=", 1),),
        cooldown_minutes=60, depends_on=(*DATABASE, "many_new_errors", _BROKEN_QUERY, _ITS_SPIKE, _MANY_ERRORS_AT_ONCE),
        message=_build_group_text("first seen"),
        hint="An error appeared for the first time",
    ),
    AlertRule(
        "regressed_error_group", "Error is back", Level.WARNING, NORMAL, (Condition("errors.regressed_group", ">=", 1),),
        cooldown_minutes=60, depends_on=(*DATABASE, _BROKEN_QUERY, _ITS_SPIKE, _MANY_ERRORS_AT_ONCE),
        message=_build_group_text("resolved, but seen again"),
        hint="A resolved error came back",
    ),
    AlertRule(
        "error_spike", "Error spike", Level.WARNING, NORMAL, (Condition("errors.spike", ">", 5),),
        cooldown_minutes=30, depends_on=(*DATABASE, _MANY_ERRORS), hint="An error occurs many times more often than before",
    ),
    AlertRule(
        "access_unlogged", "Access not recorded", Level.ERROR, LOUD, (Condition("access.logged_ratio", "<", 1),),
        cooldown_minutes=60, depends_on=DATABASE,
        hint="Requests answered with personal data, and no record says who read it",
    ),
    AlertRule(
        "sql_errors", "Broken query", Level.ERROR, LOUD, (Condition("errors.sqlstate", ">=", 1),),
        cooldown_minutes=60,
        # Values that the product's tables do not take are what makes its webhooks fail.
        depends_on=(*DATABASE, *(Cause("webhook_errors", where={"sqlstate": code}) for code in BROKEN_QUERY)),
        hint="The product's queries do not match its schema or its data",
    ),
    AlertRule(
        "client_discarded", "Errors discarded by clients", Level.WARNING, NORMAL,
        (Condition("errors.client_discarded", ">=", 1), Condition("errors.client_offline", ">", 50)),
        cooldown_minutes=60, depends_on=DATABASE, hint="Clients dropped errors without sending them: counts are too low",
    ),
)  # fmt: skip
