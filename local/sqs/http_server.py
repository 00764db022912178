"""The local queue's HTTP server: SQS's JSON protocol for clients with the access key of the run."""

import hmac
import json
import re
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.sqs.operations import MAX_BATCH_BYTES, Operations, Refusal

MAX_REQUEST_BYTES = 4 * MAX_BATCH_BYTES
# The exit status of a server that found its file damaged; the next start repairs it.
DAMAGED = 3


class QueueServer(ThreadingHTTPServer):
    """Serves one queue file at an address; `exit_status` is that of its process."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], operations: Operations, access_key: str) -> None:
        super().__init__(address, _Handler)
        self.operations = operations
        self.access_key = access_key
        self.exit_status = 0

    def end_damaged(self, error: sqlite3.DatabaseError) -> None:
        """Stop serving a file that cannot be read; the supervisor restarts the server, which repairs it."""
        print(f"the queue's file is damaged: {error}", flush=True)
        self.exit_status = DAMAGED
        threading.Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, *_args: Any) -> None:
        """Ignore clients that hung up."""


class _Handler(BaseHTTPRequestHandler):
    server: QueueServer
    protocol_version = "HTTP/1.1"
    timeout = 60
    # Responses are small and written at once: waiting to fill a packet would add 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """Report that the server is up, which needs no key, and nothing else."""
        self._answer(*((200, {"queue": "callwatch"}) if self.path == "/" else (404, {})))

    def do_POST(self) -> None:
        try:
            self._answer(200, self._call())
        except Refusal as refusal:
            self._refuse(refusal)
        except sqlite3.DatabaseError as error:
            self._refuse(Refusal("InternalFailure", f"the queue's file cannot be used: {error}", 500))
            if is_damage(error):
                self.server.end_damaged(error)

    def _call(self) -> dict[str, Any]:
        length = self.headers.get("content-length") or "0"
        if not re.fullmatch(r"[0-9]{1,10}", length) or int(length) > MAX_REQUEST_BYTES:
            self.close_connection = True
            raise Refusal("RequestEntityTooLarge", "the request is too long")
        if not self._is_known():
            self.close_connection = True
            self.rfile.read(int(length))
            raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
        raw = self.rfile.read(int(length))
        operation = (self.headers.get("x-amz-target") or "").rpartition(".")[2]
        try:
            given = json.loads(raw or b"{}")
        except (ValueError, RecursionError):
            raise Refusal("MalformedInput", "the request is not JSON") from None
        return self.server.operations.call(operation, given)

    def _is_known(self) -> bool:
        """Return whether the request names the access key of this run, in the header that AWS clients sign with."""
        found = re.search(r"\bCredential=([^/,\s]+)/", self.headers.get("authorization") or "")
        return hmac.compare_digest((found[1] if found else "").encode(), self.server.access_key.encode())

    def _refuse(self, refusal: Refusal) -> None:
        self._answer(refusal.status, {"__type": f"com.amazonaws.sqs#{refusal.kind}", "message": str(refusal)})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(raw)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()

    def log_message(self, *_args: Any) -> None:
        """Log nothing: a line for each of thousands of requests helps nobody."""


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether SQLite reports a broken file, as opposed to a full disk or a locked file."""
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
