"""The parts of a stage file besides its stages, as they are when they are checked; spans are in seconds, times are columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NotRequired, Required, TypedDict

from callwatch.pipeline.queries.filter_dsl import Clause
from callwatch.settings.quotas import Quota


class Holiday(TypedDict, total=False):
    """A day on which no item is expected: month and day; month, weekday and nth (-1: the last); days after Easter; or a date."""

    name: Required[str]
    month: int
    day: int
    weekday: str
    nth: int
    easter: int
    date: date


class Freshness(TypedDict):
    """Items that arrive. open_from, open_until: local hours; closed_days: names of weekdays."""

    table: str
    at: str
    open_from: NotRequired[float]
    open_until: NotRequired[float]
    closed_days: NotRequired[Sequence[str]]
    holidays: NotRequired[Sequence[Holiday]]


class Availability(TypedDict):
    """Rows of which a column is set some time after `at`. newest: how many rows are looked at; at_least: how many are enough."""

    table: str
    at: str
    where: tuple[Clause, ...]
    column: str
    after_s: float
    newest: float
    at_least: float
    anyway_after_s: NotRequired[float]


class Completeness(TypedDict):
    """Columns that should be filled, by the source that another column (`by`) names."""

    table: str
    at: str
    by: str
    columns: Sequence[str]
    newest: float
    at_least: float


class CronPart(TypedDict):
    """A cron by its name. stage: that it works on."""

    name: str
    period_s: float
    stage: NotRequired[str]


class Heartbeats(TypedDict):
    """The table in which crons say that they succeeded."""

    table: str
    name: str
    last_ok: str
    message: str
    crons: Sequence[CronPart]


class Webhooks(TypedDict):
    """The log of webhooks that the product received."""

    table: str
    at: str
    status: str
    error: str
    window_s: float
    at_least: float


class ItemEvents(TypedDict):
    """The table with the events of items. types: those that may be shown."""

    table: str
    item: str
    type: str
    at: str
    types: Sequence[str]


class Items(TypedDict):
    """The table of items. keys: columns with other keys; named: fields of an error's context that hold a key."""

    table: str
    id: str
    keys: Sequence[str]
    at: str
    began: NotRequired[str]
    ended: NotRequired[str]
    events: NotRequired[ItemEvents]
    named: NotRequired[Sequence[str]]
    tenant: NotRequired[str]


class Tenants(TypedDict):
    """The table with the names of tenants."""

    table: str
    id: str
    label: str


class Syncs(TypedDict):
    """The log of synchronizations."""

    table: str
    name: str
    started: str
    finished: str
    records: str


@dataclass(frozen=True, slots=True)
class Source:
    """A column: of the rows themselves (table None), or of the row of another table with the same item."""

    column: str
    table: str | None = None
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """Rows of another table whose time is that of the usage, as the time of an analysis is that of its event."""

    table: str
    item: str
    at: str
    where: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class UsageRows:
    """Rows of a table, each of which shows what one item used of a service.

    at: their time, or the events that have it. model: of the service; None if there is only one. units: the sources of each
    quantity, of which the first that is not NULL counts.
    """

    service: str
    table: str
    item: str
    where: tuple[Clause, ...]
    at: str | Events
    model: Source | None
    units: Mapping[str, tuple[Source, ...]]


class CostsPart(TypedDict):
    """What items used of which service. target_usd: what an item may cost; kept_s: how long the product keeps the rows."""

    usage: Sequence[UsageRows]
    target_usd: NotRequired[Decimal]
    kept_s: NotRequired[float]
    quotas: NotRequired[Sequence[Quota]]


class Parts(TypedDict, total=False):
    """The parts that a stage file has; one that is left out is not watched."""

    freshness: Freshness
    availability: Availability
    completeness: Completeness
    heartbeats: Heartbeats
    webhooks: Webhooks
    items: Items
    tenants: Tenants
    costs: CostsPart
    syncs: Syncs


class AdvisedIndex(TypedDict):
    """An index that serves the statements of the monitor. on: its columns as SQL; where: its condition."""

    name: str
    table: str
    on: str
    where: NotRequired[str]
