"""All tools by name, and the call of one: who may, with which arguments, and what the caller reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from callwatch.exceptions import RequestRefused
from callwatch.mcp import acting_tools, error_tools, incident_tools, reading_tools
from callwatch.mcp.arguments import check_arguments
from callwatch.mcp.messages import INVALID_PARAMS, RpcError, build_text
from callwatch.mcp.tool import Caller, Tool
from callwatch.mcp.untrusted import render_result

# A module with tools adds its own here.
TOOLS: Mapping[str, Tool] = {
    tool.name: tool for tool in (*reading_tools.TOOLS, *incident_tools.TOOLS, *error_tools.TOOLS, *acting_tools.TOOLS)
}
# Turns an exception into the refusal that a caller reads; None for an unexpected one.
Explain = Callable[[BaseException], RequestRefused | None]


def list_tools() -> dict[str, Any]:
    """Return the result of tools/list; all tools fit on one page."""
    return {"tools": [tool.describe() for tool in TOOLS.values()]}


def call_tool(params: Mapping[str, Any], caller: Caller, explain: Explain) -> dict[str, Any]:
    """Return the result of tools/call; a call that fails has isError, so that the model reads why.

    Raises RpcError for a tool that does not exist, and whatever `explain` does not know.
    """
    tool = TOOLS.get(params["name"]) if isinstance(params.get("name"), str) else None
    if tool is None:
        raise RpcError(INVALID_PARAMS, f"name must be a tool: {', '.join(TOOLS)}")
    if tool.is_acting and caller.role != "admin":
        return build_text(f"forbidden: {tool.name} needs an admin token; this one has the role {caller.role}", is_error=True)
    try:
        found = tool.run(check_arguments(tool.arguments, params.get("arguments")), caller)
    except Exception as error:
        refusal = explain(error)
        if refusal is None:
            raise
        return build_text(f"{refusal.code}: {refusal.message}", is_error=True)
    return build_text(render_result(found, is_ours=tool.is_ours))
