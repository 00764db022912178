"""Compares health with its slowest probe, and with its deadline when a provider hangs; embedded PostgreSQL, warm."""

import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from callwatch.checks.run import DEADLINE_S
from callwatch.db import migrate, reset_pool
from callwatch.runtime.log import logger
from callwatch.settings import reset_settings
from functions import get_health
from local.postgres import server as postgres
from simulator.fake_vendor import Script, Vendor, respond

ROUNDS = 15
HUNG_ROUNDS = 5
DELAYS_S = {"DEEPGRAM": 0.12, "OPENAI": 0.25, "CONVOSO": 0.18}
KEYS = {"DEEPGRAM": "DEEPGRAM_API_KEY", "OPENAI": "OPENAI_API_KEY", "CONVOSO": "CONVOSO_AUTH_TOKEN"}
ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the response time as a ratio to the slowest probe, and the time above the deadline when a provider hangs."""
    logger.setLevel("WARNING")
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    folder.chmod(0o755)
    server = postgres.start(folder)
    os.environ["DATABASE_URL"] = server.dsn
    vendors = {name: Vendor(respond(200, delay_s=delay)) for name, delay in DELAYS_S.items()}
    try:
        migrate(server.dsn)
        for name, vendor in vendors.items():
            vendor.__enter__()
            os.environ |= {f"{name}_API_URL": vendor.url, KEYS[name]: "a-key"}
        reset_settings()
        ask()
        ratios = [took_s * 1000 / find_slowest_ms(answer) for took_s, answer in (ask() for _ in range(ROUNDS))]
        print(f"health / slowest probe, median of {ROUNDS}    {statistics.median(ratios):.3f}   (at most 1.05)")
        vendors["CONVOSO"].script = Script(is_silent=True)
        above_ms = [(ask()[0] - DEADLINE_S) * 1000 for _ in range(HUNG_ROUNDS)]
        print(f"a provider hangs: above the deadline   {statistics.median(above_ms):+.1f} ms   (at most 20)")
    finally:
        for vendor in vendors.values():
            vendor.__exit__(None, None, None)
        reset_pool()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def ask() -> tuple[float, dict[str, Any]]:
    """Return the seconds that the whole function took, and its response."""
    event = json.loads((ROOT / "events" / "get_health.json").read_text())
    event["requestContext"]["authorizer"] = {"lambda": {"role": "viewer", "actor": "bench"}}
    started = time.perf_counter()
    answer = get_health.lambda_handler(event, None)
    return time.perf_counter() - started, json.loads(answer["body"])


def find_slowest_ms(answer: dict[str, Any]) -> float:
    """Return the latency of the slowest probe in a response."""
    return max(float(service["latency"]) for service in answer["services"].values())


if __name__ == "__main__":
    main()
