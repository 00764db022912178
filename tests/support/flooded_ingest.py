"""Loads the ingest functions in this process, with a queue that keeps its messages; for floods."""

import base64
import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from callwatch import sqs
from callwatch.runtime.admission import admission
from callwatch.settings import reset_settings

ROOT = Path(__file__).resolve().parents[2]
KEY = "ab" * 16
FUNCTIONS = {"envelope": "ingest_envelope", "errors": "ingest_errors", "requests": "ingest_requests"}


class FloodedIngest:
    """Calls the handlers as the gateway does; `sent` holds the messages that the queue accepted, except for the counts of
    items, which `reports` holds.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[dict[str, Any]] = []
        self.reports: list[dict[str, Any]] = []
        for name, value in (("INGEST_KEYS", f"1:{KEY},2:{'cd' * 16}"), ("USER_HASH_KEY", "k" * 64)):
            monkeypatch.setenv(name, value)
        for name in ("ERROR_QUEUE_URL", "CRITICAL_QUEUE_URL"):
            monkeypatch.setenv(name, "http://queue")
        monkeypatch.setattr(sqs, "send", self._send)
        reset_settings()
        admission.__init__()  # type: ignore[misc]  # the limits of one environment, as new
        self._handlers = {name: _load(module) for name, module in FUNCTIONS.items()}

    def _send(self, _url: str, bodies: Sequence[str]) -> None:
        # A message that UTF-8 cannot hold fails here, as it does on its way to SQS.
        for message in (json.loads(body.encode()) for body in bodies):
            (self.reports if message["kind"] == "ingest_report" else self.sent).append(message)

    def post(
        self,
        function: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        role: str = "none",
        actor: str = "anonymous",
        source_ip: str = "203.0.113.7",
        context: Any = None,
        proxy: str = "envelope/",
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Return status, body and headers of the response."""
        event: dict[str, Any] = json.loads((ROOT / "events" / f"{FUNCTIONS[function]}.json").read_text())
        if function == "envelope":
            event["pathParameters"]["proxy"] = proxy
        event["headers"] = {"content-type": "application/json", **(headers or {})}
        event["queryStringParameters"] = dict(query or {})
        event["requestContext"]["http"]["sourceIp"] = source_ip
        event["requestContext"]["authorizer"] = {"lambda": {"role": role, "actor": actor}}
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        response = self._handlers[function](event, context)
        return response["statusCode"], json.loads(response["body"]), response["headers"]

    def send_envelope(self, body: bytes, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Send an envelope with the key of project 1 in its header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post("envelope", body, {"x-sentry-auth": f"Sentry sentry_key={KEY}", **named})

    def send_to_store(self, body: bytes, **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Send one event without an envelope, with the key of project 1 in its header."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post("envelope", body, {"x-sentry-auth": f"Sentry sentry_key={KEY}", **named}, proxy="store/")

    def send_errors(self, given: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Send errors as JSON, from a caller with the key of project 1."""
        return self.send_errors_raw(json.dumps(given).encode())

    def send_errors_raw(self, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Send a body that need not be JSON in the same way."""
        return self.post("errors", body, role="ingest", actor="project:1")


def build_envelope(event: Mapping[str, Any]) -> bytes:
    """Build an envelope with one event."""
    return b'{}\n{"type":"event"}\n' + json.dumps(event).encode()


def _load(name: str) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[dict[str, Any], Any], dict[str, Any]] = module.lambda_handler
    return handler
