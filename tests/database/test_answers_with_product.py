"""Responses over a simulated day of the product: exact shape, correct figures, and equal figures in Prometheus."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg2
import pytest

from callwatch.reports.prometheus.names import name_metric
from functions import (
    get_health,
    get_metrics_errors,
    get_metrics_jobs,
    get_metrics_prometheus,
    get_metrics_system,
    get_pipeline,
    get_status,
)
from simulator import product
from tests.support.api_contract import check_response
from tests.unit.test_prometheus import samples

FUNCTIONS: dict[str, Any] = {
    "/api/health": get_health,
    "/api/status": get_status,
    "/api/metrics/system": get_metrics_system,
    "/api/metrics/jobs": get_metrics_jobs,
    "/api/metrics/errors": get_metrics_errors,
    "/api/pipeline": get_pipeline,
}


@pytest.fixture
def day(database: str) -> Iterator[psycopg2.extensions.connection]:
    """Write a healthy day of the product to the monitor's own database."""
    with psycopg2.connect(database) as conn:
        product.create_tables(conn)
        product.load(conn, datetime.now(UTC), days=1)
    yield conn
    conn.close()


def call(function: Any, role: str = "viewer") -> Any:
    with open("events/get_health.json") as file:
        event = json.load(file)
    event["requestContext"]["authorizer"] = {"lambda": {"role": role, "actor": "ana"}}
    event["routeKey"] = "GET /x"
    return function.lambda_handler(event, None)["body"]


def test_every_response_fits_its_model_and_explains_nulls(day: Any) -> None:
    for route, function in FUNCTIONS.items():
        check_response("GET", route, json.loads(call(function)))


def test_depths_are_those_of_the_tables(day: Any) -> None:
    with day, day.cursor() as cursor:
        cursor.execute("SELECT count(*) FILTER (WHERE processed_at IS NULL) FROM pending_recordings")
        ((recordings,),) = cursor.fetchall()
        cursor.execute("SELECT count(*) FILTER (WHERE status = 'pending') FROM transcription_queue")
        ((transcriptions,),) = cursor.fetchall()
    queues = json.loads(call(get_status))["services"]["queues"]
    assert (queues["recordings"]["pending"], queues["transcriptions"]["pending"]) == (recordings, transcriptions)
    assert queues["recordings"]["processing"] is None
    assert json.loads(call(get_health))["queue"]["pending"] == recordings + transcriptions
    jobs = json.loads(call(get_metrics_jobs))
    assert jobs["recording_queue"]["pending"] == recordings
    assert jobs["transcription_queue"]["pending"] == transcriptions


def test_prometheus_is_told_the_same_numbers(day: Any) -> None:
    found = samples(call(get_metrics_prometheus))
    jobs = json.loads(call(get_metrics_jobs))
    for part in ("recording_queue", "transcription_queue", "backlog"):
        for name, value in jobs[part].items():
            if isinstance(value, str):
                continue
            metric = name_metric("jobs", (part, name))
            expected = None if value is None else pytest.approx(value * metric.factor)
            assert found.get((metric.sample, ())) == expected, name
    stages = json.loads(call(get_pipeline))["stages"]
    assert stages
    for stage in stages:
        for name in ("pending", "processing", "stuck", "dead"):
            labels = (("stage", str(stage["name"])),)
            assert found.get((f"callwatch_pipeline_stage_{name}", labels)) == stage[name], (name, labels)
