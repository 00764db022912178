"""Forecasts: when the backlog of a stage reaches its limit, and when a quota is used up."""

from datetime import datetime
from typing import TypedDict


class StageForecast(TypedDict):
    """When a stage is full, if its backlog grows beyond chance. limit: items that may wait, of the stage file.

    growth_per_hour: items, by the last 80 minutes; null if it does not grow. full_at: by this pace. full_from, full_until: at its
    bounds of 95 %; full_until is null if the slowest pace never gets there.
    """

    name: str
    limit: float | None
    growth_per_hour: float | None
    full_at: datetime | None
    full_from: datetime | None
    full_until: datetime | None


class QuotaForecast(TypedDict):
    """When a quota of the day is used up; full_at is null if it lasts the day. full_from, full_until: by single earlier days.

    model: a pattern in which * stands for any text. units: what is summed.
    """

    service: str
    model: str
    units: list[str]
    limit: float
    used: float | None
    full_at: datetime | None
    full_from: datetime | None
    full_until: datetime | None
