"""The text format, parsed by Prometheus's own client library."""

from datetime import UTC, datetime
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from callwatch.reports.prometheus.formats import render_exposition

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANSWERS: dict[str, Any] = {
    "health": {
        "status": "degraded",
        "timestamp": AT,
        "services": {
            "database": {"status": "healthy", "latency": 1.25, "checked_at": AT},
            "openai": {"status": "unknown", "latency": None, "checked_at": None},
        },
        "errors": {"last_hour": None, "buffer_size": 0},
        "unknown": {"errors.last_hour": "the monitor's database does not respond"},
    },
    "system": {
        "process": {"uptime": 12.5, "version": "1", "platform": "python"},
        "lambda": {"cold_start": True},
        "api": {
            "error_rate": 0.25,
            "by_route": [
                {"route": '/calls/{id} "quoted"', "count": 3, "p95": 1e22},
                {"route": "back\\slash\nand line", "count": 4, "p95": None},
            ],
        },
    },
    "errors": {"by_category": {"api": 2, "database": 0}, "top_errors": [{"message": "private", "count": 3}]},
    "pipeline": {
        "stages": [{"name": "recordings", "pending": 4, "oldest_pending_at": AT}, {"name": "analyses", "pending": None}],
        "crons": [{"name": "rollup", "period_s": 60, "is_late": False}],
        "field_completeness": {"agent_name": 0.5},
        "field_completeness_by_source": {"five-nine \n": {"agent_name": 0.25}},
        "recording_availability": 0.75,
    },
}


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} stands twice"
            found[key] = sample.value
    return found


def test_every_figure_is_there_with_its_unit_and_labels() -> None:
    assert samples(render_exposition(ANSWERS)) == {
        ("callwatch_health_status", ()): 1,
        ("callwatch_health_service_status", (("service", "database"),)): 0,
        ("callwatch_health_service_latency_seconds", (("service", "database"),)): 0.00125,
        ("callwatch_health_service_checked_at_timestamp_seconds", (("service", "database"),)): AT.timestamp(),
        ("callwatch_health_errors_buffer_size", ()): 0,
        ("callwatch_system_process_uptime_seconds", ()): 12.5,
        ("callwatch_system_lambda_cold_start", ()): 1,
        ("callwatch_system_api_error_rate_ratio", ()): 0.25,
        ("callwatch_system_api_by_route_requests", (("route", '/calls/{id} "quoted"'),)): 3,
        ("callwatch_system_api_by_route_p95_seconds", (("route", '/calls/{id} "quoted"'),)): 1e19,
        ("callwatch_system_api_by_route_requests", (("route", "back\\slash\nand line"),)): 4,
        ("callwatch_errors_by_category", (("category", "api"),)): 2,
        ("callwatch_errors_by_category", (("category", "database"),)): 0,
        ("callwatch_pipeline_stage_pending", (("stage", "recordings"),)): 4,
        ("callwatch_pipeline_stage_oldest_pending_at_timestamp_seconds", (("stage", "recordings"),)): AT.timestamp(),
        ("callwatch_pipeline_cron_period_seconds", (("cron", "rollup"),)): 60,
        ("callwatch_pipeline_cron_is_late", (("cron", "rollup"),)): 0,
        ("callwatch_pipeline_field_completeness_ratio", (("field", "agent_name"),)): 0.5,
        ("callwatch_pipeline_field_completeness_by_source_ratio", (("field", "agent_name"), ("source", "five-nine \n"))): 0.25,
        ("callwatch_pipeline_recording_availability_ratio", ()): 0.75,
    }


def test_each_metric_stands_together_under_its_help_and_its_type() -> None:
    lines = render_exposition(ANSWERS).splitlines()
    current, seen = "", set()
    for number, line in enumerate(lines):
        if line.startswith("# HELP "):
            current = line.split(" ")[2]
            assert current not in seen, f"{current} appears twice"
            seen.add(current)
            assert line.partition(f"{current} ")[2]
            assert lines[number + 1] == f"# TYPE {current} gauge"
        elif not line.startswith("# TYPE "):
            assert line.startswith((f"{current} ", f"{current}{{"))


def test_no_text_of_an_answer_is_exposed() -> None:
    assert "private" not in render_exposition(ANSWERS)
    assert "python" not in render_exposition(ANSWERS)


def test_nothing_known_is_an_empty_exposition() -> None:
    assert render_exposition({"health": {"status": None, "errors": {"last_hour": None}}}) == ""
