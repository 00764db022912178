"""Rules on jobs that send check-ins."""

from collections.abc import Callable
from typing import Any

from callwatch.alerts.rules.builtin.common import DATABASE, LOUD, NORMAL, QUIET
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel as Level


def _render(what: str) -> Callable[[Any], str]:
    def render(given: Any) -> str:
        labels = given.labels
        detail = f": {given.detail}" if given.detail else ""
        return f"{labels.get('monitor', 'A job')} ({labels.get('environment', 'any environment')}) {what}{detail}"

    return render


CHECK_IN_RULES: tuple[AlertRule, ...] = (
    AlertRule(
        "check_in_missed", "Check-in missed", Level.ERROR, LOUD, (Condition("check_in.missed", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, message=_render("is missed"),
        hint="A job that is due has sent no check-in: it does not run",
    ),
    AlertRule(
        "check_in_failed", "Job failed", Level.ERROR, LOUD, (Condition("check_in.failed", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, message=_render("failed"), hint="A job reported that it failed",
    ),
    AlertRule(
        "check_in_overrun", "Job takes too long", Level.ERROR, LOUD, (Condition("check_in.overrun", ">=", 1),),
        cooldown_minutes=30, depends_on=DATABASE, message=_render("takes too long"),
        hint="A job that started has not ended within its longest run time: it hangs or was killed",
    ),
    AlertRule(
        "check_in_schedule", "Schedule unusable", Level.WARNING, QUIET, (Condition("check_in.schedule_invalid", ">=", 1),),
        cooldown_minutes=60, depends_on=DATABASE, message=_render("names a schedule that cannot be used"),
        hint="A job names a schedule that cannot be used, so nobody notices if it is missed",
    ),
    AlertRule(
        "check_ins_refused", "Too many monitors", Level.WARNING, NORMAL, (Condition("check_in.refused", ">=", 1),),
        cooldown_minutes=60, depends_on=DATABASE,
        hint="A project sends check-ins of more monitors than are kept; those of new ones are not watched",
    ),
)  # fmt: skip
