"""What clients send next to errors and requests: lines of logs, sessions, and what users wrote."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LogLevel = Literal["trace", "debug", "info", "warning", "error", "fatal"]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of one release: all that began, and those that ended badly."""

    environment: str
    release: str
    sessions: int
    errored: int
    crashed: int
    abnormal: int


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a user wrote, scrubbed; event_id: of the error that it is about. feedback_id: the same when it is sent again."""

    feedback_id: str
    environment: str
    event_id: str | None
    at: datetime
    message: str
    user_hash: str | None
