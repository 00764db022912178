"""One measured figure as the rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure with its labels, or the statement that it is not known.

    metric: dotted name with its unit at the end where it has one ("service.latency_ms").
    value: the figure; None means unknown, and `reason` then says why.
    labels: what tells this instance from others of the same metric ({"stage": "transcription"}).
    detail: a short text that belongs into a message ("quota").
    since: when the condition behind the figure began, where that is known (aware UTC).
    """

    metric: str
    value: float | None
    reason: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    detail: str | None = None
    since: datetime | None = None
