"""Calls of models: stored once, summed exactly, and shown by provider, model and operation."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.counters.model_usage import list_model_usage
from callwatch.db import connection
from callwatch.db.usage_queries.model_calls import delete_usage_before
from callwatch.digest.store import digest
from callwatch.ingest.requests import build_request_messages
from callwatch.models.shapes.system import SystemMetrics
from callwatch.reports.prometheus.formats import render_exposition
from callwatch.reports.system import build_system_metrics
from tests.support.api_shapes import OWN, check_shape

NOW = datetime.now(UTC).replace(microsecond=0)


def call(model: str = "gpt-4o", took_ms: float = 100.0, **more: Any) -> dict[str, Any]:
    return {
        "span_key": uuid.uuid4().hex, "at": (NOW - timedelta(minutes=1)).isoformat(), "environment": "production",
        "provider": "openai", "model": model, "operation": "chat", "input_tokens": 10, "output_tokens": 2,
        "duration_ms": took_ms, "has_failed": False, "call_id": None, **more,
    }  # fmt: skip


def store(calls: list[dict[str, Any]], project_id: int = 1) -> None:
    result = digest(list(build_request_messages(calls, project_id, NOW, "model_calls")), NOW)
    assert result.poison == []


def usage() -> list[Any]:
    with connection() as conn:
        return list(list_model_usage(conn, NOW))


def test_usage_is_the_sum_of_the_calls(database: str) -> None:
    store([call(took_ms=100 + n) for n in range(98)] + [call(took_ms=900, has_failed=True, input_tokens=None) for _n in range(2)])
    store([call("text-embedding", operation="embeddings", output_tokens=None)])
    first, second = usage()
    assert (first["provider"], first["model"], first["operation"]) == ("openai", "gpt-4o", "chat")
    assert (first["calls"], first["errors"], first["error_rate"]) == (100, 2, 0.02)
    assert (first["input_tokens"], first["output_tokens"]) == (980, 200)
    assert abs(first["p50_ms"] - 150) < 4
    assert abs(first["avg_ms"] - (sum(range(100, 198)) + 1_800) / 100) < 0.01
    # Nobody said how many tokens an embedding wrote.
    assert (second["model"], second["input_tokens"], second["output_tokens"]) == ("text-embedding", 10, None)


def test_repeated_message_counts_once(database: str) -> None:
    calls = [call(call_id="c-1"), call()]
    store(calls)
    store([*calls, call()])
    assert usage()[0]["calls"] == 3
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*), count(call_id) FROM callwatch.model_calls WHERE provider = 'openai'")
        assert cursor.fetchall() == [(3, 1)]


def test_own_project_is_not_the_product(database: str) -> None:
    store([call()], project_id=0)
    assert usage() == []


def test_metrics_say_who_used_how_much(database: str) -> None:
    silent = build_system_metrics(NOW, OWN)
    assert (silent["models"], silent["unknown"]["models"].code) == (None, "no_traffic")
    store([call(), call("o3", output_tokens=None), call("o3", output_tokens=None)])
    found = build_system_metrics(NOW, OWN)
    check_shape(SystemMetrics, found)
    assert found["models"]
    assert [entry["model"] for entry in found["models"]] == ["o3", "gpt-4o"]
    assert found["unknown"]["models.0.output_tokens"].code == "not_recorded"
    text = render_exposition({"system": found})
    assert 'callwatch_system_model_input_tokens{model="o3",operation="chat",provider="openai"} 20\n' in text
    assert 'callwatch_system_model_output_tokens{model="o3"' not in text


def test_bad_row_costs_no_other(database: str) -> None:
    messages = [next(build_request_messages([row], 1, NOW, "model_calls")) for row in (call(), call(at="never"), call())]
    result = digest(messages, NOW)
    assert [json.loads(body)["model_calls"][0]["at"] for body, _reason in result.poison] == ["never"]
    assert usage()[0]["calls"] == 2


def test_old_counters_are_deleted(database: str) -> None:
    store([call()])
    with connection() as conn:
        assert delete_usage_before(conn, NOW - timedelta(days=1)) == 0
        assert delete_usage_before(conn, NOW + timedelta(hours=1)) == 1
        conn.commit()
    assert usage() == []
