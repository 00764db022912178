"""Tenants whose items stopped while those of others go on: such as an agency whose webhook token was revoked.

The items of the last hours are counted in steps of a quarter of an hour, by tenant, in one statement that also counts the same
clock times of earlier days. A tenant is silent if it has had no item for so long that a random product of its usual rate would
have none with a probability of at most ALPHA.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2.sql import SQL, Identifier

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.comparable import Window, list_earlier_windows
from callwatch.pipeline.expectation import compute_median
from callwatch.pipeline.freshness import FIRST_AT, LAST_AT, find_closed, list_days_at_work
from callwatch.pipeline.queries.described import Freshness, Items
from callwatch.pipeline.queries.filter_dsl import TIME
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.statements import Literal, name_column
from callwatch.pipeline.queries.time_bounds import MAX_CLOCK_SKEW_S
from callwatch.pipeline.tenants.names import label_tenant, name_own_tenant

SILENT_METRIC = "agency.silent"
SILENT, NAMES = "tenants.steps", "tenants.steps.names"
STEP_MIN, STEPS = 15, 16
# One false alarm per tenant in a hundred thousand gaps between two of its items.
ALPHA = 1e-5
MIN_EXPECTED = -math.log(ALPHA)
# Earlier days to compare with: fewer say little, and one in a row of them without any item means that silence is usual.
_MIN_DAYS = 3
_MAX_ROWS, _MAX_SCANNED = 20_000, 100_000
# The smallest time difference that PostgreSQL represents.
_INSTANT = timedelta(microseconds=1)
_MAX_SHOWN = 50
_NOT_COMPARED = Reason("unavailable", "too many agencies to compare")

# Counts by step, the newest first; by day, today first.
Counts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Silence:
    """A silent tenant: for how long, and how many items earlier days had in that time."""

    tenant: str
    minutes: int
    expected: float


def list_steps(measured: Measured) -> list[list[Window]]:
    """For each step, the newest first: its window of today, and of each earlier day on which the product worked."""
    last_at = measured.get_time(LAST_AT)
    if last_at is None:
        return []
    now, zone, active = measured.at, ZoneInfo(measured.timezone), list_days_at_work(measured)
    found: list[list[Window]] = []
    for step in range(STEPS):
        start, end = (now - timedelta(minutes=STEP_MIN * count) for count in (step + 1, step))
        # An item whose clock is slightly ahead of ours has already arrived.
        until = now + timedelta(seconds=MAX_CLOCK_SKEW_S) if step == 0 else end
        found.append([[(start, until)], *list_earlier_windows(start, end, zone, active, min(last_at, now))])
    return found


def build_steps_reading(items: Items, freshness: Freshness, steps: Sequence[Sequence[Window]]) -> Reading:
    """How many items each tenant has in each step of each day."""
    table, at = freshness["table"], freshness["at"]
    needs = {table: {at: TIME}}
    tenant = name_own_tenant(items, needs)
    template = """
        SELECT {tenant} AS tenant, w.step, w.day, count(*)::int AS count
        FROM unnest(%(since)s::timestamptz[], %(until)s::timestamptz[], %(step)s::int[], %(day)s::int[])
             AS w (since, until, step, day)
        JOIN {table} r ON {at} > w.since AND {at} <= w.until
        GROUP BY 1, 2, 3 LIMIT {limit}
    """
    sql = SQL(template).format(tenant=tenant, table=Identifier(table), at=name_column(at), limit=Literal(_MAX_ROWS + 1))
    pieces = [
        (since, until, step, day) for step, days in enumerate(steps) for day, window in enumerate(days) for since, until in window
    ]
    params = {name: [piece[index] for piece in pieces] for index, name in enumerate(("since", "until", "step", "day"))}
    return Reading(SILENT, needs, sql, is_table=True, params=params)


def scan_reading(items: Items, freshness: Freshness, steps: Sequence[Sequence[Window]]) -> Reading:
    """The same without an index, in one scan: how many items of each tenant lie between consecutive bounds of windows."""
    table, at = freshness["table"], freshness["at"]
    needs = {table: {at: TIME}}
    tenant = name_own_tenant(items, needs)
    template = """
        SELECT {tenant} AS tenant, width_bucket({at}::timestamptz, %(bounds)s::timestamptz[]) AS place, count(*)::int AS count
        FROM {table} r WHERE {at} >= %(first)s::timestamptz AND {at} < %(last)s::timestamptz GROUP BY 1, 2 LIMIT {limit}
    """
    sql = SQL(template).format(tenant=tenant, table=Identifier(table), at=name_column(at), limit=Literal(_MAX_SCANNED + 1))
    bounds = _list_bounds(steps)
    return Reading(SILENT, needs, sql, is_table=True, params={"bounds": bounds, "first": bounds[0], "last": bounds[-1]})


def take_scan(measured: Measured, steps: Sequence[Sequence[Window]]) -> None:
    """Turn the counts of a scan into those of steps and days."""
    places = {bound: place for place, bound in enumerate(_list_bounds(steps))}
    wanted = {
        place + 1: (step, day)
        for step, days in enumerate(steps)
        for day, window in enumerate(days)
        for since, until in window
        for place in range(places[since + _INSTANT], places[until + _INSTANT])
    }
    rows = [row for row in measured.rows[SILENT] if row["place"] in wanted]
    measured.rows[SILENT] = [
        {"tenant": row["tenant"], "step": wanted[row["place"]][0], "day": wanted[row["place"]][1], "count": row["count"]}
        for row in rows
    ]


def _list_bounds(steps: Sequence[Sequence[Window]]) -> list[datetime]:
    """A window holds items after its start and up to its end; PostgreSQL's buckets include their start instead."""
    return sorted({bound + _INSTANT for days in steps for window in days for piece in window for bound in piece})


def count_by_tenant(rows: Sequence[Mapping[str, Any]], days: Sequence[int]) -> dict[str, Counts]:
    """The counts of each tenant by day and step. days: how many days each step is compared with, today included."""
    depth = min(days, default=0)
    found: dict[str, list[list[int]]] = defaultdict(lambda: [[0] * len(days) for _day in range(depth)])
    for row in rows:
        tenant = label_tenant(row["tenant"])
        if tenant and row["day"] < depth:
            found[tenant][row["day"]][row["step"]] += row["count"]
    return dict(found)


def find_silent(counts: Mapping[str, Counts]) -> list[Silence]:
    """The tenants without an item for longer than chance allows, while others have some; those that miss the most first. Pure."""
    today = [sum(each[0][step] for each in counts.values() if each) for step in range(STEPS)]
    found = []
    for tenant, days in counts.items():
        if len(days) <= _MIN_DAYS:
            continue
        quiet = next((step for step, count in enumerate(days[0]) if count), STEPS)
        # The last step of the silence may be a part of one, so only whole ones count.
        earlier = [sum(day[:quiet]) for day in days[1:]]
        expected = compute_median(earlier)
        is_usual = expected < MIN_EXPECTED or min(earlier) < math.sqrt(MIN_EXPECTED)
        if quiet and not is_usual and sum(today[:quiet]) > 0:
            found.append(Silence(tenant, quiet * STEP_MIN, expected))
    return sorted(found, key=lambda silence: -silence.expected)


def expect_last_hour(days: Counts) -> float | None:
    """How many items a tenant usually has in the last hour; None without enough days."""
    steps = 60 // STEP_MIN
    return compute_median([sum(day[:steps]) for day in days[1:]]) if len(days) > _MIN_DAYS else None


def list_silence_samples(freshness: Freshness, measured: Measured, firing: Sequence[Mapping[str, str]] = ()) -> list[Sample]:
    """agency.silent of each silent tenant, and 0 of each one that fires and has an item in the newest step.

    firing: labels of the firing instances. One without an item stays silent, also while the product is closed, or at a time at
    which earlier days have no items either.
    """
    if SILENT not in measured.rows:
        # What is compared with is found by these readings.
        why = next((measured.unknown[name] for name in (SILENT, FIRST_AT, LAST_AT) if name in measured.unknown), None)
        # A product without any row has no agency that could be silent.
        return [Sample(SILENT_METRIC, None, why)] if why is not None and not why.is_absence else []
    if len(measured.rows[SILENT]) > _MAX_ROWS:
        return [Sample(SILENT_METRIC, None, _NOT_COMPARED)]
    names = {row["id"]: row["label"] for row in measured.rows.get(NAMES, [])}
    counts = count_by_tenant(measured.rows[SILENT], [len(days) for days in list_steps(measured)])
    active = {tenant for tenant, days in counts.items() if days and days[0][0]}
    asked = {labels["agency"] for labels in firing if "agency" in labels}
    samples = [Sample(SILENT_METRIC, 0.0, None, {"agency": agency}, "calls again") for agency in sorted(asked & active)]
    silent = [] if find_closed(freshness, measured) else find_silent(counts)[:_MAX_SHOWN]
    for silence in silent:
        name = names.get(silence.tenant)
        detail = f"{f'{name}: ' if name else ''}no call for {silence.minutes} min, {silence.expected:.0f} expected"
        since = measured.at - timedelta(minutes=silence.minutes)
        samples.append(Sample(SILENT_METRIC, 1.0, None, {"agency": silence.tenant}, detail, since))
    return samples
