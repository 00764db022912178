"""AWS's JSON services as moto plays them, behind a real socket: for code that speaks HTTP itself."""

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

SERVICES = {"AmazonSQS": "sqs", "secretsmanager": "secretsmanager", "AmazonSSM": "ssm"}


@contextlib.contextmanager
def run_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a server with empty services, which the environment names for boto3 too; yields its address."""
    with mock_aws():
        # Made before the environment names the server: they reach moto within this process.
        make: Any = boto3.client
        clients: dict[str, Any] = {prefix: make(service) for prefix, service in SERVICES.items()}
        server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(clients))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        try:
            yield address
        finally:
            server.shutdown()
            server.server_close()
            monkeypatch.delenv("AWS_ENDPOINT_URL")


def _make_handler(clients: dict[str, Any]) -> type[BaseHTTPRequestHandler]:
    # Moto's services belong to one thread: a receive fails in the middle of a deletion by another.
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            prefix, _, operation = self.headers["x-amz-target"].rpartition(".")
            given = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
            try:
                with lock:
                    status, found = 200, getattr(clients[prefix], name)(**given)
            except ClientError as error:
                status, found = 400, {"__type": error.response["Error"]["Code"]}
            raw = json.dumps(found, default=lambda value: value.timestamp()).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_args: Any) -> None:
            """Log nothing."""

    return Handler
