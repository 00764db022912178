"""Burn rates: how many times faster than allowed a target's budget is used up, over a long and a short window."""

from collections.abc import Mapping
from datetime import timedelta

# A long window for weight, a short one so that the alarm ends soon after the trouble does.
WINDOWS: Mapping[str, tuple[timedelta, timedelta]] = {
    "1h_5m": (timedelta(hours=1), timedelta(minutes=5)),
    "6h_30m": (timedelta(hours=6), timedelta(minutes=30)),
    "3d_6h": (timedelta(days=3), timedelta(hours=6)),
}


def burn_rate(long: tuple[int, int], short: tuple[int, int], budget: float) -> float:
    """The smaller of two burn rates, each from (bad, all): 1 uses the budget up exactly; nothing at all burns nothing."""
    return min(bad / total / budget if total else 0.0 for bad, total in (long, short))
