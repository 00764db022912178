"""The local webhook receiver: stores the alerts of a system without another target, and verifies their signatures."""

import hmac
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from callwatch.alerts.notifications.channels.webhook import sign_body

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
        """Return the webhook URL."""
        return f"http://127.0.0.1:{self.server_address[1]}/webhook"

    def keep(self, headers: Any, body: bytes) -> bool:
        """Store and print a message; return whether its signature is valid."""
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
        try:
            self._store(line)
        except OSError as error:
            # The sender gets a success, because the message did arrive: on the console.
            self.say(f"{self.file} takes no more ({error.strerror}): the next message is kept nowhere else but here")
        if is_signed and isinstance(message, dict):
            self.say(f"webhook, signature right: {message.get('type')} {message.get('data', {}).get('rule_id')}")
        else:
            self.say("webhook refused: its signature is wrong")
        return is_signed

    def _store(self, line: dict[str, Any]) -> None:
        """Append a line completely or not at all: a full disk must not damage existing lines."""
        part = self.file.with_suffix(".part")
        with self._lock:
            lines = self.file.read_text().splitlines()[-_MOST_LINES + 1 :] if self.file.is_file() else []
            part.touch(mode=0o600)
            part.write_text("\n".join([*lines, json.dumps(line)]) + "\n")
            part.replace(self.file)

    def handle_error(self, *_args: Any) -> None:
        """Ignore senders that hung up."""


def verify(headers: Any, body: bytes, secrets: Sequence[bytes]) -> bool:
    """Return whether one of the message's signatures was made with one of the secrets (Standard Webhooks, version 1)."""
    given = str(headers.get("webhook-signature") or "").split()
    right = sign_body(secrets, str(headers.get("webhook-id")), str(headers.get("webhook-timestamp")), body).split()
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
        """Log nothing; the inbox prints messages itself."""
