"""JSON-RPC 2.0 messages: what a body holds, and how results and errors are written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callwatch.api.filters import is_storable
from callwatch.api.http import Request
from callwatch.exceptions import TooLarge, Unreadable
from callwatch.models.constraints import find_max_chars
from callwatch.models.shapes.reporting.mcp import McpMessage

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.mcp import McpError, McpResponse

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
# Of the protocol itself, since its version 2026-07-28; `data.supported` lists the versions.
UNSUPPORTED_VERSION = -32022
# A call of a tool takes about 1 KB.
MAX_BODY_BYTES = 256 * 1024
MAX_MESSAGES = 20
_MAX_ID_CHARS = 200
_MAX_CHARS = find_max_chars(McpMessage)


class RpcError(Exception):
    """A message that is not served, as JSON-RPC reports it. message_id: None if the message could not be read."""

    def __init__(self, code: int, message: str, message_id: str | int | None = None, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message_id = message_id
        self.data = data


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or a notification, which has no id. method: None for a response of the client, which is ignored."""

    id: str | int | None
    method: str | None
    params: Mapping[str, Any]


def read_messages(request: Request) -> list[Any] | Any:
    """Return the message in a body, or the list of a batch. Raises RpcError, TooLarge, UnsupportedType."""
    if len(request.body) > MAX_BODY_BYTES:
        raise TooLarge(f"the body is larger than {MAX_BODY_BYTES // 1024} KiB")
    try:
        given = request.read_json()
    except Unreadable as error:
        raise RpcError(PARSE_ERROR, error.message) from None
    if isinstance(given, list) and not 1 <= len(given) <= MAX_MESSAGES:
        raise RpcError(INVALID_REQUEST, f"a batch must have 1 to {MAX_MESSAGES} messages")
    return given


def parse_message(given: Any) -> Message:
    """Check one message. Raises RpcError."""
    if not isinstance(given, dict) or given.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'a message must be an object with "jsonrpc": "2.0"')
    message_id = _parse_id(given)
    method = given.get("method")
    if method is None and message_id is not None and ("result" in given or "error" in given):
        return Message(message_id, None, {})
    if not isinstance(method, str) or not 1 <= len(method) <= _MAX_CHARS["method"]:
        raise RpcError(INVALID_REQUEST, "method must be a text of at most 200 characters", message_id)
    params = given.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(INVALID_REQUEST, "params must be an object", message_id)
    return Message(message_id, method, params)


def _parse_id(given: Mapping[str, Any]) -> str | int | None:
    """Return the id; None for a notification. MCP allows no null."""
    if "id" not in given:
        return None
    value = given["id"]
    if isinstance(value, str) and len(value) <= _MAX_ID_CHARS and is_storable(value):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value == int(value):
        return int(value)
    raise RpcError(INVALID_REQUEST, f"id must be a whole number or a text of at most {_MAX_ID_CHARS} characters")


def build_result(message_id: str | int, result: dict[str, Any]) -> McpResponse:
    """Build the response with a result."""
    return {"jsonrpc": "2.0", "id": message_id, "result": result}


def build_rpc_error(error: RpcError) -> McpResponse:
    """Build the response that reports an error."""
    found: McpError = {"code": error.code, "message": str(error)}
    if error.data is not None:
        found["data"] = error.data
    return {"jsonrpc": "2.0", "id": error.message_id, "error": found}


def build_text(text: str, *, is_error: bool = False) -> dict[str, Any]:
    """Build the result of a tool: one text."""
    return {"content": [{"type": "text", "text": text}], "isError": is_error}
