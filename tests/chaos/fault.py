"""A fault as data, and the row that a run of it prints."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

from tests.chaos.arena import Arena

Setup = Literal["plain", "single", "pgbouncer", "upgrade"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what it is called, how it is injected, what must hold, and how to do it."""

    name: str
    injection: str
    must_hold: str
    # Injects the fault when the block begins and removes it when the block ends.
    apply: Callable[[Arena], AbstractContextManager[None]]
    hold_s: float = 6.0
    setup: Setup = "plain"
    # Names of entries in NEEDS without which the fault cannot be injected.
    needs: tuple[str, ...] = ()
    # Ingest must accept errors while the fault lasts.
    is_accepting: bool = False
    # Services that health and status must not call well while the fault lasts.
    unhealthy: tuple[str, ...] = ()
    # Errors that the injection destroyed; they may be lost, and must be set aside by name.
    count_destroyed: Callable[[Arena], int] | None = None
    # Returns what is wrong after the recovery.
    check: Callable[[Arena], list[str]] | None = None
    # Part of the short form in `make test`.
    is_quick: bool = False


@dataclass(slots=True)
class Row:
    """What a fault cost."""

    fault: str
    sent: int = 0
    accepted: int = 0
    accepted_during: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    due: int = 0
    delivered: int = 0
    recovered_s: float | None = None
    ran_at: str = ""
    problems: list[str] = field(default_factory=list)
