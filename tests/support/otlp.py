"""Requests of OTLP: those recorded from real exporters, and ones built by hand; and the function that answers them."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from callwatch import sqs
from callwatch.ingest.otlp.wire import encode_bytes
from callwatch.settings import reset_settings
from tests.support.ingest_functions import KEY, ROOT, load_function

RECORDED = ROOT / "tests" / "fixtures" / "otlp"
SERVER, CLIENT = 2, 3
# Two minutes before the requests that tests send by hand.
START_NS = 1_700_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Reply:
    """What the function answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Otlp:
    """Sends requests to the function, and keeps what entered the queue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        urls = {"ERROR_QUEUE_URL": "http://queue/errors", "CRITICAL_QUEUE_URL": "http://queue/critical"}
        for name, value in {"INGEST_KEYS": f"1:{KEY},2:{'e' * 32}", "USER_HASH_KEY": "k" * 64, **urls}.items():
            monkeypatch.setenv(name, value)
        self.bodies: list[str] = []
        monkeypatch.setattr(sqs, "send", self._send)
        reset_settings()

    def post(
        self, signal: str, body: bytes, headers: Mapping[str, str] | None = None, path: str = "otlp/v1/{}", query: str = ""
    ) -> Reply:
        """Send a body, with the key of project 1 unless headers or query hold one."""
        event = json.loads((ROOT / "events" / "ingest_envelope.json").read_text())
        proxy = path.format(signal)
        event |= {"rawPath": f"/api/1/{proxy}", "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        event["pathParameters"]["proxy"] = proxy
        event["requestContext"]["http"]["path"] = event["rawPath"]
        own_key = {} if query else {"x-sentry-auth": f"sentry sentry_key={KEY}"}
        event["headers"] = {"content-type": "application/x-protobuf", **(own_key if headers is None else headers)}
        if query:
            event["queryStringParameters"] = dict([query.split("=", 1)])
        answer = load_function("ingest_envelope").lambda_handler(event, None)
        text = answer.get("body", "")
        raw = base64.b64decode(text) if answer["isBase64Encoded"] else text.encode()
        return Reply(answer["statusCode"], answer["headers"], raw)

    def post_json(self, signal: str, data: Any) -> Reply:
        """Send data in the JSON encoding."""
        headers = {"content-type": "application/json", "x-sentry-auth": f"sentry sentry_key={KEY}"}
        return self.post(signal, json.dumps(data).encode(), headers)

    def replay(self, name: str) -> Reply:
        """Send a recorded request again, with our key."""
        recorded = json.loads((RECORDED / f"{name}.json").read_text())
        headers = {**recorded["headers"], "x-sentry-auth": f"sentry sentry_key={KEY}"}
        signal = "logs" if "/logs" in recorded["path"] else "traces"
        path = recorded["path"].removeprefix("/api/1/")
        return self.post(signal, base64.b64decode(recorded["body"]), headers, path=path)

    def _send(self, _url: str, bodies: Sequence[str]) -> None:
        """Keep what was accepted, without the counts of what was not."""
        self.bodies += [body for body in bodies if json.loads(body)["kind"] != "ingest_report"]

    def events(self) -> list[dict[str, Any]]:
        """The events in the queue."""
        return [message["event"] for message in map(json.loads, self.bodies) if message["kind"] == "error"]

    def model_calls(self) -> list[dict[str, Any]]:
        """The calls of models in the queue."""
        messages = [message for message in map(json.loads, self.bodies) if message["kind"] == "model_calls"]
        return [call for message in messages for call in message["model_calls"]]

    def rows(self) -> list[dict[str, Any]]:
        """The requests in the queue."""
        messages = [message for message in map(json.loads, self.bodies) if message["kind"] == "requests"]
        return [row for message in messages for row in message["requests"]]


def attributes(**named: Any) -> list[dict[str, Any]]:
    """Attributes in the JSON encoding; two underscores stand for a dot."""
    kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
    return [{"key": name.replace("__", "."), "value": {kinds[type(value)]: value}} for name, value in named.items()]


def span(number: int = 1, kind: int = SERVER, took_ms: float = 5, **more: Any) -> dict[str, Any]:
    """A span in the JSON encoding."""
    return {
        "traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "GET /calls", "kind": kind,
        "startTimeUnixNano": str(START_NS), "endTimeUnixNano": str(START_NS + round(took_ms * 1e6)), **more,
    }  # fmt: skip


def traces(*spans: Any) -> dict[str, Any]:
    """The request with these spans."""
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "t"}, "spans": list(spans)}]}]}


def logs(*records: Any) -> dict[str, Any]:
    """The request with these log records."""
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}


def frame(*records: bytes) -> bytes:
    """The binary request with these records, of one resource and scope."""
    scope = b"".join(encode_bytes(2, record) for record in records)
    return encode_bytes(1, encode_bytes(2, scope))
