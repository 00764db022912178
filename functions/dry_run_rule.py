"""POST /api/rules/dry-run: when a rule would have fired in the kept past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callwatch.alerts.own_rules.dry_run import try_rule
from callwatch.api.http import Request
from callwatch.api.routes import DRY_RUN_RULE
from callwatch.db import connection
from callwatch.runtime.endpoint import endpoint
from callwatch.settings import get_settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerting.own_rules import DryRun


def handle(request: Request) -> DryRun:
    """Nothing is stored or sent."""
    given = request.read_json()
    with connection(statement_timeout_ms=5000) as conn:
        return try_rule(conn, given, get_settings(), datetime.now(UTC))


lambda_handler = endpoint(DRY_RUN_RULE)(handle)
