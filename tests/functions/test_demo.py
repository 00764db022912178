"""The demo on a running system: each fault alerts, notifies and resolves, and foreign tables stay untouched."""

import base64
import contextlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg2
import pytest

from local.lent_settings import is_lent
from local.system import ROOT, System, running_system
from simulator.history import has_history
from tests.functions.test_system import environment

# A scene takes 15 s of a processor, which are two minutes on a busy machine.
pytestmark = pytest.mark.timeout(600)
_DEMO_TIMEOUT_S = 280

_SECRET = "whsec_" + base64.b64encode(b"a secret of a test").decode()


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running_system(cycle_s=60) as found:
        yield found


def demo(system: System, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulator.demo", "--data-dir", str(system.data_dir), "--hold", "0", *options]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=_DEMO_TIMEOUT_S,
    )


def tables(system: System) -> int:
    with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        found = cursor.fetchone()
    return int(found[0]) if found else -1


def test_each_scene_fires_notifies_and_resolves(system: System) -> None:
    played = demo(system, "--scenes", "2")
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stdout.count("FIRING") == played.stdout.count("RESOLVED") == 2
    assert " ".join(played.stdout.split()).count("signature: valid") == 2
    assert "Service down (follows from vendor_quota, not sent)" in played.stdout, "the vendor itself tells the same story"
    assert max(len(line) for line in played.stdout.splitlines()) <= 80
    assert tables(system) == 0
    assert "the monitor is as before the demo" in played.stdout
    assert count_blind(system) == 0, "no rule counts as blind, so that no alarm follows"
    assert system.get("/api/alerts?rule_id=figures_lost")["items"] == []
    assert set(system.get("/api/status")["services"]["external_apis"].values()) == {"unknown"}, "the vendors were taken back"
    assert not is_lent(system.data_dir)
    with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
        assert not has_history(cursor), "and so was the time before the system ran"


def test_a_webhook_of_ones_own_is_no_failure() -> None:
    with http_sink() as url:
        environ = {"ALERT_WEBHOOK_URL": url, "ALERT_WEBHOOK_SECRET": _SECRET, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
        with running_system(cycle_s=60, environ=environ) as system:
            played = demo(system, "--scenes", "1")
    assert played.returncode == 0, played.stdout + played.stderr
    assert "sent to the ALERT_WEBHOOK_URL of this system" in " ".join(played.stdout.split())


@contextlib.contextmanager
def http_sink() -> Iterator[str]:
    """Yield the address of a receiver that accepts everything."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def count_blind(system: System) -> int:
    """Return how many instances are unknown after a known value."""
    with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM callwatch.rule_states"
            " WHERE (details->>'is_unknown')::boolean AND (details->>'has_seen')::boolean"
        )
        found = cursor.fetchone()
    return int(found[0]) if found else -1


def test_tables_of_somebody_else_are_left_alone(system: System) -> None:
    with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
        cursor.execute("CREATE TABLE public.calls (id int)")
    try:
        refused = demo(system)
        assert refused.returncode == 1
        assert refused.stderr.startswith("demo: the database already holds a product's table `calls`")
        assert tables(system) == 1
    finally:
        with psycopg2.connect(system.database_url) as conn, conn.cursor() as cursor:
            cursor.execute("DROP TABLE public.calls")
