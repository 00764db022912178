"""POST /api/mcp: the Model Context Protocol, by which language models read the figures and act. GET and DELETE are 405."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from callwatch.api.http import Request, Response
from callwatch.api.routes import CALL_MCP
from callwatch.exceptions import MethodNotAllowed
from callwatch.mcp.server import answer_mcp
from callwatch.mcp.tool import Caller
from callwatch.runtime.endpoint import endpoint
from callwatch.runtime.environment import VERSION, measure_uptime_s
from callwatch.runtime.responses import find_refusal
from callwatch.settings import get_settings


def handle(request: Request) -> Response[Any]:
    """Answer one message, or a batch. There is no session and no stream, so every other method is refused."""
    if request.method != "POST":
        raise MethodNotAllowed("POST")
    caller = Caller(request.role, request.actor, get_settings(), datetime.now(UTC), measure_uptime_s())
    return answer_mcp(request, caller, VERSION, find_refusal)


lambda_handler = endpoint(CALL_MCP)(handle)
