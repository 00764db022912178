"""The log file of a function, fed through a pipe: a disk that takes no more costs lines, never an invocation."""

import contextlib
import json
import os
import threading
from pathlib import Path

MAX_LOG_BYTES = 5_000_000
_CHUNK_BYTES = 65_536


class FunctionLog:
    """Appends what one process writes to the function's file; `write_end` is the process's output.

    lost_bytes: how much the file did not take since it last took something.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lost_bytes = 0
        self._read_end, self.write_end = os.pipe()
        self._reader = threading.Thread(target=self._read, name=f"log of {path.stem}", daemon=True)

    def start(self) -> None:
        """Read from now on, until every process that holds the write end has ended. This process gives its own up."""
        os.close(self.write_end)
        with contextlib.suppress(OSError):
            self._path.touch()
        self._reader.start()

    def finish(self, timeout_s: float) -> None:
        """Wait until what an ended process wrote is in the file."""
        self._reader.join(timeout_s)

    def _read(self) -> None:
        while chunk := os.read(self._read_end, _CHUNK_BYTES):
            self._append(chunk)
        os.close(self._read_end)

    def _append(self, chunk: bytes) -> None:
        text = self._describe_loss() + chunk
        try:
            append_to_log(self._path, text)
        except OSError:
            self.lost_bytes += len(chunk)
        else:
            self.lost_bytes = 0

    def _describe_loss(self) -> bytes:
        if not self.lost_bytes:
            return b""
        line = {"level": "ERROR", "message": "the log lost lines: its disk took no more", "lost_bytes": self.lost_bytes}
        # The last line before it may have been cut.
        return f"\n{json.dumps(line)}\n".encode()


def append_to_log(path: Path, text: bytes) -> None:
    """Append to a log, and begin a new file where it has become too long. Raises OSError."""
    if path.is_file() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab") as file:
        file.write(text)
