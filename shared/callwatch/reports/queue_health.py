"""The product's queues for health: their sums, and whether a stage has stopped."""

from dataclasses import dataclass
from datetime import datetime

from callwatch.models.queue_figures import QUEUE_FIGURES
from callwatch.models.reason import Reason
from callwatch.pipeline.queries.query_runner import add_figures, is_stopped
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.queues import Unread, read_queues
from callwatch.settings import Settings

_NOT_RECORDED = Reason("not_recorded", "no queue of the product records it")


@dataclass(frozen=True, slots=True)
class QueueReading:
    """Each figure with its value, or None and why; is_stopped: some stage does no work although it is due.

    is_unread: the product's database does not respond.
    """

    figures: dict[str, tuple[int | None, Reason | None]]
    is_stopped: bool
    is_unread: bool


def queue_health(settings: Settings, now: datetime) -> QueueReading:
    """Read the queues. `processing` counts only the queues that record it."""
    stages = get_stages(settings.stages_file).stages
    measured = read_queues(settings, now)
    figures: dict[str, tuple[int | None, Reason | None]] = {}
    for name in QUEUE_FIGURES:
        of = [
            f"{stage.name}.{name}" for stage in stages if stage.is_queue and (name != "processing" or not stage.rows[name].none)
        ]
        figures[name] = add_figures(measured, *of) if of else (None, _NOT_RECORDED)
    is_any_stopped = any(is_stopped(measured, stage.name) for stage in stages)
    return QueueReading(figures, is_any_stopped, isinstance(measured, Unread))
