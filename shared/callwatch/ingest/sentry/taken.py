"""What is taken from an envelope, and what is not: for the queue, for the counters, and for the answer."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from callwatch.ingest.sentry.rate_limits import find_category
from callwatch.models.ingest_outcome import Outcome
from callwatch.models.telemetry import Feedback, LogLevel, Sessions
from callwatch.models.work import WorkRun

_PLAIN_WORD = re.compile(r"[a-z][a-z0-9_]{0,40}")


class Why(NamedTuple):
    """Why an item is refused: the reason that is counted, and the sentence for its sender."""

    reason: str
    message: str


@dataclass(slots=True)
class Taken:
    """Finished events, rows of requests, runs of work, check-ins, and counts of what was not accepted by (type, message).

    lines: of logs, by minute, environment and level.

    outcomes: the same and what else became of items, by outcome, category and reason. no_objects: how many of the events are
    stubs, because their payload is no JSON object. log_errors: how many events were lines of logs.
    """

    events: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    check_ins: list[dict[str, Any]] = field(default_factory=list)
    work: list[WorkRun] = field(default_factory=list)
    lines: Counter[tuple[datetime, str, LogLevel]] = field(default_factory=Counter)
    sessions: list[Sessions] = field(default_factory=list)
    feedback: list[Feedback] = field(default_factory=list)
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcomes: Counter[tuple[Outcome, str, str]] = field(default_factory=Counter)
    no_objects: int = 0
    log_errors: int = 0

    def refuse(self, kind: str, why: Why, count: int = 1) -> None:
        """Count items of a type that are not kept."""
        # A type is the sender's text: only a plain word is repeated to it.
        self.rejected[(kind if _PLAIN_WORD.fullmatch(kind) else "unknown", why.message)] += count
        self.outcomes[("refused", find_category(kind), why.reason)] += count

    def add_trace(self, kind: str, found: dict[str, Any] | WorkRun | None) -> None:
        """Keep a request or a run; a trace that is neither is counted, and nothing of it is kept."""
        if isinstance(found, WorkRun):
            self.work.append(found)
            self.outcomes[("accepted", find_category(kind), "")] += 1
        elif found is not None:
            self.rows.append(found)
        else:
            self.outcomes[("refused", find_category(kind), "not_counted")] += 1

    def is_empty(self) -> bool:
        """Whether nothing was accepted."""
        return not (self.events or self.rows or any(outcome != "refused" for outcome, _category, _reason in self.outcomes))
