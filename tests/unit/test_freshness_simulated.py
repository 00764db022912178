"""Freshness over simulated days: no false alarm, no missed stop, and no unknown without reason, on any clock."""

from datetime import timedelta

import pytest

from bench.freshness import DAYS_PLAYED, HEADER, PRODUCTS, ZONES, play

# Per day there is one night in which the first midnight compares with another kind of day.
_MAX_BLIND_MIN = 60
# A stop lasts four hours; fewer days to compare with say less.
_MAX_NOTICED_MIN = 120
# The first weeks; both clock changes in both hemispheres; the closure and the fortnight after it.
_TELLING_DAYS = (1, 2, 4, 8, 61, 62, 63, 90, 91, 150, 164, 165, 168, 171, 271, 272, 273, 299, 300, 301)


@pytest.mark.parametrize("product", PRODUCTS)
def test_telling_days_raise_no_false_alarm(product: str) -> None:
    for zone in ZONES:
        played = play(product, zone, _TELLING_DAYS, timedelta(minutes=30))
        assert (played.false_alarms, played.missed) == ([], []), zone
        assert played.blind_minutes <= _MAX_BLIND_MIN, f"{zone}: blind at {played.first_blind_at}"
        assert played.stops >= 3
        assert played.slowest_min <= _MAX_NOTICED_MIN, zone


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("product", PRODUCTS)
def test_four_hundred_days_in_three_zones(product: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = [play(product, zone, range(1, DAYS_PLAYED), timedelta(minutes=20)) for zone in ZONES]
    with capsys.disabled():
        print("\n" + HEADER)
        print("\n".join(played.render_row() for played in found))
    for played in found:
        assert played.missed == [], played.zone
        assert played.slowest_min <= _MAX_NOTICED_MIN, played.zone
        assert played.blind_minutes <= _MAX_BLIND_MIN, f"{played.zone}: blind at {played.first_blind_at}"
        # By chance alone: once in a year of a product that works around the clock.
        assert len(played.false_alarms) <= 1, played.zone
