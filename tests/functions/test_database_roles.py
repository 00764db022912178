"""Each function that reads works as the reader, and none of them can write: on the system that `make run` starts."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors, extensions
from standardwebhooks.webhooks import Webhook

from local.api_gateway.template import Template, load
from local.database_roles import list_role_urls
from local.secrets import read_secrets
from local.system import ROOT, System, running_system
from tests.support.api_contract import check_response
from tests.support.scripted_receiver import Receiver

READERS = [
    ("GetHealth", "/api/health"),
    ("GetStatus", "/api/status"),
    ("GetOverview", "/api/overview"),
    ("GetMetricsSystem", "/api/metrics/system"),
    ("GetMetricsJobs", "/api/metrics/jobs"),
    ("GetMetricsErrors", "/api/metrics/errors"),
    ("GetMetricsHistory", "/api/metrics/history?metric=errors&range=24h"),
    ("GetMetricsPrometheus", "/api/metrics/prometheus"),
    ("GetPipeline", "/api/pipeline"),
    ("GetMetricsCosts", "/api/metrics/costs?range=30d"),
    ("ListStageItems", "/api/pipeline/transcriptions/items?state=stuck"),
    ("GetCall", "/api/calls/00000000-0000-4000-8000-000000000000"),
    ("ListErrors", "/api/errors"),
    ("GetError", "/api/errors/{error}"),
    ("GetOccurrence", "/api/errors/{error}/occurrences/{event}"),
    ("ListAlerts", "/api/alerts"),
    ("GetAlert", "/api/alerts/{alert}"),
    ("ListIncidents", "/api/incidents"),
    ("GetIncident", "/api/incidents/{incident}"),
    ("GetPostmortem", "/api/incidents/{incident}/postmortem"),
    ("GetPublication", "/api/incidents/{incident}/publication"),
    ("ListSubscribers", "/api/status-page/subscribers"),
    ("ListSilences", "/api/silences"),
    ("ListRules", "/api/rules"),
    ("ListChannels", "/api/channels"),
    ("ListRoutes", "/api/routes"),
    ("GetUptime", "/api/uptime"),
    ("GetCrons", "/api/crons"),
    ("ListAccess", "/api/access"),
    ("GetIngest", "/api/ingest"),
    ("GetWeeklyReport", "/api/reports/weekly"),
]
WRITERS = {
    *("AcknowledgeAlert", "ActOnError", "ActOnIncident", "ActOnRule", "CallMcp", "CreateSilence", "DeleteSilence"),
    *("ReplayItems", "SendChannelTest", "ServeUploads"),
    *("ActOnErrors", "DeleteError", "DeleteOccurrence", "EraseUser"),
}
WRITERS |= {"CreateSubscriber", "DeleteSubscriber", "ChangeRoutes"}
WRITERS |= {"CreateRule", "ChangeRule", "DeleteRule", "PublishIncident", "TakeAlert", "ReceiveAction", "EndSession"}
OWNERS = {"RunMonitor", "DigestCritical", "DigestErrors", "Migrate"}


@pytest.fixture(scope="module")
def own() -> Iterator[System]:
    """Yield a system with an error, an alert, and the product's tables."""
    with running_system(cycle_s=None, environ={"STATUS_PAGE_FILE": "docs/status-page.example.json"}) as found:
        found.call("POST", "/api/errors", found.ingest_key, [{"message": "once", "severity": "critical"}])
        found.wait_until(lambda: found.get("/api/errors")["items"], what="the error's group")
        found.wait_until(lambda: found.get("/api/alerts")["items"], what="an alert")
        found.wait_until(lambda: found.get("/api/incidents")["items"], what="an incident")
        yield found


@pytest.fixture(scope="module")
def urls(own: System) -> dict[str, str]:
    return list_role_urls(own.database_url, read_secrets(own.data_dir, {}))


@pytest.fixture(scope="module")
def template(own: System, urls: dict[str, str]) -> Template:
    return load(ROOT / "template.yaml", {"DATABASE_URL": own.database_url, **urls}, {})


def test_each_function_has_the_least_role(own: System, template: Template, urls: dict[str, str]) -> None:
    found: dict[str, set[str]] = {}
    for name, function in template.functions.items():
        if function.environment.get("DATABASE_URL"):
            found.setdefault(function.environment["DATABASE_URL"], set()).add(name)
    assert found == {
        urls["READER_DATABASE_URL"]: {name for name, _path in READERS} | {"DryRunRule", "DryRunRoute"},
        urls["WRITER_DATABASE_URL"]: WRITERS,
        own.database_url: OWNERS,
    }


@pytest.mark.parametrize(("name", "path"), READERS)
def test_each_reading_function_succeeds_as_the_reader(name: str, path: str, own: System) -> None:
    error, alert, incident = (own.get(f"/api/{kind}")["items"][0]["id"] for kind in ("errors", "alerts", "incidents"))
    event = own.get(f"/api/errors/{error}")["occurrences"][0]["event_id"]
    address = path.format(error=error, event=event, alert=str(alert).replace("/", "%2F"), incident=incident)
    status, body, _headers = own.call("GET", address, own.admin_token)
    expected = {"GetHealth": (200, 503), "GetCall": (404,)}.get(name, (200,))
    assert status in expected, body
    assert "permission denied" not in json.dumps(body)
    log = own.data_dir / "logs" / f"{name}.log"
    assert "permission denied" not in log.read_text()


def test_a_rule_is_tried_as_the_reader(own: System) -> None:
    rule = {"id": "roles", "name": "Roles", "level": "info", "metric": "errors.last_hour", "comparison": ">", "threshold": 0}
    status, body, _headers = own.call("POST", "/api/rules/dry-run", own.viewer_token, {"rule": rule, "hours": 1})
    assert (status, body["known_minutes"] >= 1) == (200, True), body
    assert "permission denied" not in (own.data_dir / "logs" / "DryRunRule.log").read_text()


def test_reading_functions_are_the_readers_sessions(own: System) -> None:
    own.get("/api/status")
    with psycopg2.connect(own.database_url) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = current_database()")
        users = {str(row[0]) for row in cursor.fetchall()}
    assert {user for user in users if user.endswith("_reader")}


def test_a_publication_reaches_its_subscriber_signed(own: System) -> None:
    incident = own.get("/api/incidents")["items"][0]["id"]
    words = {"status": "investigating", "title": "Late", "body": "We look into it."}
    with Receiver() as receiver:
        status, made, _headers = own.call("POST", "/api/status-page/subscribers", own.admin_token, {"url": receiver.url})
        assert status == 201, made
        assert own.call("POST", f"/api/incidents/{incident}/publication", own.admin_token, words)[0] == 200
        own.wait_until(lambda: receiver.received, what="the message")
        (request,) = receiver.received
        assert Webhook(made["secret"]).verify(request.body, request.headers)["incident"]["name"] == "Late"
        shown = own.wait_until(lambda: own.get("/api/status-page/subscribers")["items"][0]["last_sent_at"], what="the list")
        assert shown
        assert own.call("DELETE", f"/api/status-page/subscribers/{made['id']}", own.admin_token)[0] == 204
    assert own.get("/api/status-page/subscribers")["items"] == []


def test_acting_functions_succeed_as_the_writer(own: System) -> None:
    error, alert, incident = (own.get(f"/api/{kind}")["items"][0]["id"] for kind in ("errors", "alerts", "incidents"))
    silence = {"matchers": {"rule_id": "memory_usage"}, "reason": "test", "ends_at": "2099-01-01T00:00:00Z"}

    def act(method: str, path: str, body: Any = None) -> Any:
        status, answer, _headers = own.call(method, path, own.admin_token, body)
        assert status in (200, 201, 202, 204), answer
        return answer

    act("POST", f"/api/errors/{error}/resolve", {"reason": "test"})
    assert act("POST", "/api/errors/bulk", {"ids": [error], "action": "assign", "to": "ana"})["done"] == 1
    own.call("POST", "/api/errors", own.ingest_key, [{"message": "short lived", "user_id": "4711"}])
    doomed = own.wait_until(lambda: own.get("/api/errors?q=short")["items"], what="another group")[0]["id"]
    occurrence, user = (own.get(f"/api/errors/{doomed}")["occurrences"][0][name] for name in ("event_id", "user_hash"))
    act("DELETE", f"/api/errors/{doomed}/occurrences/{occurrence}?reason=test")
    erasure = f"/api/errors?user_hash={user}&reason=test"
    check_response("DELETE", "/api/errors", act("DELETE", erasure))
    own.wait_until(lambda: act("DELETE", erasure)["finished_at"], what="the end of the erasure")
    assert own.get(f"/api/errors?q={user}")["items"] == []
    act("DELETE", f"/api/errors/{doomed}")
    act("POST", f"/api/alerts/{str(alert).replace('/', '%2F')}/acknowledge", {"reason": "test"})
    for action in ("take", "release", "resolve"):
        act("POST", f"/api/incidents/{incident}/{action}", {"reason": "test"})
    made = act("POST", "/api/silences", silence)
    act("DELETE", f"/api/silences/{made['id']}")
    act("POST", "/api/rules/memory_usage/disable", {"reason": "test"})
    act("POST", "/api/rules/memory_usage/enable", {"reason": "test"})
    act("POST", "/api/rules/memory_usage/test", {"reason": "test"})
    act("POST", "/api/channels/log/test", {"reason": "test"})
    rule = {"id": "roles", "name": "Roles", "level": "info", "metric": "queue.pending", "comparison": ">", "threshold": 9}
    act("POST", "/api/rules", rule)
    act("PUT", "/api/rules/roles", {**rule, "threshold": 8})
    act("DELETE", "/api/rules/roles")
    night = {"name": "night", "match": {"level": "critical"}, "channels": ["log"]}
    saved = act("PUT", "/api/routes", {"version": 0, "routes": [night]})
    assert act("PUT", "/api/routes", {"version": saved["version"], "routes": []})["version"] == 2


def test_write_as_the_reader_is_refused(own: System, urls: dict[str, str]) -> None:
    reader = urls["READER_DATABASE_URL"]
    assert str(extensions.parse_dsn(reader)["user"]).endswith("_reader")
    for statement in ("DELETE FROM callwatch.alerts", "INSERT INTO callwatch.monitor_lease DEFAULT VALUES"):
        with psycopg2.connect(reader) as conn, conn.cursor() as cursor, pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(statement)
