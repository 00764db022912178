"""A tool of the protocol: what it is called, what it takes, and the function that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from callwatch.mcp.arguments import Argument
from callwatch.models.role import CallerRole
from callwatch.settings import Settings

# Checked by the tool's declared arguments before the tool runs.
Arguments = Mapping[str, Any]
STATEMENT_TIMEOUT_MS = 5_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, when, and with which settings. uptime_s: the age of this process."""

    role: CallerRole
    actor: str
    settings: Settings
    now: datetime
    uptime_s: float


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    run: returns what the tool found, JSON-ready as a response of the API. is_acting: it changes something, and is for
    administrators. is_ours: everything that it returns was written by us, and not by those who send errors.
    """

    name: str
    title: str
    description: str
    run: Callable[[Arguments, Caller], Mapping[str, object]]
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    is_acting: bool = False
    is_ours: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the tool as tools/list shows it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": {
                "type": "object",
                "properties": {name: argument.describe() for name, argument in self.arguments.items()},
                "required": [name for name, argument in self.arguments.items() if argument.is_required],
                "additionalProperties": False,
            },
            "annotations": {
                "title": self.title,
                "readOnlyHint": not self.is_acting,
                "destructiveHint": False,
                "idempotentHint": not self.is_acting,
                "openWorldHint": False,
            },
        }
