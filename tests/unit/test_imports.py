"""Imports at a cold start: heavy packages load only when a handler needs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# 17 ms or more each (bench/imports.py measures whole handlers).
HEAVY = (
    "pydantic",
    "typing_extensions",
    "boto3",
    "botocore.client",
    "requests",
    "urllib3",
    "asyncio",
    "aws_xray_sdk",
    "jwt",
    "cryptography",
    "zstandard",
    "callwatch.payloads",
)
# Words of compiled expressions: 1,000 of them take about 10 ms to compile, and a class of all characters has 5,000.
MAX_EXPRESSION_WORDS = 10_000
LEAN = ["get_health", "get_openapi", "authorize", "ingest_access"]
LEAN += ["ingest_errors", "ingest_requests", "ingest_envelope", "ingest_check_in", "ingest_external"]


@pytest.mark.parametrize("function", LEAN)
def test_health_and_ingest_import_nothing_heavy(function: str) -> None:
    script = f"import sys, {function}; print([name for name in {HEAVY!r} if name in sys.modules])"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}"}
    # No compiled files stay next to the functions, which may be part of a deployment.
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("function", LEAN)
def test_health_and_ingest_compile_few_expressions(function: str) -> None:
    script = f"""
import re._compiler
sizes, compile_code = [], re._compiler._code
def measure(pattern, flags):
    code = compile_code(pattern, flags)
    sizes.append(len(code))
    return code
re._compiler._code = measure
import {function}
print(sum(sizes), max(sizes))
"""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}"}
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    total, largest = map(int, done.stdout.split())
    assert total <= MAX_EXPRESSION_WORDS
    assert largest <= 600
