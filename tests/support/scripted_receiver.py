"""A scripted HTTP receiver: its responses, their delays, and what it received."""

import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Scripted:
    """One response.

    delay_s: wait before anything is sent. is_truncated: promise more than is sent. is_cut_off: end before the status.
    drip_s: pause between two bytes of the head, or with is_body_dripping of the body.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    delay_s: float = 0.0
    is_truncated: bool = False
    is_cut_off: bool = False
    drip_s: float = 0.0
    is_body_dripping: bool = False


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Responds by its script, then with 200; keeps all requests."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.script: deque[Scripted] = deque()
        self.default = Scripted()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        # Some tests have a sender that gives up in the middle of a response.
        self._server.handle_error = lambda *_given: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    # The sender ended in the middle of its request, which no receiver takes.
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(self.command, self.path, headers, body))
                answer = receiver.script.popleft() if receiver.script else receiver.default
                time.sleep(answer.delay_s)
                if answer.is_cut_off:
                    self.close_connection = True
                    return
                if answer.drip_s and not answer.is_body_dripping:
                    self._drip(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", answer.drip_s)
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body) + (100 if answer.is_truncated else 0)))
                self.end_headers()
                if answer.drip_s:
                    self._drip(answer.body, answer.drip_s)
                else:
                    self.wfile.write(answer.body)

            def _drip(self, raw: bytes, gap_s: float) -> None:
                with contextlib.suppress(OSError):
                    for byte in raw:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(gap_s)

            do_GET = do_POST = do_PUT = _serve  # noqa: N815

            def log_message(self, *_args: Any) -> None:
                """Log nothing."""

        return Handler
