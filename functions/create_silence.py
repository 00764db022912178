"""POST /api/silences: mutes alerts until a given time, with a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.silence_actions import create_silence
from callwatch.api.http import Request
from callwatch.api.routes import CREATE_SILENCE
from callwatch.reports.missing_values import explain_nulls
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.alerts import MadeSilence


def handle(request: Request, conn: AnyConnection) -> MadeSilence:
    """Return the silence; it has warnings where it matches nothing."""
    made = create_silence(conn, request.read_json(), request.actor, get_settings(), datetime.now(UTC))
    return {**made, "unknown": explain_nulls(made)}


lambda_handler = endpoint(CREATE_SILENCE, transaction=True)(handle)
