"""Calls the ingest functions themselves, with a queue that keeps its messages."""

import base64
import functools
import importlib.util
import json
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from callwatch import sqs
from callwatch.settings import reset_settings

ROOT = Path(__file__).resolve().parents[2]
KEY = "0f" * 16


class Ingest:
    """Sends events as clients do and returns the messages that entered the queue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **environ: str) -> None:
        self.bodies: list[str] = []
        urls = {"ERROR_QUEUE_URL": "http://queue/errors", "CRITICAL_QUEUE_URL": "http://queue/critical"}
        for name, value in {"INGEST_KEYS": f"1:{KEY}", "USER_HASH_KEY": "k" * 64, **urls, **environ}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sqs, "send", lambda _url, bodies: self.bodies.extend(bodies))
        reset_settings()

    def send_envelope(self, event: dict[str, Any], key: str = KEY, project: int = 1) -> str:
        """Return the message of an event in a Sentry envelope."""
        event = {"event_id": uuid.uuid4().hex, **event}
        lines = [{"event_id": event["event_id"]}, {"type": "event"}, event]
        body = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines).encode()
        request = json.loads((ROOT / "events" / "ingest_envelope.json").read_text())
        request |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        request["pathParameters"]["project"] = str(project)
        request["headers"]["x-sentry-auth"] = f"Sentry sentry_version=7, sentry_key={key}"
        return self._send("ingest_envelope", request, 200)

    def send_errors(self, items: list[dict[str, Any]], project: int = 1) -> str:
        """Return the messages of errors posted as JSON, one by one."""
        request = json.loads((ROOT / "events" / "ingest_errors.json").read_text())
        request |= {"body": json.dumps(items), "isBase64Encoded": False}
        request["requestContext"]["authorizer"]["lambda"]["actor"] = f"project:{project}"
        return self._send("ingest_errors", request, 202)

    def _send(self, function: str, request: dict[str, Any], status: int) -> str:
        self.bodies.clear()
        answer = load_function(function).lambda_handler(request, None)
        assert answer["statusCode"] == status, answer
        assert self.bodies
        return "\n".join(self.bodies)


@functools.cache
def load_function(name: str) -> ModuleType:
    """Load one Lambda's module once; functions are files, not a package."""
    return load_function_anew(name)


def load_function_anew(name: str) -> ModuleType:
    """Load it once more, as the runtime does in INIT."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
