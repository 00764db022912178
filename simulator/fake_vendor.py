"""A scripted HTTP vendor: responses that are good, bad, late, broken or missing."""

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Script:
    """The vendor's behavior for a request.

    delay_s: wait before the response. drip_s: pause after each byte of it. is_silent: accept the request and never respond.
    is_cut: end the connection in the middle of the body. is_rude: end it before any response.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    delay_s: float = 0.0
    drip_s: float = 0.0
    is_silent: bool = False
    is_cut: bool = False
    is_rude: bool = False


def respond(status: int, body: Any = None, **script: Any) -> Script:
    """Build a script that responds with a status and a body, as JSON unless given as bytes."""
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return Script(status=status, body=raw, **script)


class Vendor:
    """Runs `script` for every request, or that of its path in `by_path`; `requests` keeps head and body of each."""

    def __init__(self, script: Script | None = None, address: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script or Script()
        self.by_path: dict[str, Script] = {}
        self.requests: list[str] = []
        self._closing = threading.Event()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            # Wake the thread that waits in accept.
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
            request = read_request(conn)
            self.requests.append(request)
            script = self.by_path.get("".join(request.split(" ", 2)[1:2]), script)
            if script.is_silent:
                self._closing.wait(30)
            if script.is_silent or script.is_rude:
                return
            time.sleep(script.delay_s)
            raw = _build_answer(script)
            if script.drip_s:
                for position in range(len(raw)):
                    if self._closing.wait(script.drip_s):
                        return
                    conn.sendall(raw[position : position + 1])
            else:
                conn.sendall(raw)


def _build_answer(script: Script) -> bytes:
    promised = len(script.body) + (1000 if script.is_cut else 0)
    headers = {"content-length": str(promised), "connection": "close", **script.headers}
    head = f"HTTP/1.1 {script.status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + script.body


def read_request(conn: socket.socket) -> str:
    """Read one request, head and body; return the part that arrived if the client hangs up."""
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
