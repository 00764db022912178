"""The local webhook receiver: takes the alerts of a system that has no other target, and checks their signatures."""

import hmac
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from callwatch.alerts.channels.webhook import signature

FILE = "inbox.jsonl"
_MOST_BYTES = 1024 * 1024
_MOST_LINES = 1_000


class Inbox(ThreadingHTTPServer):
    """Listens on loopback; each message becomes a line of DATA_DIR/inbox.jsonl: received_at, id, is_signed, message."""

    daemon_threads = True

    def __init__(self, data_dir: Path, secrets: Sequence[bytes], say: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.file = data_dir / FILE
        self.secrets = secrets
        self.say = say
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.server_address[1]}/webhook"

    def keep(self, headers: Any, body: bytes) -> bool:
        """Keep a message and say so; whether its signature was right."""
        is_signed = verify(headers, body, self.secrets)
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        line = {
            "received_at": datetime.now(UTC).isoformat(),
            "id": headers.get("webhook-id"),
            "is_signed": is_signed,
            "message": message if is_signed else None,
        }
        with self._lock:
            lines = self.file.read_text().splitlines()[-_MOST_LINES + 1 :] if self.file.is_file() else []
            self.file.write_text("\n".join([*lines, json.dumps(line)]) + "\n")
            self.file.chmod(0o600)
        if is_signed and isinstance(message, dict):
            self.say(f"webhook, signature right: {message.get('type')} {message.get('data', {}).get('rule_id')}")
        else:
            self.say("webhook refused: its signature is wrong")
        return is_signed

    def handle_error(self, *_args: Any) -> None:
        """A sender that hung up is no error of ours."""


def verify(headers: Any, body: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether one of the message's signatures was made with one of the secrets (Standard Webhooks, version 1)."""
    given = str(headers.get("webhook-signature") or "").split()
    right = signature(secrets, str(headers.get("webhook-id")), str(headers.get("webhook-timestamp")), body).split()
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in right)


class _Handler(BaseHTTPRequestHandler):
    server: Inbox
    server_version = "callwatch"
    sys_version = ""
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("content-length") or ""
        if not length.isdigit() or int(length) > _MOST_BYTES:
            self.send_error(413)
            return
        is_signed = self.server.keep(self.headers, self.rfile.read(int(length)))
        self.send_response(204 if is_signed else 401)
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """The inbox says itself what came."""
