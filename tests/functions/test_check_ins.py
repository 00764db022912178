"""Check-ins of unmodified clients on the running system, from the first report to the alert and its end."""

import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.crons import monitor

from local.system import System

CLIENT = Path(__file__).resolve().parents[1] / "node" / "check_in.mjs"


def job_named(system: System, slug: str, state: str) -> dict[str, Any]:
    def find() -> dict[str, Any] | None:
        items = system.get(f"/api/crons?q={slug}&source=check_in&state={state}")["items"]
        return next(iter(items), None)

    found: dict[str, Any] = system.wait_until(find, what=f"{slug} as {state}")
    return found


def list_alerts(system: System, slug: str) -> list[tuple[str, str, str]]:
    items = system.get("/api/alerts?limit=200")["items"]
    labeled = [item for item in items if item["labels"].get("monitor") == slug]
    return [(item["rule_id"], item["state"], item["labels"]["environment"]) for item in labeled]


def expect_alert(system: System, slug: str, *expected: tuple[str, str, str]) -> None:
    system.wait_until(lambda: list_alerts(system, slug) == list(expected), what=f"{expected} of {slug}")


def test_the_python_sdk_reports_its_jobs(system: System) -> None:
    marker = uuid.uuid4().hex[:8]
    sdk: Any = sentry_sdk
    sdk.init(dsn=system.dsn, environment="staging", release="2.4.0", default_integrations=False)
    config: Any = {"schedule": {"type": "interval", "value": 1, "unit": "hour"}, "timezone": "Asia/Tokyo", "max_runtime": 5}
    with monitor(monitor_slug=f"good-{marker}", monitor_config=config):
        pass
    with pytest.raises(ZeroDivisionError), monitor(monitor_slug=f"bad-{marker}"):
        _ = 1 / 0
    sdk.flush()
    good = job_named(system, f"good-{marker}", "ok")
    assert (good["schedule"], good["timezone"], good["environment"]) == ("every hour", "Asia/Tokyo", "staging")
    assert 0 <= good["duration_s"] < 5
    job_named(system, f"bad-{marker}", "failed")
    expect_alert(system, f"bad-{marker}", ("check_in_failed", "firing", "staging"))
    with monitor(monitor_slug=f"bad-{marker}"):
        pass
    sdk.flush()
    expect_alert(system, f"bad-{marker}", ("check_in_failed", "resolved", "staging"))


def test_the_node_sdk_reports_its_jobs(system: System) -> None:
    marker = uuid.uuid4().hex[:8]
    environ = {**os.environ, "DSN": system.dsn, "MARKER": marker}
    done = subprocess.run(["node", str(CLIENT)], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    good = job_named(system, f"good-{marker}", "ok")
    assert (good["schedule"], good["timezone"]) == ("*/10 * * * *", "Europe/Berlin")
    job_named(system, f"bad-{marker}", "failed")


def test_pings_report_a_job_that_stops(system: System) -> None:
    slug = f"ping-{uuid.uuid4().hex[:8]}"
    path = f"/ping/{system.ingest_key}/{slug}"
    for method, ending in (("POST", "/start"), ("GET", "/0"), ("HEAD", "?every=1s&margin=0")):
        assert system.call(method, f"{path}{ending}", None)[0] == 200
    expect_alert(system, slug, ("check_in_missed", "firing", "production"))
    job_named(system, slug, "missed")
    system.call("GET", f"{path}?every=1h", None)
    expect_alert(system, slug, ("check_in_missed", "resolved", "production"))


def test_cron_address_of_sentry_is_served(system: System) -> None:
    slug, run_id = f"cron-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    path = f"/api/1/cron/{slug}/{system.ingest_key}/"
    for query in (f"?status=in_progress&check_in_id={run_id}", f"?status=ok&check_in_id={run_id}&duration=2.5"):
        assert system.call("GET", path + query, None)[0] == 202
    assert job_named(system, slug, "ok")["duration_s"] == 2.5
    assert system.call("POST", path, None)[0] == 422
    assert system.call("POST", f"/api/9/cron/{slug}/{system.ingest_key}/?status=ok", None)[0] == 403
    assert system.call("GET", f"/ping/{'00' * 16}/{slug}", None)[0] == 401
