"""Health from a real database and scripted vendors: each rule of its status, and the view of each caller."""

import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.checks.record import record_checks
from callwatch.checks.run import run_checks
from callwatch.db import connection, reset_pool
from callwatch.db.queries.cycles import record_cycle
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.models.reason import PRODUCT_SILENT, PRODUCT_TIMEOUT, PRODUCT_UNAVAILABLE, Reason
from callwatch.reports.health import build_health, build_reduced_health
from callwatch.settings import get_settings, reset_settings
from functions import get_health
from simulator.fake_vendor import Script, Vendor, respond
from tests.support.api_shapes import OWN

VENDORS = {"deepgram": "DEEPGRAM_API_KEY", "openai": "OPENAI_API_KEY", "convoso": "CONVOSO_AUTH_TOKEN"}
GOOD, BAD = respond(200), respond(500)


@pytest.fixture
def vendors(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Vendor]]:
    """Configure three healthy vendors, and a monitor that has just run."""
    with Vendor(GOOD) as deepgram, Vendor(GOOD) as openai, Vendor(GOOD) as convoso:
        found = {"deepgram": deepgram, "openai": openai, "convoso": convoso}
        for name, vendor in found.items():
            monkeypatch.setenv(f"{name.upper()}_API_URL", vendor.url)
            monkeypatch.setenv(VENDORS[name], "a-key")
        reset_settings()
        run_monitor()
        yield found


def run_monitor(now: datetime | None = None) -> None:
    """Write what a cycle leaves behind: its checks, and its end."""
    when = now or datetime.now(UTC)
    with connection() as conn:
        record_checks(conn, run_checks(get_settings()), when)
        record_cycle(conn, when, [])
        conn.commit()


def whole(now: datetime | None = None) -> Any:
    return build_health(get_settings(), now or datetime.now(UTC), OWN)


def reduced(now: datetime | None = None) -> Any:
    return build_reduced_health(get_settings(), now or datetime.now(UTC))


def sql(statement: str, *given: Any) -> list[tuple[Any, ...]]:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute(statement, given)
        rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        conn.commit()
        return rows


def stored() -> list[tuple[Any, ...]]:
    return sql("SELECT service, status, reason, failures, successes, checked_at FROM callwatch.service_states ORDER BY 1")


def test_all_is_well(vendors: dict[str, Vendor]) -> None:
    found = whole()
    assert found["status"] == "healthy"
    assert {name: s["status"] for name, s in found["services"].items()} == dict.fromkeys(["database", *VENDORS], "healthy")
    assert all(service["reason"] is None and service["latency"] > 0 for service in found["services"].values())
    assert set(found["services"]["database"]["details"]) == {"total", "active", "idle", "waiting", "utilization"}
    assert found["errors"] == {"last_hour": 0, "critical_count": 0, "buffer_size": None}
    assert found["unknown"]["errors.buffer_size"].message == "the queue URL is not configured"
    assert found["unknown"]["queue.pending"].message == "table pending_recordings is missing"


@pytest.mark.parametrize("script", [BAD, Script(is_rude=True), respond(429), respond(401)])
def test_one_unhealthy_provider_makes_health_degraded(script: Script, vendors: dict[str, Vendor]) -> None:
    vendors["openai"].script = script
    assert whole()["status"] == "degraded"


def test_all_providers_down_makes_health_unhealthy(vendors: dict[str, Vendor], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("deepgram", "openai"):
        vendors[name].script = respond(401)
    assert whole()["status"] == "degraded"
    monkeypatch.delenv("CONVOSO_AUTH_TOKEN")
    reset_settings()
    found = whole()
    assert found["services"]["convoso"]["status"] == "unknown"
    assert found["services"]["convoso"]["reason"] == "not_configured"
    assert found["status"] == "unhealthy"
    run_monitor()
    assert reduced()["status"] == "unhealthy"


def test_what_is_not_configured_leaves_the_whole_as_it_is(database: str) -> None:
    run_monitor()
    for found in (whole(), reduced()):
        assert found["status"] == "healthy"
        assert found["services"]["deepgram"]["status"] == "unknown"
        assert found["unknown"]["services.deepgram.latency"].message == "not configured"


def test_live_probes_read_the_stored_streak_and_never_change_it(vendors: dict[str, Vendor]) -> None:
    vendors["deepgram"].script = BAD
    before = stored()
    assert [whole()["services"]["deepgram"]["status"] for _ in range(5)] == ["degraded"] * 5
    assert stored() == before
    run_monitor()
    run_monitor()
    before = stored()
    assert whole()["services"]["deepgram"]["status"] == "unhealthy", "two stored failures and this one are three"
    assert stored() == before
    run_monitor()
    vendors["deepgram"].script = GOOD
    assert whole()["services"]["deepgram"]["status"] == "unhealthy", "one success is not enough"
    run_monitor()
    assert whole()["services"]["deepgram"]["status"] == "healthy", "the second one is"


def test_only_product_errors_degrade_health(vendors: dict[str, Vendor]) -> None:
    now = datetime.now(UTC)

    def capture(project_id: int) -> None:
        event = finish_event({"event_id": uuid.uuid4().hex, "message": "all is lost", "severity": "critical"}, now)
        assert digest([build_error_message(event, project_id, now)], now).poison == []

    capture(0)
    assert whole()["status"] == "healthy"
    capture(1)
    found = whole()
    assert (found["status"], found["errors"]["critical_count"]) == ("degraded", 1)
    assert reduced()["status"] == "degraded"


def test_a_monitor_that_has_not_run_for_three_minutes_degrades(vendors: dict[str, Vendor]) -> None:
    now = datetime.now(UTC)
    assert whole(now + timedelta(minutes=2, seconds=50))["status"] == "healthy"
    late = whole(now + timedelta(minutes=3, seconds=10))
    assert (late["status"], late["monitor"]["is_late"]) == ("degraded", True)
    assert reduced(now + timedelta(minutes=3, seconds=10))["status"] == "degraded"


def test_before_the_first_cycle_providers_are_unknown(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sql("UPDATE callwatch.migrations SET applied_at = now()")
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("OPENAI_API_URL", "http://127.0.0.1:9")
    reset_settings()
    found = reduced()
    assert found["status"] == "healthy"
    assert found["services"]["openai"] == {"status": "unknown", "latency": None, "checked_at": None}
    assert found["unknown"]["services.openai.checked_at"].message == "no check of it is stored yet"
    sql("UPDATE callwatch.migrations SET applied_at = now() - interval '4 minutes'")
    assert reduced()["status"] == "degraded", "a monitor that never came is as late as one that stays away"


def test_a_database_without_our_tables_degrades_and_says_so(empty_database: str) -> None:
    found = whole()
    assert (found["status"], found["services"]["database"]["status"]) == ("degraded", "healthy")
    assert found["unknown"]["errors.last_hour"].message == "the monitor's tables cannot be read (UndefinedTable)"
    assert reduced()["status"] == "degraded"


def test_a_watcher_outside_finds_the_whole_status_alone(vendors: dict[str, Vendor]) -> None:
    text = Path("docs/integrations.md").read_text()
    keywords = {status: f'"status":"{status}","timestamp"' for status in ("unhealthy", "degraded")}
    assert all(f"`{keyword}`" in text for keyword in keywords.values()), "the guide names them"
    vendors["openai"].script = respond(401)
    run_monitor()
    anonymous = json.loads(Path("events/get_health.json").read_text())
    anonymous["requestContext"].pop("authorizer", None)
    body = get_health.lambda_handler(anonymous, None)["body"]
    assert '"status":"unhealthy"' in body, "the vendor's"
    assert {status: keyword in body for status, keyword in keywords.items()} == {"unhealthy": False, "degraded": True}


def test_a_stopped_pipeline_degrades(vendors: dict[str, Vendor]) -> None:
    sql("""CREATE TABLE public.transcription_queue (id bigint, call_id text, status text, attempts int, priority int,
           created_at timestamptz, started_at timestamptz, completed_at timestamptz, last_error text)""")
    sql("INSERT INTO public.transcription_queue (status, created_at) VALUES ('pending', now() - interval '5 minutes')")
    assert whole()["status"] == "healthy", "work that waits is no pipeline that stands"
    sql("UPDATE public.transcription_queue SET created_at = now() - interval '15 minutes'")
    assert (whole()["status"], reduced()["status"]) == ("degraded", "degraded")


def test_anonymous_callers_get_stored_results_only(vendors: dict[str, Vendor]) -> None:
    for vendor in vendors.values():
        vendor.requests.clear()
        vendor.script = BAD
    found = reduced()
    assert set(found) == {"status", "timestamp", "services", "queue", "errors", "unknown"}
    assert all(set(service) == {"status", "latency", "checked_at"} for service in found["services"].values())
    assert found["services"]["openai"]["status"] == "healthy"
    assert [vendor.requests for vendor in vendors.values()] == [[], [], []]


def test_a_hung_provider_costs_the_deadline_and_says_timeout(vendors: dict[str, Vendor]) -> None:
    vendors["convoso"].script = Script(is_silent=True)
    started = time.monotonic()
    found = whole()
    assert time.monotonic() - started < 10, "it would have hung for 30 s"
    assert found["services"]["convoso"]["reason"] == "timeout"
    assert found["services"]["convoso"]["latency"] is None
    assert found["unknown"]["services.convoso.latency"].message == "no response was measured (timeout)"
    assert found["services"]["deepgram"]["status"] == "healthy"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accept connections and never answer, as PostgreSQL does when its machine hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://u:p@127.0.0.1:{listener.getsockname()[1]}/x"


def test_missing_database_is_503_with_null_figures(vendors: dict[str, Vendor], monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    check_without_database(monkeypatch, "unreachable")


def test_silent_database_is_down_within_the_deadline(
    vendors: dict[str, Vendor], silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", silent_server)
    started = time.monotonic()
    check_without_database(monkeypatch, "timeout")
    assert time.monotonic() - started < 20


def test_missing_product_database_makes_only_queues_unknown(
    vendors: dict[str, Vendor], silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine, the deadline of health may come before that of the connection.
    late = (PRODUCT_SILENT, PRODUCT_TIMEOUT)
    for url, reasons in (("postgresql://u:p@127.0.0.1:1/x", (PRODUCT_UNAVAILABLE,)), (silent_server, late)):
        monkeypatch.setenv("PRODUCT_DATABASE_URL", url)
        reset_settings()
        reset_pool()
        found = whole()
        assert found["status"] == "degraded", "it is not known whether the pipeline runs"
        assert found["unknown"]["queue.pending"] in reasons
        assert found["errors"]["last_hour"] == 0


@pytest.mark.parametrize(
    ("read", "path", "message"),
    [
        ("_read_stored", "errors.last_hour", "the monitor's tables could not be read in time"),
        ("_read_queues", "queue.pending", "the product's tables could not be read in time"),
        ("count_buffered", "errors.buffer_size", "the queue did not respond in time"),
    ],
)
def test_late_reads_are_timeouts_and_failed_ones_unavailable(
    read: str, path: str, message: str, vendors: dict[str, Vendor], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def hang(*_given: Any) -> None:
        released.wait(30)

    def fail(*_given: Any) -> None:
        raise KeyError("no")

    monkeypatch.setattr(f"callwatch.reports.health.{read}", hang)
    assert whole()["unknown"][path] == Reason("timeout", message)
    released.set()
    monkeypatch.setattr(f"callwatch.reports.health.{read}", fail)
    found = whole()["unknown"][path]
    assert (found.code, "KeyError" in found.message) == ("unavailable", True)


def test_a_silent_database_is_a_timeout_and_a_dead_one_is_not(
    database: str, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url, code in (("postgresql://u:p@127.0.0.1:1/x", "unavailable"), (silent_server, "timeout")):
        for name, path in (("DATABASE_URL", "errors.last_hour"), ("PRODUCT_DATABASE_URL", "queue.pending")):
            with monkeypatch.context() as patch:
                patch.setenv(name, url)
                reset_settings()
                reset_pool()
                assert whole()["unknown"][path].code == code, (name, url)


def test_slow_queue_reads_are_unknown_not_a_product_fault(vendors: dict[str, Vendor], monkeypatch: pytest.MonkeyPatch) -> None:
    # Four reads take their whole time limit, which a busy machine stretches beyond the deadline of a response.
    monkeypatch.setattr("callwatch.reports.health.DEADLINE_S", 15.0)
    columns = ", ".join(
        [f"{name} int" for name in ("id", "call_id", "attempts", "priority")]
        + [f"{name} text" for name in ("status", "last_error")]
        + [f"{name}_at timestamptz" for name in ("created", "started", "completed", "processed")]
        + ["scheduled_for timestamptz"]
    )
    for table in ("pending_recordings", "transcription_queue"):
        sql(f"CREATE TABLE rows_of_{table} ({columns})")
        sql(f"INSERT INTO rows_of_{table} (id) SELECT generate_series(1, 100)")
        sql(f"CREATE VIEW {table} AS SELECT * FROM rows_of_{table} WHERE (SELECT pg_sleep(1 + 0 * id)) IS NOT NULL")
    found = whole()
    assert found["unknown"]["queue.pending"].message == "reading it took too long; see docs/indexes.md"
    assert found["status"] == "healthy"


def check_without_database(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    reset_settings()
    reset_pool()
    found = whole()
    assert found["status"] == "unhealthy"
    assert (found["services"]["database"]["status"], found["services"]["database"]["reason"]) == ("unhealthy", reason)
    assert found["services"]["openai"]["status"] == "healthy", "vendors are probed all the same"
    assert set(found["errors"].values()) == {None}
    assert set(found["queue"].values()) == {None}
    assert {"errors.last_hour", "queue.pending", "monitor.is_late"} <= set(found["unknown"])
    anonymous = reduced()
    assert anonymous["status"] == "unhealthy"
    assert anonymous["services"]["openai"]["status"] == "unknown"


def test_slow_vendor_and_locked_table_do_not_add_up(vendors: dict[str, Vendor]) -> None:
    vendors["openai"].script = respond(200, delay_s=0.5)
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("LOCK TABLE callwatch.service_states IN ACCESS EXCLUSIVE MODE")
        released = threading.Timer(0.4, conn.rollback)
        released.start()
        found = whole()
        released.join()
    assert found["status"] == "healthy"


def draft(role: str, accept: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    with open("events/get_health.json") as file:
        event = json.load(file)
    event["requestContext"]["authorizer"] = {"lambda": {"role": role, "actor": "ana"}}
    event["headers"]["accept"] = accept
    answer = get_health.lambda_handler(event, None)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


@pytest.mark.parametrize("accept", ["application/health+json", "text/html, Application/Health+JSON;q=0.9"])
def test_the_form_of_the_draft_is_given_to_who_asks_for_it(accept: str, vendors: dict[str, Vendor]) -> None:
    vendors["openai"].script = respond(402)
    code, body, headers = draft("viewer", accept)
    assert (code, body["status"], headers["content-type"]) == (200, "warn", "application/health+json")
    (database,) = body["checks"]["database:responseTime"]
    assert (database["componentType"], database["status"], database["observedUnit"]) == ("datastore", "pass", "ms")
    assert database["observedValue"] > 0
    assert datetime.fromisoformat(database["time"]).tzinfo is not None
    (openai,) = body["checks"]["openai:responseTime"]
    assert (openai["componentType"], openai["status"], openai["output"]) == ("component", "fail", "quota")


def test_draft_health_says_fail_with_503_and_omits_unknowns(vendors: dict[str, Vendor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    reset_settings()
    reset_pool()
    code, body, headers = draft("none", "application/health+json")
    assert (code, body["status"], headers["content-type"]) == (503, "fail", "application/health+json")
    assert body["checks"]["openai:responseTime"] == [{"componentType": "component"}]
    assert draft("none", "application/json")[2]["content-type"] == "application/json"


def test_a_stored_result_keeps_no_word_of_a_vendors_answer(vendors: dict[str, Vendor], database: str) -> None:
    vendors["openai"].script = respond(401, {"error": {"message": "private words"}})
    run_monitor()
    with psycopg2.connect(database) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT s::text FROM callwatch.service_states s UNION SELECT r::text FROM callwatch.check_results r")
        kept = str(cursor.fetchall())
    assert "auth" in kept
    assert "private" not in kept
