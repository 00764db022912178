"""Lambda's Runtime API for one function process: delivers one invocation at a time and accepts its result.

Paths and headers as in the AWS Lambda developer guide, "Using the Lambda runtime API" (2018-06-01). An event can contain a
token, so only the function's own process may connect. AWS's client puts only host and port into the URL, which leaves no
room for a secret; instead the kernel identifies the process at the other end of a connection.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.lambda_runtime.peer import owns_connection

PREFIX = "/2018-06-01/runtime/"
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
# How long a connection waits until the pid of the process just started is known.
_PID_KNOWN_WITHIN_S = 5.0


@dataclass(slots=True)
class Invocation:
    """One invocation of a function; `answer` or `error` is set before `is_done`."""

    request_id: str
    arn: str
    event: bytes
    timeout_s: float
    answer: bytes | None = None
    error: str | None = None
    is_done: threading.Event = field(default_factory=threading.Event)

    def finish(self, answer: bytes | None, error: str | None) -> None:
        """Keep the first result; ignore later ones."""
        if not self.is_done.is_set():
            self.answer, self.error = answer, error
            self.is_done.set()


class _Server(ThreadingHTTPServer):
    """Serves one process and closes connections of any other before reading a byte."""

    daemon_threads = True

    def __init__(self, api: "RuntimeApi") -> None:
        super().__init__(("127.0.0.1", 0), _build_handler(api))
        self._api = api

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Return whether the connection comes from the process of this API."""
        return self._api.admits(client_address, self.server_address[1])

    def handle_error(self, *_args: Any) -> None:
        """Ignore it: the caller of a process that dies during a request notices."""


class RuntimeApi:
    """The API of one process; `on_ready` is called on its first request for work."""

    def __init__(self, on_ready: Callable[[], None], on_init_error: Callable[[str], None]) -> None:
        self._waiting: Invocation | None = None
        self._current: Invocation | None = None
        self._changed = threading.Condition()
        self._is_closed = False
        self._on_ready = on_ready
        self._on_init_error = on_init_error
        self._pid: int | None = None
        self._is_pid_known = threading.Event()
        self._server = _Server(self)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        """Return the value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def admit(self, pid: int) -> None:
        """Set the one process that may connect."""
        self._pid = pid
        self._is_pid_known.set()

    def admits(self, client: tuple[str, int], server_port: int) -> bool:
        """Return whether a connection from `client` belongs to the admitted process."""
        self._is_pid_known.wait(_PID_KNOWN_WITHIN_S)
        return self._pid is not None and owns_connection(self._pid, client, server_port)

    def submit(self, invocation: Invocation) -> None:
        """Pass the next invocation to the process."""
        with self._changed:
            self._waiting = invocation
            self._changed.notify_all()

    def close(self) -> None:
        """Stop serving; a waiting process gets no work."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def wait_for_next(self) -> Invocation | None:
        """Block until there is work; None when closed."""
        self._on_ready()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting is not None or self._is_closed)
            self._current, self._waiting = self._waiting, None
            return self._current

    def finish(self, request_id: str, answer: bytes | None, error: str | None) -> bool:
        """Accept the result of the current invocation; False for any other id."""
        current = self._current
        if current is None or current.request_id != request_id:
            return False
        current.finish(answer, error)
        return True

    def init_failed(self, error: str) -> None:
        """Record that the process could not load its handler."""
        self._on_init_error(error)


def _build_handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - a class in a function
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            if self.path != PREFIX + "invocation/next":
                self._answer(404, {}, b"")
                return
            invocation = api.wait_for_next()
            if invocation is None:
                self.close_connection = True
                return
            deadline_ms = round((time.time() + invocation.timeout_s) * 1000)
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{invocation.request_id.replace('-', '')[:24]}",
            }
            self._answer(200, headers, invocation.event)

        def do_POST(self) -> None:
            body = self._read_body()
            parts = self.path.removeprefix(PREFIX).split("/")
            if parts == ["init", "error"]:
                api.init_failed(_read_error_type(body))
                self._answer(202, {}, b"")
                return
            request_id, result = (parts[1], parts[2]) if len(parts) == 3 else ("", "")
            if result == "response" and len(body) > MAX_PAYLOAD_BYTES:
                is_known = api.finish(request_id, None, "Function.ResponseSizeTooLarge")
            elif result == "response":
                is_known = api.finish(request_id, body, None)
            else:
                is_known = api.finish(request_id, None, _read_error_type(body))
            self._answer(202 if is_known else 400, {}, b"")

        def _read_body(self) -> bytes:
            if (self.headers.get("transfer-encoding") or "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_args: Any) -> None:
            """Log nothing; the function has its own log."""

    return Handler


def _read_error_type(body: bytes) -> str:
    try:
        return str(json.loads(body).get("errorType") or "Error")
    except (ValueError, AttributeError):
        return "Error"
