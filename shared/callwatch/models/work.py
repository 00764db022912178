"""Work that is no request: a run of a function or a job, with its name, its end and how long it took."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

WorkKind = Literal["function", "job"]


@dataclass(frozen=True, slots=True)
class WorkRun:
    """One run; identity: the same when the client sends it again. has_failed: it says so itself."""

    kind: WorkKind
    name: str
    environment: str
    ended_at: datetime
    took_ms: float
    has_failed: bool
    identity: str
