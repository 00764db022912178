"""The monitor's cycle, started by a schedule each minute."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from callwatch.alerts.outage.evaluation_stopped import miss_evaluation
from callwatch.alerts.rules.start_check import check_rules_file
from callwatch.models.reason import NOT_MEASURED
from callwatch.models.sample import Sample
from callwatch.monitor.cycle import CycleReport, run_cycle
from callwatch.monitor.state import MonitorState
from callwatch.monitor.steps import build_steps
from callwatch.runtime.environment import current, measure_memory
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings

# Reserved at the end for writing the cycle's row and returning.
_MARGIN_S = 4.0
_LOCAL_BUDGET_S = 50.0
# What this execution environment remembers between its cycles.
_state = MonitorState()
_NOTHING_RAN: CycleReport = {"is_database_up": True, "steps": {name: {"error": "did not run"} for name in ("evaluate", "notify")}}


# An invalid rules file stops the start and names the error; no cycle runs on part of a configuration.
if os.environ.get("RULES_FILE"):
    check_rules_file(os.environ, get_settings())


def handle(_event: dict[str, Any], _context: Any) -> CycleReport:
    """Run one cycle and return its report. A cycle that raises evaluated nothing; a notification says so."""
    remaining_ms = current.get_remaining_ms()
    budget_s = _LOCAL_BUDGET_S if remaining_ms is None else max(1.0, remaining_ms / 1000 - _MARGIN_S)
    try:
        report = run_cycle(build_steps(_own_samples), _state, datetime.now(UTC), budget_s)
    except Exception as error:
        miss_evaluation(_state.evaluation_outage, datetime.now(UTC), error, _MARGIN_S)
        _count_cycle(_NOTHING_RAN)
        raise
    if "skipped" not in report:
        _count_cycle(report)
    logger.info("cycle", extra={"cycle": report})
    # A value that JSON cannot encode must not fail the invocation of a cycle that ran.
    made: CycleReport = json.loads(json.dumps(report, default=str))
    return made


def _own_samples() -> list[Sample]:
    used = measure_memory()
    labels = {"function": current.function_name}
    return [Sample("runtime.memory_percent", used["percent"], None if used["percent"] is not None else NOT_MEASURED, labels)]


def _count_cycle(report: CycleReport) -> None:
    """Send the dead man's switch: CloudWatch raises an alarm if this metric is missing or stays 0."""
    metrics = Metrics(namespace="Callwatch", service="callwatch")
    metrics.add_dimension("stage", get_settings().stage)
    metrics.add_metric("CycleCompleted", MetricUnit.Count, int(_is_awake(report)))
    failed = sum(1 for step in report["steps"].values() if step["error"])
    metrics.add_metric("StepsFailed", MetricUnit.Count, failed)
    metrics.flush_metrics()


def _is_awake(report: CycleReport) -> bool:
    """Whether somebody would have been notified: a cycle that cannot evaluate or cannot send does not count.

    While the database is down there is no outbox to send from; the evaluation step sent the page directly.
    """
    steps = report["steps"]
    has_sent = steps["notify"]["error"] is None or not report["is_database_up"]
    return steps["evaluate"]["error"] is None and has_sent


lambda_handler = invocation(handle)
