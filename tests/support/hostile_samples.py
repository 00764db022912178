"""Hostile input for the evaluation: samples, stored states and rules with unexpected content."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from callwatch.models.sample import Sample

MEGABYTE = "x" * 1_000_000
TEXTS = (
    "",
    "\x00",
    "\ud800",
    "a\udfffb",
    "nul \x00 inside",
    MEGABYTE,
    "\ud83d" + MEGABYTE,
    "|=\\" * 900,
    "ü" * 5000,
    "\x1b[31m",
    "%s %(x)s",
)
NUMBERS: tuple[Any, ...] = (
    float("nan"), float("inf"), float("-inf"), 10**400, -(10**400), 10**30, 1.7e308, 5e-324, -0.0, True,
    Decimal("12.5"), Decimal("NaN"), Decimal("sNaN"), Decimal("1e999999"), Fraction(25, 2), "12", b"12", [12], 12j,
)  # fmt: skip
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
TIMES: tuple[Any, ...] = (
    FIRST,
    LAST,
    FIRST.replace(tzinfo=None),
    LAST.replace(tzinfo=None),
    FIRST.replace(tzinfo=timezone(timedelta(hours=14))),
    LAST.replace(tzinfo=timezone(timedelta(hours=-14))),
    datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1601, 1, 1, tzinfo=UTC),
    "2026-03-01",
    0,
    1e20,
)

texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=20), st.characters(categories=["Cs"]))
numbers = st.one_of(st.sampled_from(NUMBERS), st.floats(), st.integers(), st.decimals())
times = st.one_of(st.sampled_from(TIMES), st.datetimes(), st.datetimes(timezones=st.just(UTC)))
odd = st.one_of(texts, numbers, times, st.none(), st.lists(st.none(), max_size=2), st.binary(max_size=3))
labels: st.SearchStrategy[Any] = st.one_of(st.dictionaries(texts, odd, max_size=12), odd)


def samples(metric: str) -> st.SearchStrategy[Sample]:
    """Return samples of a metric that are odd in one field or in all."""
    return st.builds(
        Sample,
        st.just(metric),
        st.one_of(st.just(42.0), numbers, odd),
        st.none() | odd,
        labels,
        st.none() | odd,
        st.none() | times,
    )
