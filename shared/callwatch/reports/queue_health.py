"""The product's queues as health shows them: all of them together, and whether one has stopped."""

from dataclasses import dataclass
from datetime import datetime

from callwatch.pipeline.measure import is_stopped, sum_of
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.health import QUEUE_FIGURES
from callwatch.reports.queues import Unread, read_queues
from callwatch.settings import Settings


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """Each figure with its value, or None and why; whether some stage does no work although it is due.

    is_unread: the product's database does not answer.
    """

    figures: dict[str, tuple[int | None, str | None]]
    is_stopped: bool
    is_unread: bool


def queue_health(settings: Settings, now: datetime) -> QueueHealth:
    """Read the queues. What is processed now is known of those queues alone that record it."""
    stages = get_stages(settings.stages_file).stages
    measured = read_queues(settings, now)
    figures: dict[str, tuple[int | None, str | None]] = {}
    for name in QUEUE_FIGURES:
        of = [
            f"{stage.name}.{name}" for stage in stages if stage.is_queue and (name != "processing" or not stage.rows[name].none)
        ]
        figures[name] = sum_of(measured, *of) if of else (None, "no queue of the product records it")
    is_any_stopped = any(is_stopped(measured, stage.name) for stage in stages)
    return QueueHealth(figures, is_any_stopped, isinstance(measured, Unread))
