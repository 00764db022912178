"""CloudFormation's side of a custom resource: the request, and the address that takes the response."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest


class Callback:
    """Replaces CloudFormation's signed URL: fails `failures` times, then keeps what is put there."""

    def __init__(self) -> None:
        self.answers: list[tuple[dict[str, Any], str]] = []
        self.failures = 0
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if callback.failures:
                    callback.failures -= 1
                    self.send_error(503)
                    return
                callback.answers.append((json.loads(body), self.headers["content-type"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """Keep the test's output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/signed?signature=x"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def callback() -> Iterator[Callback]:
    """Yield a receiver of responses."""
    found = Callback()
    yield found
    found.server.shutdown()
    found.server.server_close()


def request(callback: Callback, request_type: str = "Create", **more: Any) -> dict[str, Any]:
    """Return the event of a custom resource named Schema."""
    ids = {"StackId": "stack", "RequestId": "request", "LogicalResourceId": "Schema"}
    return {"RequestType": request_type, "ResponseURL": callback.url, **ids, **more}
