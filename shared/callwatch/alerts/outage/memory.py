"""State that must survive without a database: in this process, and in a file of its execution environment."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The file system of an execution environment outlives its process.
FOLDER = Path(tempfile.gettempdir())
# Files are padded to this size, so that a full disk has room for what an outage adds to one.
_RESERVED_BYTES = 32_768


class Memory:
    """A small JSON object; without a disk, only what a later process would have read is lost.

    A disk that became full after the first save keeps every later one.
    """

    def __init__(self, name: str) -> None:
        self.file = FOLDER / name
        self._text: str | None = None

    def load(self) -> dict[str, Any]:
        """Return a copy of what was saved last; empty if nothing was."""
        if self._text is None:
            self._text = self._read()
        content: dict[str, Any] = json.loads(self._text)
        return content

    def save(self, content: Mapping[str, Any]) -> None:
        """Replace the saved content."""
        text = json.dumps(content)
        if text == self._text:
            return
        self._text = text
        raw = text.encode().ljust(_RESERVED_BYTES)
        part = self.file.with_suffix(".part")
        try:
            # Written whole or not at all: a process that is killed meanwhile leaves the older file.
            part.write_bytes(raw)
            part.replace(self.file)
        except OSError:
            self._overwrite(part, raw)

    def forget_process(self) -> None:
        """Drop the cached content, as in a new process of the same execution environment."""
        self._text = None

    def _overwrite(self, part: Path, raw: bytes) -> None:
        """Write into the blocks that the file has: the disk takes no more."""
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        with contextlib.suppress(OSError), self.file.open("r+b", buffering=0) as file:
            if len(raw) <= file.seek(0, os.SEEK_END):
                file.seek(0)
                file.write(raw)

    def _read(self) -> str:
        try:
            text = self.file.read_text()
            return text if isinstance(json.loads(text), dict) else "{}"
        except (OSError, ValueError):
            return "{}"
