"""`make smoke`: checks a running system from outside: every endpoint, the page, then a small load."""

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table

REQUESTS = 50
CONCURRENCY = 10
_TIMEOUT_S = 20

# Path, and the required fields of its response.
READS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/api/health", ("status", "services", "queue", "errors", "environment", "resources")),
    ("/api/status", ("status", "uptime", "services", "performance", "issues", "recent_activity")),
    ("/api/overview", ("status", "incidents", "services", "pipeline", "errors", "performance")),
    ("/api/metrics/system", ("process", "memory", "database", "api", "lambda")),
    ("/api/metrics/jobs", ("recording_queue", "transcription_queue", "analysis_jobs", "throughput", "backlog")),
    ("/api/metrics/errors", ("summary", "by_category", "by_endpoint", "recent_critical", "top_errors", "trends")),
    ("/api/metrics/history?metric=queues&range=24h", ("range", "step_s", "series")),
    ("/api/pipeline", ("stages", "freshness", "crons")),
    ("/api/metrics/costs?range=7d", ("per_call", "by_service", "by_model", "by_agency", "trend")),
    ("/api/errors", ("items", "next_cursor")),
    ("/api/alerts", ("items", "next_cursor")),
    ("/api/incidents", ("items", "next_cursor")),
    ("/api/silences", ("items", "next_cursor")),
    ("/api/rules", ("items",)),
    ("/api/routes", ("items", "source")),
    ("/api/channels", ("items",)),
    ("/api/uptime", ("services",)),
    ("/api/crons", ("items", "next_cursor")),
    ("/api/ingest", ("items", "next_cursor", "since", "refused_requests")),
    ("/api/reports/weekly", ("week", "targets", "services", "alerts", "errors", "cost")),
    ("/api/openapi.json", ("openapi", "paths")),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check: its name, whether it passed, what was seen, its duration in ms."""

    name: str
    is_ok: bool
    seen: str
    took_ms: float


def main() -> int:
    """Print a table of results; return 1 on any failure, 2 if there is nothing to check."""
    parser = argparse.ArgumentParser(prog="make smoke", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--url", help="base address, such as https://... (URL=); the local system's by default")
    parser.add_argument("--token", help="viewer or admin token (TOKEN=); the local system's by default")
    args = parser.parse_args()
    found = _read_local()
    url, token = args.url or found.get("url"), args.token or found.get("admin_token")
    if not url or not token:
        print("smoke: no local system runs; give URL=https://... TOKEN=...", file=sys.stderr)
        return 2
    outcomes = run(url.rstrip("/"), token)
    show(outcomes)
    return 0 if all(outcome.is_ok for outcome in outcomes) else 1


def run(url: str, token: str) -> list[Outcome]:
    """Run all checks in order."""
    outcomes = [_check(f"GET {path}", functools.partial(_read, url, token, path, fields)) for path, fields in READS]
    outcomes.append(_check("GET /api/metrics/prometheus", lambda: _check_prometheus(url, token)))
    outcomes.append(_check("GET /api/pipeline/{stage}/items", lambda: _check_items(url, token)))
    outcomes.append(_check("GET /api/health without a token", lambda: _check_anonymous_health(url)))
    outcomes.append(_check("GET /api/status without a token", lambda: _check_refused(url)))
    outcomes.append(_check("GET /admin/operations", lambda: _check_page(url)))
    outcomes.append(_check(f"{REQUESTS} requests, {CONCURRENCY} at once", lambda: _load(url, token)))
    return outcomes


def get(url: str, token: str | None = None) -> requests.Response:
    """Send one GET; an error status is a response, too. Raises OSError if there is no response."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return requests.get(url, headers=headers, timeout=_TIMEOUT_S)


def _check(name: str, probe: Callable[[], tuple[bool, str]]) -> Outcome:
    started = time.perf_counter()
    try:
        is_ok, seen = probe()
    except Exception as error:
        # Something else than Callwatch may answer at the address, in any shape.
        is_ok, seen = False, f"{type(error).__name__}: {error}"
    return Outcome(name, is_ok, seen, (time.perf_counter() - started) * 1000)


def _read(url: str, token: str, path: str, fields: tuple[str, ...]) -> tuple[bool, str]:
    answer = get(url + path, token)
    body = answer.json()
    missing = [field for field in fields if field not in body]
    is_ok = answer.status_code == 200 or (path == "/api/health" and answer.status_code == 503 and "status" in body)
    unknown = len(body.get("unknown", {})) if isinstance(body, dict) else 0
    seen = f"{answer.status_code}" + (f", missing {', '.join(missing)}" if missing else "")
    return is_ok and not missing, seen + (f", {unknown} unknown" if unknown else "")


def _check_prometheus(url: str, token: str) -> tuple[bool, str]:
    answer = get(url + "/api/metrics/prometheus", token)
    lines = [line for line in answer.content.decode().splitlines() if line and not line.startswith("#")]
    return answer.status_code == 200 and bool(lines), f"{answer.status_code}, {len(lines)} samples"


def _check_items(url: str, token: str) -> tuple[bool, str]:
    """The items behind a count of each stage: as many as the count says, or one page of them."""
    counts = []
    pipeline = get(f"{url}/api/pipeline", token)
    if pipeline.status_code != 200:
        return False, f"{pipeline.status_code} for the stages"
    for stage in pipeline.json()["stages"]:
        answer = get(f"{url}/api/pipeline/{stage['name']}/items?state=pending&limit=200", token)
        body: Any = answer.json()
        if answer.status_code != 200:
            return False, f"{answer.status_code} for {stage['name']}"
        counts.append("unknown" if body["items"] is None else str(len(body["items"])))
    return bool(counts), f"200, {', '.join(counts)} pending"


def _check_anonymous_health(url: str) -> tuple[bool, str]:
    answer = get(url + "/api/health")
    body: Any = answer.json()
    return answer.status_code in (200, 503) and "environment" not in body, f"{answer.status_code} {body.get('status')}"


def _check_refused(url: str) -> tuple[bool, str]:
    answer = get(url + "/api/status")
    code = answer.json().get("error", {}).get("code")
    return answer.status_code == 401 and code == "unauthorized", f"{answer.status_code} {code}"


def _check_page(url: str) -> tuple[bool, str]:
    answer = get(url + "/admin/operations")
    csp = answer.headers.get("content-security-policy", "")
    is_ok = answer.status_code == 200 and b"Callwatch" in answer.content and "default-src 'none'" in csp
    return is_ok, f"{answer.status_code}, {len(answer.content)} bytes"


def _load(url: str, token: str) -> tuple[bool, str]:
    def measure_one(_index: int) -> tuple[int, float]:
        started = time.perf_counter()
        return get(url + "/api/status", token).status_code, (time.perf_counter() - started) * 1000

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        results = list(pool.map(measure_one, range(REQUESTS)))
    times = sorted(took for _status, took in results)
    good = sum(status == 200 for status, _took in results)
    return good == REQUESTS, f"{good} of {REQUESTS} ok, median {times[len(times) // 2]:.0f} ms, slowest {times[-1]:.0f} ms"


def _read_local() -> dict[str, Any]:
    file = Path(os.environ.get("DATA_DIR") or ".local") / "run.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
    return found


def show(outcomes: list[Outcome]) -> None:
    """Print a table of the results."""
    table = Table(show_edge=False, header_style="bold")
    for name in ("", "check", "seen", "ms"):
        table.add_column(name, justify="right" if name == "ms" else "left", overflow="fold")
    for outcome in outcomes:
        mark = "[green]ok[/]" if outcome.is_ok else "[bold red]FAIL[/]"
        table.add_row(mark, outcome.name, outcome.seen, f"{outcome.took_ms:.0f}")
    console = Console()
    console.print(table)
    failed = sum(not outcome.is_ok for outcome in outcomes)
    console.print(f"\n{len(outcomes) - failed} passed, {failed} failed")


if __name__ == "__main__":
    sys.exit(main())
