"""Checks RULES_FILE at the start, with the values that labels can have: by the settings, the stage file or the code."""

from collections.abc import Mapping
from pathlib import Path

from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.rules_file import FindValues, read_rules
from callwatch.checks.registry import list_checks
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel
from callwatch.models.slo import WINDOWS
from callwatch.pipeline.product import build_all_readings
from callwatch.pipeline.queries.query_runner import list_tables
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import Settings

DATABASE, PRODUCT_DATABASE = "database", "product_database"
QUEUES = frozenset({"dead_letters", "errors", "critical"})


def check_rules_file(environ: Mapping[str, str], settings: Settings) -> None:
    """Read the user's rules once, at the start, with the values of their labels. Raises ConfigurationError."""
    if environ.get("RULES_FILE"):
        read_rules(Path(environ["RULES_FILE"]), RULES, list_label_values(settings))


def find_stages(settings: Settings) -> StageFile | None:
    """Return the stage file; None if it cannot be read, which is a problem of its own."""
    try:
        return get_stages(settings.stages_file)
    except ConfigurationError:
        return None


def list_label_values(settings: Settings) -> FindValues:
    """Return what finds the values by metric and label. A setting that cannot be read leaves its labels open."""
    closed: dict[tuple[str, str], frozenset[str]] = {
        ("slo.", "window"): frozenset(WINDOWS),
        ("queue.waiting_age_s", "queue"): QUEUES,
        ("product_database.", "service"): frozenset({PRODUCT_DATABASE}),
        **_list_channels(settings),
        **_list_services(settings),
        **_list_stage_values(settings),
    }
    if settings.pii_routes is not None:
        closed["access.", "route"] = frozenset(route.name for route in settings.pii_routes)
    tables = _list_tables(settings)
    if tables:
        closed |= {("schema.", "table"): tables, ("product.", "table"): tables}

    def find(metric: str, label: str) -> frozenset[str] | None:
        return next((found for (prefix, name), found in closed.items() if name == label and metric.startswith(prefix)), None)

    return find


def _list_channels(settings: Settings) -> Mapping[tuple[str, str], frozenset[str]]:
    """Return every kind, and the further channels of a kind that the settings name."""
    if any(problem.variable == "CHANNEL_SETTINGS" for problem in settings.problems):
        return {}
    return {("channel.", "channel"): frozenset({*AlertChannel, *settings.named_channels})}


def _list_services(settings: Settings) -> Mapping[tuple[str, str], frozenset[str]]:
    if any(problem.variable == "HTTP_CHECKS" for problem in settings.problems):
        return {}
    services = frozenset(list_checks(settings))
    return {("service.", "service"): services, ("provider.", "service"): services - {DATABASE}}


def _list_stage_values(settings: Settings) -> Mapping[tuple[str, str], frozenset[str]]:
    stages = find_stages(settings)
    if stages is None:
        return {}
    parts = stages.parts
    return {
        ("pipeline.", "stage"): frozenset(stage.name for stage in stages.stages),
        ("forecast.backlog_s", "stage"): frozenset(stage.name for stage in stages.stages),
        ("product.unlisted", "stage"): frozenset(stage.name for stage in stages.stages),
        ("vendor.", "service"): frozenset(vendor.service for vendor in stages.vendors),
        ("cron.", "cron"): frozenset(cron["name"] for cron in parts.get("heartbeats", {}).get("crons", ())),
        ("fields.", "field"): frozenset(parts.get("completeness", {}).get("columns", ())),
        ("cost.", "service"): frozenset(rows.service for rows in parts.get("costs", {}).get("usage", ())),
    }


def _list_tables(settings: Settings) -> frozenset[str]:
    """Return every table of the stage file; none if it cannot be read."""
    stages = find_stages(settings)
    if stages is None:
        return frozenset()
    parts = [str(part["table"]) for part in stages.parts.values() if isinstance(part, dict) and "table" in part]
    advised = [index["table"] for index in stages.indexes]
    needed = (table for reading in build_all_readings(stages) for table in list_tables(reading))
    return frozenset([*parts, *advised, *needed])
