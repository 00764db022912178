"""The deployment check: it covers every endpoint that reads, and shows a table whatever answers."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from callwatch.api.routes import ROUTES
from tools.smoke import READS, run, show

# Checked apart: its body is text.
_TEXT = "/api/metrics/prometheus"


@pytest.fixture(params=[b'{"error": {"code": "unauthorized"}}', b"[]", b'"x"', b"null", b"<html>", b""], ids=repr)
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the address of a server that is not Callwatch, or takes another token."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("content-length", str(len(request.param)))
            self.end_headers()
            self.wfile.write(request.param)

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_wrong_token_or_server_is_a_table_of_failures(stranger: str, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = run(stranger, "x" * 32)
    failed = [outcome.name for outcome in outcomes if not outcome.is_ok]
    assert {f"GET {path}" for path, _fields in READS} <= set(failed)
    assert "GET /api/pipeline/{stage}/items" in failed
    show(outcomes)
    assert f"{len(failed)} failed" in capsys.readouterr().out


def test_each_address_that_a_viewer_reads_is_checked() -> None:
    checked = {path.partition("?")[0] for path, _fields in READS} | {_TEXT}
    read = {
        route.path
        for route in ROUTES.values()
        if route.method == "GET" and route.role in (None, "viewer") and route.is_documented and "{" not in route.path
    }
    assert read - checked == set()
