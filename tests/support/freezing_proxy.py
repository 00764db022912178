"""A proxy to PostgreSQL that can freeze: connections stay open and accept data, and nothing comes back."""

import contextlib
import socket
import threading
from types import TracebackType


class FreezingProxy:
    """Forwards every connection to a server, until `freeze`."""

    def __init__(self, dsn: str) -> None:
        before, _at, rest = dsn.rpartition("@")
        address, _slash, name = rest.partition("/")
        host, _colon, port = address.rpartition(":")
        self._target = (host, int(port))
        self._frozen = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = f"{before}@127.0.0.1:{self._listener.getsockname()[1]}/{name}"

    def freeze(self) -> None:
        """Forward nothing from now on; new connections get no response."""
        self._frozen.set()

    def thaw(self) -> None:
        """Serve new connections again; older ones stay dead."""
        self._frozen.clear()

    def __enter__(self) -> "FreezingProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for sock in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self._sockets.append(client)
                if not self._frozen.is_set():
                    server = socket.create_connection(self._target)
                    self._sockets.append(server)
                    for pair in ((client, server), (server, client)):
                        threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._frozen.is_set():
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
