"""A healthy product raises nothing: at work, at night, at the weekend, in its first hours."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from callwatch.models.sample import Sample
from simulator import product
from tests.incidents.conftest import BUSY
from tests.incidents.judge import alarming, find_sample, firing

Facts = Callable[..., list[Sample]]


def test_a_busy_afternoon_shows_nothing(busy_product: Any, facts_at: Facts) -> None:
    samples = facts_at(BUSY)
    assert alarming(samples) == []
    assert firing(samples, BUSY) == []
    assert find_sample(samples, "calls.missing_ratio").detail == "as many as expected"
    assert find_sample(samples, "recordings.availability").value == pytest.approx(0.95, abs=0.05)


@pytest.mark.parametrize(
    ("moment", "days", "zone"),
    [
        pytest.param("2031-03-12T03:00:00+00:00", 8, "UTC", id="at night"),
        pytest.param("2031-03-15T12:10:00+00:00", 8, "UTC", id="on the second Saturday"),
        pytest.param("2031-03-15T12:10:00+00:00", 5, "UTC", id="on the first Saturday"),
        pytest.param("2031-03-16T12:00:00+00:00", 8, "UTC", id="on a Sunday"),
        pytest.param("2031-03-17T09:04:00+00:00", 8, "UTC", id="on Monday morning"),
        pytest.param("2031-03-12T18:20:00+00:00", 3, "UTC", id="after work"),
        pytest.param("2031-03-12T14:00:00+00:00", 1, "UTC", id="on the first day"),
        pytest.param("2031-03-12T10:20:00+00:00", 2, "UTC", id="on the second day"),
        # Daylight saving time began on 9 March: nine o'clock is an hour earlier in UTC than the week before.
        pytest.param("2031-03-11T13:15:00+00:00", 8, "America/New_York", id="after the clocks changed"),
    ],
)
def test_a_healthy_product_shows_nothing(empty_product: Any, facts_at: Facts, moment: str, days: int, zone: str) -> None:
    now = datetime.fromisoformat(moment)
    product.load(empty_product, now, days, zone)
    empty_product.commit()
    samples = facts_at(now, zone)
    assert alarming(samples) == []
    assert firing(samples, now) == []


def test_a_product_without_any_row_shows_nothing(empty_product: Any, facts_at: Facts) -> None:
    samples = facts_at(BUSY)
    assert firing(samples, BUSY) == []
    unknown = [sample.metric for sample in samples if sample.value is None and not sample.is_abstention]
    assert unknown == ["cron.late", "cron.idle", "cron.failing"], "and no 0"
