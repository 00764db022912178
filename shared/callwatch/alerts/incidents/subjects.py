"""What the labels of alerts are about: the product's stages and groups of errors. Pure."""

from collections.abc import Iterable, Mapping

from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.builtin.common import RUNS, SERVES

_ON_ERRORS = frozenset(rule.id for rule in RULES if any(metric.startswith("errors.") for metric in rule.metrics))
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


def is_about_errors(rule_ids: Iterable[str]) -> bool:
    """Whether one of these rules is on the number of errors."""
    return not _ON_ERRORS.isdisjoint(rule_ids)


def find_groups(subjects: Iterable[Mapping[str, str]]) -> set[int]:
    """Return the ids of the error groups that alerts with these labels are about."""
    named = (labels.get("group", "") for labels in subjects)
    return {int(group) for group in named if group.isascii() and group.isdigit() and len(group) < 19}
