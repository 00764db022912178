"""State that must survive without a database: in this process, and in a file of its execution environment."""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

# The file system of an execution environment outlives its process.
FOLDER = Path(tempfile.gettempdir())


class Memory:
    """A small JSON object; a full or missing disk costs only what a later process would have read."""

    def __init__(self, name: str) -> None:
        self.file = FOLDER / name
        self._text: str | None = None

    def load(self) -> dict[str, Any]:
        """Return a copy of what was saved last; empty if nothing was."""
        if self._text is None:
            self._text = self._read()
        content: dict[str, Any] = json.loads(self._text)
        return content

    def save(self, content: dict[str, Any]) -> None:
        """Replace the saved content."""
        text = json.dumps(content)
        if text == self._text:
            return
        self._text = text
        with contextlib.suppress(OSError):
            # Written whole or not at all: a process that is killed meanwhile leaves the older file.
            part = self.file.with_suffix(".part")
            part.write_text(text)
            part.replace(self.file)

    def forget_process(self) -> None:
        """Drop the cached content, as in a new process of the same execution environment."""
        self._text = None

    def _read(self) -> str:
        try:
            text = self.file.read_text()
            return text if isinstance(json.loads(text), dict) else "{}"
        except (OSError, ValueError):
            return "{}"
