"""What the labels of alerts are about: the product's stages and groups of errors. Pure."""

from collections.abc import Iterable, Mapping

from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.builtin.common import RUNS, SERVES

_ON_ERRORS = frozenset(rule.id for rule in RULES if any(metric.startswith("errors.") for metric in rule.metrics))
# Calls of a stage that do not wait in its queue, and that nothing takes further.
_ON_LEFT_CALLS = frozenset(
    rule.id for rule in RULES if set(rule.metrics) & {"pipeline.stuck", "pipeline.orphan", "pipeline.false_success"}
)
# Calls whose work has ended, badly: none of them waits.
_ON_ENDED_WORK = frozenset(
    rule.id
    for rule in RULES
    if set(rule.metrics) <= {"pipeline.dead", "pipeline.dead_ratio", "recordings.availability", "recordings.shortfall"}
)
# Rules of which one cause raises many alerts, and the labels in which those agree.
_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "fields_missing": ("source",),
    "schema_drift": (),
    "figures_lost": (),
    "index_missing": (),
    "clock_skew": (),
    "unreadable_times": (),
}
_STAGE_OF_SERVICE = {service: stage for stage, service in SERVES.items()}
_STAGE_OF_CRON = {cron: stage for stage, cron in RUNS.items()}


def find_stages(subjects: Iterable[Mapping[str, str]]) -> set[str]:
    """Return the stages that alerts with these labels are about: named, or served by a vendor or cron that they name."""
    found: set[str] = set()
    for labels in subjects:
        named = (
            labels.get("stage"),
            _STAGE_OF_SERVICE.get(labels.get("service", "")),
            _STAGE_OF_CRON.get(labels.get("cron", "")),
        )
        found.update(stage for stage in named if stage)
    return found


def name_kin(rule_id: str, labels: Mapping[str, str]) -> str | None:
    """Return the same text for all alerts that one cause raises by its nature; None for an alert that stands for itself."""
    names = _TOGETHER.get(rule_id)
    return None if names is None else "/".join((rule_id, *(labels.get(name, "") for name in names)))


def is_about_errors(rule_ids: Iterable[str]) -> bool:
    """Whether one of these rules is on the number of errors."""
    return not _ON_ERRORS.isdisjoint(rule_ids)


def count_left_calls(alerts: Iterable[tuple[str, float | None]]) -> int:
    """Return how many calls alerts, each a rule id and a value, count that do not wait in the queue of their stage."""
    return round(sum(value or 0 for rule_id, value in alerts if rule_id in _ON_LEFT_CALLS))


def is_about_waiting(rule_ids: Iterable[str]) -> bool:
    """Whether calls may wait because of these rules' alerts; False if all are about work that ended."""
    return not _ON_ENDED_WORK.issuperset(rule_ids)


def find_groups(subjects: Iterable[Mapping[str, str]]) -> set[int]:
    """Return the ids of the error groups that alerts with these labels are about."""
    named = (labels.get("group", "") for labels in subjects)
    return {int(group) for group in named if group.isascii() and group.isdigit() and len(group) < 19}
