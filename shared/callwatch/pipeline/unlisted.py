"""Rows whose words the stage file does not know: states that it does not name, and words in another spelling."""

from collections.abc import Iterator
from dataclasses import dataclass

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.crons import HEARTBEATS, list_crons
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.stage import Stage, StageFile
from callwatch.pipeline.queries.states import NO_STATES, read_unlisted

METRIC = "product.unlisted"
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Misspelled:
    """How many rows of a column spell a word of the stage file in another way; unread: why that is unknown."""

    table: str
    column: str
    rows: int | None
    detail: str | None = None
    unread: Reason | None = None


def list_misspelled(stages: StageFile, measured: Measured) -> list[Misspelled]:
    """The columns whose words the stage file compares, except those of a stage's states: these are counted by state."""
    states = {(stage.table, stage.states.column) for stage in stages.stages if stage.states}
    counted: dict[tuple[str, str], Misspelled] = {}
    for odd in measured.odd.values():
        where = odd.census.table, odd.census.column
        if odd.census.word is not None and where not in states:
            known = counted.get(where, Misspelled(*where, 0))
            detail = odd.reason.message if odd.early else known.detail
            counted[where] = Misspelled(*where, (known.rows or 0) + odd.early, detail)
    for name, census in measured.uncounted.items():
        if census.word is not None and (where := (census.table, census.column)) not in states:
            counted[where] = Misspelled(*where, None, None, measured.unknown[name])
    heartbeats = stages.parts.get("heartbeats")
    if heartbeats and (HEARTBEATS in measured.rows or HEARTBEATS in measured.unknown):
        where = heartbeats["table"], heartbeats["name"]
        odd_names = [cron.unknown.message for cron in list_crons(heartbeats, measured) if cron.is_misspelled and cron.unknown]
        unread = measured.unknown.get(HEARTBEATS)
        counted[where] = Misspelled(*where, None if unread else len(odd_names), next(iter(odd_names), None), unread)
    return [counted[where] for where in sorted(counted)]


def list_unlisted_samples(stages: StageFile, measured: Measured) -> Iterator[Sample]:
    """product.unlisted for each stage that has states, and for each other column with words that the stage file compares."""
    for stage in stages.stages:
        if stage.states is not None:
            yield _sample_states(stage, stage.states.column, measured)
    for each in list_misspelled(stages, measured):
        labels = {"table": each.table, "column": each.column}
        yield Sample(METRIC, None if each.rows is None else float(each.rows), each.unread, labels, each.detail)


def _sample_states(stage: Stage, column: str, measured: Measured) -> Sample:
    labels = {"stage": stage.name, "table": stage.table, "column": column}
    count = measured.get(f"{stage.name}.unlisted")
    if count is None:
        why = measured.explain_unknown(f"{stage.name}.unlisted")
        return Sample(METRIC, None, NO_STATES if why.code == "not_configured" else why, labels)
    states, _why = read_unlisted(stage, measured)
    named = [f"{each.rows} in {each.state}" for each in (states or [])[:_NAMED]]
    more = " and others" if states and len(states) > _NAMED else ""
    return Sample(METRIC, count, None, labels, f"{', '.join(named)}{more}" if named else None)
