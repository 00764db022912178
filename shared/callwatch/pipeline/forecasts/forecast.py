"""When a limit is reached: of a backlog, or of a quota."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forecast:
    """In how many seconds a limit is reached; since_s, until_s: at its bounds, None if the later one never reaches it."""

    seconds: float
    since_s: float
    until_s: float | None
