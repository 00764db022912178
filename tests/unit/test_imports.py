"""What a cold start pays for: the heavy packages stay out until a handler needs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# 100 ms and more each (bench/imports.py measures whole handlers).
HEAVY = ("pydantic", "boto3", "botocore.client", "requests", "urllib3", "asyncio", "aws_xray_sdk")
LEAN = ["get_health", "ingest_errors", "ingest_requests", "ingest_envelope", "authorize"]


@pytest.mark.parametrize("function", LEAN)
def test_health_and_ingest_import_nothing_heavy(function: str) -> None:
    script = f"import sys, {function}; print([name for name in {HEAVY!r} if name in sys.modules])"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}"}
    # Nothing compiled is left between the functions, which may be on their way into a deployment.
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
