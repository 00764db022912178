"""Service checks of the running system: configured by the environment alone, stored, shown, without leaking keys."""

import json

from local.system import System, running_system
from simulator.fake_vendor import Vendor, respond

KEY = "vendor-key-that-must-not-show"
QUOTA = respond(429, {"error": {"code": "insufficient_quota", "message": "private words of the vendor"}})


def stored(system: System, service: str) -> str:
    return str(system.get("/api/health", None)["services"][service]["status"])


def test_services_are_checked_each_cycle_and_shown_everywhere() -> None:
    with Vendor(respond(200)) as vendor, Vendor(respond(200)) as openai, Vendor(respond(204)) as website:
        environ = {
            **dict.fromkeys(("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CONVOSO_AUTH_TOKEN"), KEY),
            **dict.fromkeys(("DEEPGRAM_API_URL", "CONVOSO_API_URL"), vendor.url),
            "OPENAI_API_URL": openai.url,
            "HTTP_CHECKS": json.dumps([{"name": "website", "url": website.url, "expect_status": 204, "headers": {"x-key": KEY}}]),
        }
        with running_system(cycle_s=1, environ=environ) as system:
            system.wait_until(lambda: stored(system, "website") == "healthy", what="the stored result of the configured service")
            whole = system.get("/api/health")["services"]
            assert {service["reason"] for service in whole.values()} == {None}
            assert all(service["latency"] > 0 for service in whole.values())

            openai.script = QUOTA
            system.wait_until(lambda: stored(system, "openai") == "unhealthy", what="the quota, which counts at once")
            assert system.get("/api/health")["services"]["openai"]["reason"] == "quota"
            assert system.get("/api/health")["status"] == "degraded"
            apis = system.get("/api/status")["services"]["external_apis"]
            assert apis == {"deepgram": "operational", "openai": "down", "convoso": "operational"}

            website.script = respond(500)
            system.wait_until(lambda: stored(system, "website") == "unhealthy", what="three failures in a row")
            uptime = system.get("/api/uptime")
            watched = uptime["services"]["website"]
            assert watched["uptime_24h"] is None, "seconds of running are no uptime of a day"
            assert uptime["unknown"]["services.website.uptime_24h"]["code"] == "not_recorded"
            assert 0 < watched["watched_24h"] < 90
            assert uptime["services"]["openai"]["days"][-1]["status"] == "unhealthy"
            figures = system.call("GET", "/api/metrics/prometheus")[1]
            assert 'callwatch_health_service_status{service="website"} 2\n' in figures

            website.script, openai.script = respond(204), respond(200)
            system.wait_until(lambda: stored(system, "openai") == stored(system, "website") == "healthy", what="two successes")
            logs = system.output.read_text() + "".join(
                p.read_text(errors="replace") for p in (system.data_dir / "logs").iterdir()
            )
            assert KEY not in logs
            assert "private words" not in logs
