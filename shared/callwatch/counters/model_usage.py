"""Use of models in the last 24 hours, from counters: calls, errors, tokens and times by provider, model and operation."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from callwatch.db.core.connect import AnyConnection
from callwatch.db.usage_queries.model_calls import ModelUsageRow, read_model_usage
from callwatch.models.latency import estimate_percentile

if TYPE_CHECKING:
    from callwatch.models.shapes.system import ModelUsage

WINDOW = timedelta(hours=24)
_MODELS_SHOWN = 50


def list_model_usage(conn: AnyConnection, now: datetime) -> list[ModelUsage]:
    """The models that were called most in the last 24 whole hours and the current one."""
    since = (now - WINDOW).replace(minute=0, second=0, microsecond=0)
    by_model: dict[tuple[str, str, str], list[ModelUsageRow]] = {}
    for row in read_model_usage(conn, since, now + timedelta(minutes=1), _MODELS_SHOWN):
        by_model.setdefault((row["provider"], row["model"], row["operation"]), []).append(row)
    found = [_describe(*names, rows) for names, rows in by_model.items()]
    return sorted(found, key=lambda entry: (-entry["calls"], entry["provider"], entry["model"], entry["operation"]))


def _describe(provider: str, model: str, operation: str, rows: list[ModelUsageRow]) -> ModelUsage:
    counts: Counter[int] = Counter()
    for row in rows:
        counts[row["bucket"]] += row["count"]
    calls, errors = sum(row["count"] for row in rows), sum(row["errors"] for row in rows)
    metered_in, metered_out = sum(row["input_metered"] for row in rows), sum(row["output_metered"] for row in rows)
    return {
        "provider": provider,
        "model": model,
        "operation": operation,
        "calls": calls,
        "errors": errors,
        "error_rate": errors / calls,
        "input_tokens": sum(row["input_tokens"] for row in rows) if metered_in else None,
        "output_tokens": sum(row["output_tokens"] for row in rows) if metered_out else None,
        "avg_ms": round(sum(row["total_ms"] for row in rows) / calls, 2),
        "p50_ms": estimate_percentile(counts, 0.5),
        "p95_ms": estimate_percentile(counts, 0.95),
    }
