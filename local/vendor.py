"""An HTTP vendor with a script: every way in which an answer can be good, bad, late, broken or missing."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Script:
    """What a vendor does with a request.

    delay_s: before it answers. drip_s: pause after each byte of the answer. is_silent: takes the request and never
    answers. is_cut: the connection ends in the middle of the body. is_rude: it ends before any answer.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    delay_s: float = 0.0
    drip_s: float = 0.0
    is_silent: bool = False
    is_cut: bool = False
    is_rude: bool = False


def answering(status: int, body: Any = None, **script: Any) -> Script:
    """A script that answers with a status and a body, as JSON where it is not given as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return Script(status=status, body=raw, **script)


class Vendor:
    """Serves `script` to everybody who asks; `requests` keeps what came, head and body."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.requests: list[str] = []
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Vendor":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            # Wakes the thread that waits in accept.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                conn, _address = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn, self.script), daemon=True).start()

    def _serve(self, conn: socket.socket, script: Script) -> None:
        with conn, contextlib.suppress(OSError):
            conn.settimeout(30)
            self.requests.append(_read_request(conn))
            if script.is_silent:
                self._closing.wait(30)
            if script.is_silent or script.is_rude:
                return
            time.sleep(script.delay_s)
            raw = _answer_of(script)
            if script.drip_s:
                for position in range(len(raw)):
                    if self._closing.wait(script.drip_s):
                        return
                    conn.sendall(raw[position : position + 1])
            else:
                conn.sendall(raw)


def _answer_of(script: Script) -> bytes:
    promised = len(script.body) + (1000 if script.is_cut else 0)
    headers = {"content-length": str(promised), "connection": "close", **script.headers}
    head = f"HTTP/1.1 {script.status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + script.body


def _read_request(conn: socket.socket) -> str:
    raw = b""
    while b"\r\n\r\n" not in raw:
        received = conn.recv(65536)
        if not received:
            return raw.decode()
        raw += received
    head, _blank, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    while len(body) < length:
        body += conn.recv(65536)
    return (head + b"\r\n\r\n" + body).decode()
