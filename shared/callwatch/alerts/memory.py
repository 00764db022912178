"""What has to be remembered while there is no database: in this process, and in a file of its execution environment."""

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any


class Memory:
    """A small JSON object; a disk that is full or gone costs only what a later process would have found."""

    def __init__(self, name: str) -> None:
        self.file = Path(tempfile.gettempdir()) / name
        self._text: str | None = None

    def load(self) -> dict[str, Any]:
        """A copy of what was saved last; empty where nothing was."""
        if self._text is None:
            self._text = self._read()
        content: dict[str, Any] = json.loads(self._text)
        return content

    def save(self, content: dict[str, Any]) -> None:
        """Keep this in place of what was there."""
        text = json.dumps(content)
        if text == self._text:
            return
        self._text = text
        with contextlib.suppress(OSError):
            # Whole or not at all: a process that is killed meanwhile leaves the older one.
            part = self.file.with_suffix(".part")
            part.write_text(text)
            part.replace(self.file)

    def forget_process(self) -> None:
        """As a new process of the same execution environment begins."""
        self._text = None

    def _read(self) -> str:
        try:
            text = self.file.read_text()
            return text if isinstance(json.loads(text), dict) else "{}"
        except (OSError, ValueError):
            return "{}"
