"""POST /api/pipeline/{stage}/replay: asks the product, by a signed request, to work on items again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.api.http import Request
from callwatch.api.routes import REPLAY_ITEMS
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.items.replays import accept_replay
from callwatch.reports.items.stages import find_stage
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.db.core.connect import AnyConnection
    from callwatch.models.shapes.product.items import AcceptedReplay


def handle(request: Request, conn: AnyConnection) -> AcceptedReplay:
    """Queue the request; the monitor sends it within a minute, and its history keeps the actor and the reason."""
    settings = get_settings()
    stage = find_stage(get_stages(settings.stages_file), request.path_parameters["stage"])
    return accept_replay(conn, stage.name, request.read_json(), request.actor, settings, datetime.now(UTC))


lambda_handler = endpoint(REPLAY_ITEMS, transaction=True)(handle)
