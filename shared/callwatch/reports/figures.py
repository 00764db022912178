"""Figures of the product in a response: an unknown one is null, with its reason under its path."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from callwatch.models.reason import Reason
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.reports.missing_values import Unknown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a response: its dotted path, what was measured, and the reasons collected so far."""

    path: str
    measured: Measured
    unknown: Unknown

    def say(self, name: str, value: T, reason: Reason | None) -> T:
        """Return the value unchanged; if it is None, record the reason under its name."""
        return self.unknown.say(f"{self.path}.{name}", value, reason)

    def get_count(self, name: str, figure: str) -> int | None:
        """Return a figure as a whole number."""
        return self.say(name, self.measured.get_count(figure), self.measured.explain_unknown(figure))

    def get_time(self, name: str, figure: str) -> datetime | None:
        """Return a figure in seconds since 1970 as aware UTC."""
        return self.say(name, self.measured.get_time(figure), self.measured.explain_unknown(figure))

    def get_number(self, name: str, figure: str, factor: float = 1.0) -> float | None:
        """Return a figure times a factor, to three decimal places."""
        value = self.measured.get(figure)
        return self.say(name, None if value is None else round(value * factor, 3), self.measured.explain_unknown(figure))
