"""The monitor's cycle, started by the schedule each minute."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from callwatch.alerts.manager import check_rules_file
from callwatch.models.facts import Fact
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.steps import steps_with
from callwatch.runtime.environment import current, memory
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings

# Left at the end for writing the cycle's row and answering.
_MARGIN_S = 4.0
_LOCAL_BUDGET_S = 50.0


# A bad file of rules stops the start, and says where it is bad; no cycle runs on half of what was meant.
check_rules_file(os.environ)


def handle(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Run one cycle; answers with its report."""
    remaining_ms = current.remaining_ms()
    budget_s = _LOCAL_BUDGET_S if remaining_ms is None else max(1.0, remaining_ms / 1000 - _MARGIN_S)
    report = run_cycle(steps_with(_own_facts), datetime.now(UTC), budget_s)
    if "skipped" not in report:
        _count_cycle(report)
    logger.info("cycle", extra={"cycle": report})
    return report


def _own_facts() -> list[Fact]:
    used = memory()
    labels = {"function": current.function_name}
    return [Fact("runtime.memory_percent", used["percent"], None if used["percent"] else "not measured", labels)]


def _count_cycle(report: dict[str, Any]) -> None:
    """The dead man's switch: CloudWatch raises an alarm where this metric stays away, or stays 0."""
    metrics = Metrics(namespace="Callwatch", service="callwatch")
    metrics.add_dimension("stage", get_settings().stage)
    metrics.add_metric("CycleCompleted", MetricUnit.Count, int(_is_awake(report)))
    failed = sum(1 for step in report["steps"].values() if step["error"])
    metrics.add_metric("StepsFailed", MetricUnit.Count, failed)
    metrics.flush_metrics()


def _is_awake(report: dict[str, Any]) -> bool:
    """Whether somebody would have been told: a cycle that cannot judge, or cannot send, is no watch.

    While the database is down there is no outbox to send from, and the page went out from the evaluation.
    """
    steps = report["steps"]
    has_sent = steps["notify"]["error"] is None or not report["is_database_up"]
    return steps["evaluate"]["error"] is None and has_sent


lambda_handler = invocation(handle)
