"""A product's pipeline as data: what a stage file becomes when it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callwatch.pipeline.clauses import Clause

# Kinds of rows that are counted as they are, and those that have a time of their own.
COUNTED = ("pending", "retry", "processing", "overdue", "stuck", "zombie", "orphan", "false_success")
TIMED = ("done", "failed", "dead", "due")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table that fulfil clauses; `at` is their time: the first of these columns that is not NULL.

    otherwise: what stands in where a column that these rows need is missing. none: why there can be no such rows.
    """

    table: str = ""
    where: tuple[Clause, ...] = ()
    at: tuple[str, ...] = ()
    otherwise: "Rows | None" = None
    none: str | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long an item takes in a stage: from `start` (of a joined table, where there is one) to `end` of done rows."""

    table: str
    where: tuple[Clause, ...]
    start: str
    end: str
    joined: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A stage without a queue is down where its newest items stay open for too long."""

    at: str
    older_than_s: float
    within_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its table, and which rows of it mean what."""

    name: str
    table: str
    is_queue: bool
    waiting_since: str
    rows: Mapping[str, Rows]
    duration: Duration
    unfinished: Unfinished | None


@dataclass(frozen=True, slots=True)
class Failures:
    """Rows in which the pipeline met a vendor's refusal, and the column that says what it was."""

    rows: Rows
    text: str


@dataclass(frozen=True, slots=True)
class Vendor:
    """What the pipeline itself met at a vendor."""

    service: str
    ok: tuple[Rows, ...]
    failed: tuple[Failures, ...]


@dataclass(frozen=True, slots=True)
class StageFile:
    """A product. The parts beside the stages are plain mappings whose names PARTS lists; a part left out is None."""

    stages: tuple[Stage, ...]
    vendors: tuple[Vendor, ...]
    parts: Mapping[str, Mapping[str, Any]]
    indexes: tuple[Mapping[str, str], ...]

    def stage(self, stage_name: str) -> Stage | None:
        """The stage of this name, if there is one."""
        return next((stage for stage in self.stages if stage.name == stage_name), None)
