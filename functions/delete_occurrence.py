"""DELETE /api/errors/{id}/occurrences/{event_id}: erases one occurrence of an error."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import DELETE_OCCURRENCE
from callwatch.exceptions import Invalid
from callwatch.reports.groups.group_fields import read_deletion_reason
from callwatch.reports.groups.occurrence_erasure import delete_occurrence
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection


def handle(request: Request, conn: AnyConnection) -> None:
    """Erase it; what was counted stays counted, and a record keeps who did it and why."""
    name, event_id = request.path_parameters["id"], request.path_parameters["event_id"]
    reason, day, now = read_deletion_reason(request), _read_day(request.query.get("day")), datetime.now(UTC)
    delete_occurrence(conn, name, event_id, request.actor, reason, now, get_settings().retention_days, day)


def _read_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("day", "must be a UTC day such as 2026-01-31") from None


lambda_handler = endpoint(DELETE_OCCURRENCE, transaction=True)(handle)
