"""Names of metrics as `promtool check metrics` wants them, OpenMetrics, and the dashboard for Grafana."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from callwatch.models.shapes.error_metrics import ErrorMetrics
from callwatch.models.shapes.health import Health
from callwatch.models.shapes.jobs import JobMetrics
from callwatch.models.shapes.pipeline import Pipeline
from callwatch.models.shapes.system import SystemMetrics
from callwatch.reports.prometheus.families import collect_families
from callwatch.reports.prometheus.formats import accepts_openmetrics, render_exposition
from callwatch.reports.prometheus.names import name_metric
from tests.support.full_answer import fill
from tests.support.promlint import lint

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHAPES = {"health": Health, "system": SystemMetrics, "jobs": JobMetrics, "errors": ErrorMetrics, "pipeline": Pipeline}
# What Prometheus 2.42 sends.
ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """Every figure of every response that is exposed."""
    return {name: fill(shape) for name, shape in SHAPES.items()}


def test_promtool_would_not_warn(answers: dict[str, Any]) -> None:
    families = list(text_string_to_metric_families(render_exposition(answers)))
    assert len(families) > 100
    assert lint(families) == []


def test_no_two_figures_share_a_metric(answers: dict[str, Any]) -> None:
    named = [family.about for family in collect_families(answers)]
    assert len(named) == len(set(named))
    lines = [line for line in render_exposition(answers).splitlines() if not line.startswith("#")]
    assert len(lines) == len({line.rpartition(" ")[0] for line in lines})


@pytest.mark.parametrize(
    ("response", "path", "name", "factor"),
    [
        ("system", "database.size_mb", "callwatch_system_database_size_bytes", 1_048_576),
        ("system", "database.pool.total", "callwatch_system_database_pool_size", 1),
        ("system", "database.deadlocks", "callwatch_system_database_deadlocks_total", 1),
        ("system", "api.by_route.count", "callwatch_system_api_by_route_requests", 1),
        ("health", "services.latency", "callwatch_health_service_latency_seconds", 0.001),
        ("jobs", "backlog.recordings_backlog_hours", "callwatch_jobs_backlog_recordings_backlog_seconds", 3600),
        ("errors", "summary.total_24h", "callwatch_errors_total_24h", 1),
        ("health", "errors.critical_count", "callwatch_health_errors_critical", 1),
        ("pipeline", "stages.pending", "callwatch_pipeline_stage_pending", 1),
    ],
)
def test_name_has_its_base_unit(response: str, path: str, name: str, factor: float) -> None:
    found = name_metric(response, path.split("."))
    assert (found.sample, found.factor) == (name, factor)


def test_lint_finds_the_names_of_before() -> None:
    before = [
        "callwatch_errors_summary_high", "callwatch_errors_by_endpoint_count", "callwatch_health_service_latency_ms",
        "callwatch_system_database_pool_total", "callwatch_jobs_backlog_hours", "callwatch_x_milliseconds",
    ]  # fmt: skip
    text = "".join(f"# HELP {name} x\n# TYPE {name} gauge\n{name} 1\n" for name in before)
    assert len(lint(text_string_to_metric_families(text))) == len(before)


def test_openmetrics_says_the_same(answers: dict[str, Any]) -> None:
    text = render_exposition(answers, is_openmetrics=True)
    assert text.endswith("\n# EOF\n")
    families: list[Metric] = list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples
    }
    plain = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(render_exposition(answers))
        for sample in family.samples
    }
    assert found == plain
    units = {family.name: family.unit for family in families}
    assert units["callwatch_system_memory_used_bytes"] == "bytes"
    assert units["callwatch_system_database_deadlocks"] == ""


def test_openmetrics_of_nothing_is_an_end(answers: dict[str, Any]) -> None:
    assert render_exposition({}, is_openmetrics=True) == "# EOF\n"


@pytest.mark.parametrize(
    ("accept", "is_asked"),
    [
        (ACCEPT, True), ("application/openmetrics-text", True), ("", False), ("*/*", False), ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text;q=0, text/plain", False), (";;,,", False),
    ],
)  # fmt: skip
def test_openmetrics_comes_on_request(accept: str, is_asked: bool) -> None:
    assert accepts_openmetrics(accept) is is_asked


def test_key_that_is_no_word_becomes_no_metric() -> None:
    assert render_exposition({"system": {"by_sdk": {"sentry.python/2 jane@example.com": 3, "é": 1}}}) == ""


def test_every_query_of_the_dashboard_names_a_metric_that_exists(answers: dict[str, Any]) -> None:
    dashboard = json.loads((DOCS / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    known = {family.name.sample for family in collect_families(answers)}
    assert len(queries) > 20
    for query in queries:
        named = set(re.findall(r"\bcallwatch_\w+", query))
        assert named, query
        assert named <= known, named - known


def test_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = json.loads((DOCS / "grafana-dashboard.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _y in cells)


def test_documented_metrics_exist(answers: dict[str, Any]) -> None:
    known = {family.name.sample for family in collect_families(answers)}
    named = set(re.findall(r"^(callwatch_\w+)[ {]", (DOCS / "prometheus.md").read_text(), re.MULTILINE))
    assert named
    assert named <= known
