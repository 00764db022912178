"""One statement on the product's tables, with the columns it needs and the rows that make its figures doubtful."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.models.reason import NO_TRAFFIC, Reason
from callwatch.pipeline.queries.filter_dsl import Needs, merge


@dataclass(frozen=True, slots=True)
class Census:
    """What a census counts: the column whose time is odd. is_schedule: its times may lie ahead.

    word: set if it counts rows that spell this state in another way.
    """

    table: str
    column: str
    is_schedule: bool = False
    word: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One statement: figures are the columns of its one row, named `name`.column; `value` stands for the name itself.

    is_table: its rows are returned as a list. empty: what a NULL means. otherwise: the substitute if a column that it needs is
    missing. none: why there is nothing to read. counted: the rows behind a count, whose condition lists and remedies use too.
    aggregate: the same if the reading can share a scan. parts: the readings that it combines in one scan. census: set if it
    counts odd rows and not a figure. doubts: names of the censuses whose odd rows make its figures unknown. empty_doubts: those
    that do so only if no figure was found.
    """

    name: str
    needs: Needs = field(default_factory=dict)
    sql: Composable = field(default_factory=lambda: SQL(""))
    is_table: bool = False
    empty: Reason = NO_TRAFFIC
    otherwise: "Reading | None" = None
    none: Reason | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    aggregate: "Aggregate | None" = None
    counted: "Aggregate | None" = None
    parts: "tuple[Reading, ...]" = ()
    census: Census | None = None
    doubts: tuple[str, ...] = ()
    empty_doubts: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Its own name, and those of the readings that it combines."""
        return frozenset((self.name, *(part.name for part in self.parts)))


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A reading that is one aggregate over rows of one table.

    template: its SQL, in which {filter} stands for a FILTER clause, and the other names for `parts`.
    """

    table: str
    template: SQL
    condition: Composable
    parts: Mapping[str, Composable] = field(default_factory=dict)

    def compose(self, is_filtered: bool = True) -> Composable:
        """The aggregate, over the rows of the condition or over all rows."""
        clause = SQL(" FILTER (WHERE {})").format(self.condition) if is_filtered else SQL("")
        return self.template.format(filter=clause, **self.parts)

    def select(self) -> Composable:
        """The statement that reads the aggregate alone."""
        return SQL("SELECT {} AS value FROM {} r WHERE {}").format(
            self.compose(is_filtered=False), Identifier(self.table), self.condition
        )


def combine_scans(readings: Iterable[Reading], tables: Collection[str]) -> list[Reading]:
    """The same readings; those that would each scan one of these tables are combined, so that a scan is paid once."""
    together: dict[str, list[Reading]] = {}
    found = []
    for reading in readings:
        if reading.aggregate and reading.aggregate.table in tables:
            together.setdefault(reading.aggregate.table, []).append(reading)
        else:
            found.append(reading)
    return [_scan(table, parts) for table, parts in together.items()] + found


def _scan(table: str, parts: list[Reading]) -> Reading:
    given = [part.aggregate for part in parts if part.aggregate]
    columns = [SQL("{} AS {}").format(one.compose(), Identifier(f"part_{number}")) for number, one in enumerate(given)]
    needs = merge({}, *(part.needs for part in parts))
    sql = SQL("SELECT {} FROM {} r").format(SQL(", ").join(columns), Identifier(table))
    return Reading(f"scan.{table}", needs, sql, parts=tuple(parts))
