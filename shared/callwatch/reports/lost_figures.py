"""Figures of the product that were known once and are lost, as health shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from callwatch.db.product_queries.known_readings import LostReading
from callwatch.pipeline.queries.lost_readings import list_lost_sources

if TYPE_CHECKING:
    from callwatch.models.shapes.health import LostFigures


def list_lost_figures(lost: Iterable[LostReading]) -> list[LostFigures]:
    """Name each table or column without which readings fail that succeeded once."""
    return [
        {
            "table": source.table,
            "column": source.column or None,
            "message": source.message,
            "since": source.since,
            "affects": list(source.affects),
        }
        for source in list_lost_sources(lost)
    ]
