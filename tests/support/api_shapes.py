"""Shapes of the API for tests: a built answer against its shape, and what a function says about its process."""

import json
from typing import Any

from callwatch.models.shapes.system import OwnFigures
from callwatch.runtime.responses import encode
from tools.openapi import adapt

OWN: OwnFigures = {
    "uptime": 12.5,
    "version": "1",
    "platform": "python3.13 linux x86_64",
    "region": "us-east-1",
    "memory": {"used_mb": 50.0, "total_mb": 256.0, "percent": 19.5},
    "invocation": {"cold_start": False, "memory_limit_mb": 256, "remaining_ms": 3_000},
}


def check_shape(shape: Any, answer: object) -> None:
    """Fail if an answer, as the API encodes it, lacks a field of its shape or has another one."""
    check_encoded(shape, json.loads(encode(answer)))


def check_encoded(shape: Any, body: object) -> None:
    """Fail if a decoded body lacks a field of its shape or has another one, or a value of another type."""
    adapt(shape).validate_json(json.dumps(body), strict=True)
