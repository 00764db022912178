"""What the settings watch: an alert about a service, a stage or a channel that they no longer name ends, and is no recovery."""

from collections.abc import Callable, Mapping

from callwatch.alerts.evaluation.context import Subjects
from callwatch.alerts.notifications.channels import is_configured, list_names
from callwatch.alerts.own_rules.complete_metrics import LASTING, PASSING
from callwatch.alerts.rules.start_check import find_stages, list_label_values
from callwatch.pipeline.product import build_all_readings
from callwatch.pipeline.queries.query_runner import list_columns
from callwatch.settings import Settings

# Metrics that a part of the stage file gives.
_PARTS: Mapping[str, str] = {
    "webhooks.": "webhooks",
    "calls.": "freshness",
    "agency.": "freshness",
    "recordings.": "availability",
    "fields.": "completeness",
    "cron.": "heartbeats",
    "sync.": "syncs",
    "cost.": "costs",
}
# The metrics whose subjects cannot be told while a setting is invalid that affects such a part.
_DOUBTED: Mapping[str, tuple[str, ...]] = {
    "check.": ("service.", "provider.", "network."),
    "channel.": ("channel.",),
    "access": ("access.",),
}
_OF_TABLES = ("schema.", "product.")
_OF_COLUMNS = "schema.lost"


def find_subjects(settings: Settings) -> Subjects:
    """What the settings say of the subjects of alerts. Raises what a setting that cannot be read makes it raise."""
    invalid = tuple(problem.affects for problem in settings.problems)
    doubtful = [metrics for part, metrics in _DOUBTED.items() if any(each.startswith(part) for each in invalid)]
    return Subjects(LASTING, PASSING, _find_unwatched(settings), tuple(prefix for metrics in doubtful for prefix in metrics))


def _find_unwatched(settings: Settings) -> Callable[[str, Mapping[str, str]], str | None]:
    """What says why the settings watch a metric with some labels no longer; None if they do."""
    find_values = list_label_values(settings)
    channels = frozenset(name for name in list_names(settings) if is_configured(name, settings))
    tables, columns = find_values("schema.", "table"), _list_columns(settings)
    missing = {prefix: f"the stage file has no part {part} any more" for prefix, part in _list_missing_parts(settings).items()}

    def find(metric: str, labels: Mapping[str, str]) -> str | None:
        part = next((why for prefix, why in missing.items() if metric.startswith(prefix)), None)
        if part is not None:
            return part
        if tables and metric.startswith(_OF_TABLES) and labels.get("table", "") not in tables:
            return f"the stage file does not name table {labels.get('table')} any more"
        if columns and metric == _OF_COLUMNS and "column" in labels and (labels["table"], labels["column"]) not in columns:
            return f"the stage file does not name column {labels['table']}.{labels['column']} any more"
        for name, value in labels.items():
            values = channels if metric == "channel.broken" else find_values(metric, name)
            if values is not None and value not in values:
                return f"the settings do not name {name} {value} any more"
        return None

    return find


def _list_columns(settings: Settings) -> frozenset[tuple[str, str]]:
    """Every table and column that a reading of the stage file needs; none if it cannot be read."""
    stages = find_stages(settings)
    if stages is None:
        return frozenset()
    return frozenset(place for reading in build_all_readings(stages) for place in list_columns(reading))


def _list_missing_parts(settings: Settings) -> Mapping[str, str]:
    stages = find_stages(settings)
    return {} if stages is None else {prefix: part for prefix, part in _PARTS.items() if part not in stages.parts}
