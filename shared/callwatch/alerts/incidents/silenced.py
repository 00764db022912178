"""Until when a silence mutes an alert, and who created it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from callwatch.alerts.evaluation.silences import Silences


@dataclass(frozen=True, slots=True)
class _Subject:
    rule_id: str
    labels: Mapping[str, str]


def find_silenced(silences: Silences, rule_id: str, labels: Mapping[str, str]) -> tuple[datetime, str] | None:
    """Return the end and the author of the silence that mutes an alert the longest; None if none does."""
    silence = silences.find_last(_Subject(rule_id, labels))
    return (silence.ends_at, silence.actor) if silence is not None and silence.ends_at is not None else None
