"""Burn rates: how many times too fast a target's error budget is used up, over a long and a short window."""

from collections.abc import Mapping
from datetime import timedelta

# A long window for significance, and a short one so that the alarm ends soon after the problem.
WINDOWS: Mapping[str, tuple[timedelta, timedelta]] = {
    "1h_5m": (timedelta(hours=1), timedelta(minutes=5)),
    "6h_30m": (timedelta(hours=6), timedelta(minutes=30)),
    "3d_6h": (timedelta(days=3), timedelta(hours=6)),
}


def compute_burn_rate(long: tuple[float, float], short: tuple[float, float], budget: float) -> float:
    """The smaller of two burn rates, each from (bad, all): 1 uses up exactly the budget; of nothing it is 0."""
    return min(bad / total / budget if total else 0.0 for bad, total in (long, short))
