"""What became of what clients send, by project, SDK and category."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.db.core.connect import AnyConnection
from callwatch.db.ingest_queries.ingest_counts import SumRow, sum_ingest_counts

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import IngestCount

# Project, SDK and category: what a page ends at.
Position = tuple[int, str, str]


def list_ingest_counts(
    conn: AnyConnection, since: datetime, project_id: int | None, after: Position | None, limit: int
) -> tuple[list[IngestCount], Position | None]:
    """The counts since the start of an hour, and where the next page begins; None if there is none.

    Without a project, all except the monitor's own.
    """
    found: dict[Position, IngestCount] = {}
    for row in sum_ingest_counts(conn, since, project_id, after, limit + 1):
        _add(found, row)
    items = list(found.values())
    if len(items) <= limit:
        return items, None
    return items[:limit], list(found)[limit - 1]


def split_reasons(item: IngestCount) -> dict[str, object]:
    """The same with its counts by reason one level deeper, where their keys become labels of metrics."""
    return {name: {"by_reason": value} if isinstance(value, dict) else value for name, value in item.items()}


def _add(found: dict[Position, IngestCount], row: SumRow) -> None:
    place = (row["project_id"], row["sdk"], row["category"])
    entry = found.get(place)
    if entry is None:
        entry = found[place] = {
            "project": row["project_id"],
            "sdk": row["sdk"],
            "category": row["category"],
            "accepted": 0,
            "refused": {},
            "cut": 0,
            "client_discarded": {},
        }
    if row["outcome"] == "accepted":
        entry["accepted"] += row["count"]
    elif row["outcome"] == "cut":
        entry["cut"] += row["count"]
    else:
        reasons = entry["refused"] if row["outcome"] == "refused" else entry["client_discarded"]
        reasons[row["reason"]] = reasons.get(row["reason"], 0) + row["count"]
