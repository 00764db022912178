"""Times as text: zones, leap seconds, the edges of the calendar, and the way back."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.times import format_time, parse_time

ZONES = st.integers(-14 * 60 + 1, 14 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
DAYS = timedelta(days=2)
MOMENTS = st.datetimes((FIRST + DAYS).replace(tzinfo=None), (LAST - DAYS).replace(tzinfo=None), timezones=ZONES)


@given(MOMENTS)
def test_time_survives_the_way_through_text(moment: datetime) -> None:
    text = format_time(moment)
    assert text.endswith("Z")
    assert parse_time(text) == parse_time(moment.isoformat(), is_zoned=True) == moment
    assert parse_time(text).tzinfo is UTC


@given(st.datetimes())
def test_time_without_zone_is_utc_unless_one_is_required(moment: datetime) -> None:
    assert parse_time(moment.isoformat()) == moment.replace(tzinfo=UTC)
    with pytest.raises(ValueError, match="without a zone"):
        parse_time(moment.isoformat(), is_zoned=True)


@pytest.mark.parametrize("end", ["", "Z", ".5Z", "+00:00"])
def test_leap_second_is_the_second_before(end: str) -> None:
    found = parse_time(f"2016-12-31T23:59:60{end}")
    assert found.replace(microsecond=0) == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(("text", "edge"), [("0001-01-01T00:00+14:00", FIRST), ("9999-12-31T23:59:59-14:00", LAST)])
def test_time_outside_of_the_calendar_is_refused_or_clamped(text: str, edge: datetime) -> None:
    with pytest.raises(ValueError, match="outside of the calendar"):
        parse_time(text)
    assert parse_time(text, is_clamped=True) == edge


@given(st.one_of(st.text(max_size=40), st.none(), st.integers(), st.binary(max_size=9)))
def test_anything_else_is_a_value_error(given_text: object) -> None:
    try:
        found = parse_time(given_text)  # type: ignore[arg-type]
    except ValueError:
        return
    assert found.tzinfo is UTC
