"""A critical error waits for no cycle: it is seen, and alerted on, long before the next one."""

from tests.fakes.receiver import Receiver
from tests.functions.conftest import WEBHOOK_SECRET
from tests.system import running_system

CYCLE_S = 60
# Seconds; what waits for the cycle cannot be there by then.
LONG_BEFORE_THE_CYCLE_S = 25


def test_a_critical_error_is_visible_and_alerted_on_before_the_next_cycle() -> None:
    with Receiver() as receiver:
        environ = {
            "ALERT_WEBHOOK_URL": receiver.url,
            "ALERT_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        with running_system(CYCLE_S, environ=environ) as system:
            system.eventually(lambda: system.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
            for severity in ("high", "critical"):
                given = {"message": f"{severity} one", "type": severity.title(), "severity": severity}
                assert system.call("POST", "/api/errors", system.ingest_key, given)[0] == 202
            wait_s = LONG_BEFORE_THE_CYCLE_S
            system.eventually(
                lambda: system.get("/api/metrics/errors")["summary"]["critical"] == 1, wait_s, "the critical error in the figures"
            )
            system.eventually(
                lambda: system.get("/api/alerts?state=firing&rule_id=high_error_rate")["items"], wait_s, "the alert"
            )
            system.eventually(lambda: receiver.received, wait_s, "the webhook")
            found = system.get("/api/errors?severity=critical")["items"]
            assert [item["message"] for item in found] == ["critical one"]
            metrics = system.get("/api/metrics/errors")["summary"]
            assert (metrics["high"], metrics["buffer_size"]) == (0, 1), "the other one waits for the cycle"
