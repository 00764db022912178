"""A product's pipeline as data: the content of a stage file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callwatch.models.reason import Reason
from callwatch.pipeline.queries.described import AdvisedIndex, Parts
from callwatch.pipeline.queries.filter_dsl import Clause

# Kinds of rows that are counted without a time, and those that have a time of their own.
COUNTED = ("pending", "retry", "processing", "overdue", "stuck", "zombie", "orphan", "false_success")
TIMED = ("done", "failed", "dead", "due")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table that match clauses; `at` is their time: the first of these columns that is not NULL.

    otherwise: the substitute if a column that these rows need is missing. none: why there can be no such rows. ahead_s: how far
    ahead of now their times may lie if they are a schedule; None for times in the past. item: the column that holds the key of
    the item that a row is about; None for that of the stage.
    """

    table: str = ""
    where: tuple[Clause, ...] = ()
    at: tuple[str, ...] = ()
    otherwise: "Rows | None" = None
    none: Reason | None = None
    ahead_s: float | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """The new value of a column: a text, a number, NULL, the present time, or that of a column of the row (`source`)."""

    column: str
    value: str | float | None = None
    is_now: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What puts the rows of a state back: new values of their columns, or rows of another table (`into`) made of them.

    none: why no statement does.
    """

    assignments: tuple[Assignment, ...] = ()
    into: str | None = None
    none: Reason | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """How one item is followed through a stage.

    item: the column of the stage's table with the item's key; None if items cannot be followed. began: the time at which an item
    entered, the first of these columns that is not NULL. attempts: how often it was tried. error: the text of a failure, in the
    table of the failed rows. result: rows that show that the stage is done, whatever its own rows say. skipped: rows that show
    that it was left out on purpose.
    """

    item: str | None = None
    began: tuple[str, ...] = ()
    attempts: str | None = None
    error: str | None = None
    result: Rows | None = None
    skipped: Rows | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    """How long an item takes in a stage: from `start` (of a joined table, if there is one) to `end` of done rows."""

    table: str
    where: tuple[Clause, ...]
    start: str
    end: str
    joined: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A stage without a queue is down if its newest items stay open for too long."""

    at: str
    older_than_s: float
    within_s: float


@dataclass(frozen=True, slots=True)
class States:
    """The column whose words say in which state a row of a stage is, and every word that the stage file names, in order."""

    column: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its table, and the meaning of its rows.

    limit: how many items may wait, for the forecast. other_states: words of its states that no figure counts, on purpose.
    states: None if no column with words tells its rows apart.
    """

    name: str
    table: str
    is_queue: bool
    waiting_since: str
    rows: Mapping[str, Rows]
    duration: Duration
    unfinished: Unfinished | None
    path: Path = Path()
    remedies: Mapping[str, Remedy] = field(default_factory=dict)
    limit: float | None = None
    other_states: tuple[str, ...] = ()
    states: States | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Rows in which the pipeline recorded a vendor's refusal, and the column with its text."""

    rows: Rows
    text: str


@dataclass(frozen=True, slots=True)
class Vendor:
    """What the pipeline itself recorded about a vendor."""

    service: str
    ok: tuple[Rows, ...]
    failed: tuple[Failures, ...]


@dataclass(frozen=True, slots=True, eq=False)
class StageFile:
    """A product, compared by identity. A part that is left out is not watched."""

    stages: tuple[Stage, ...]
    vendors: tuple[Vendor, ...]
    parts: Parts
    indexes: tuple[AdvisedIndex, ...]

    def get_stage(self, stage_name: str) -> Stage | None:
        """The stage of this name, or None."""
        return next((stage for stage in self.stages if stage.name == stage_name), None)
