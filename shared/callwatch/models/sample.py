"""One measured figure as the rules see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from callwatch.models.reason import Reason


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure with its labels, or the statement that it is unknown.

    metric: dotted name that ends with its unit if it has one ("service.latency_ms").
    value: the figure; None means unknown, and `reason` then says why.
    labels: distinguish this instance from others of the same metric ({"stage": "transcription"}).
    detail: a short text for messages ("quota").
    since: when the condition behind the figure began, if that is known (aware UTC).
    weight: what a list of instances of one rule is sorted by, the highest first.
    inconclusive: why it is no all-clear: nothing newer was measured that is good. What fires keeps firing, as unknown. With
    a value of None, there is nothing to judge: the sample counts only for an instance that fires.
    gone: why its subject does not exist any more, of a source that was asked for it by name. An instance that fires ends, which
    is no recovery.
    """

    metric: str
    value: float | None
    reason: Reason | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    detail: str | None = None
    since: datetime | None = None
    weight: float = 0.0
    inconclusive: Reason | None = None
    gone: Reason | None = None

    @property
    def is_abstention(self) -> bool:
        """Whether it counts only for an instance that fires."""
        return self.value is None and (self.inconclusive is not None or self.gone is not None)
