"""Figures of the product that were known once and are not any more: where they are lost, since when, and what depends on it.

A figure that never was known is no news: a fresh installation has no product yet. One that was, and is unknown now, is watched
by nobody, although somebody relies on it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from callwatch.db.product_queries.known_readings import FailedReading, LostReading
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading

METRIC = "schema.lost"
_MAX_NAMED = 6


@dataclass(frozen=True, slots=True)
class LostSource:
    """A table, or one of its columns, without which readings fail that succeeded once. affects: the parts of the stage file."""

    table: str
    column: str
    message: str
    since: datetime
    affects: tuple[str, ...]


def list_succeeded(readings: Iterable[Reading], measured: Measured) -> list[str]:
    """Names of the readings that gave a figure, or that there is none."""
    return [reading.name for reading in readings if reading.name not in measured.faulty]


def list_failed(readings: Iterable[Reading], measured: Measured) -> list[FailedReading]:
    """The readings that gave nothing, and why."""
    return [_describe(reading.name, measured) for reading in readings if reading.name in measured.faulty]


def _describe(name: str, measured: Measured) -> FailedReading:
    found: Mapping[tuple[str, str], Reason] = measured.faulty[name]
    return {
        "name": name,
        "is_certain": all(measured.drift.get(place) == reason for place, reason in found.items()),
        "faults": [
            {"table": table, "column": column, "message": reason.message}
            for (table, column), reason in sorted(found.items(), key=lambda each: each[0])
        ],
    }


def list_lost_sources(lost: Iterable[LostReading]) -> list[LostSource]:
    """One entry for each table or column that is lost, however many readings need it."""
    messages: dict[tuple[str, str], str] = {}
    since: dict[tuple[str, str], datetime] = {}
    affects: dict[tuple[str, str], set[str]] = {}
    for reading in lost:
        for fault in reading["faults"]:
            place = fault["table"], fault["column"]
            messages.setdefault(place, fault["message"])
            since[place] = min(since.get(place, reading["lost_since"]), reading["lost_since"])
            affects.setdefault(place, set()).add(reading["name"].partition(".")[0])
    return [LostSource(*place, messages[place], since[place], tuple(sorted(affects[place]))) for place in sorted(messages)]


def list_lost_samples(sources: Sequence[LostSource]) -> Iterator[Sample]:
    """schema.lost of each source that is lost."""
    for source in sources:
        labels = {"table": source.table, "column": source.column} if source.column else {"table": source.table}
        yield Sample(METRIC, 1.0, None, labels, f"{source.message}; unknown: {_enumerate(source.affects)}", source.since)


def _enumerate(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more
