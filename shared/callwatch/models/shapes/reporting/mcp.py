"""Messages of the Model Context Protocol, which is JSON-RPC 2.0."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from callwatch.models.constraints import Text


class McpMessage(TypedDict):
    """A request, or without an id a notification. Methods: initialize, ping, tools/list, tools/call, notifications/…"""

    jsonrpc: Literal["2.0"]
    method: Annotated[str, Text(200, 1)]
    id: NotRequired[Annotated[str, Text(200)] | int]
    params: NotRequired[dict[str, Any]]


class McpError(TypedDict):
    """Why a message was not served; code: of JSON-RPC."""

    code: int
    message: str
    data: NotRequired[Any]


class McpResponse(TypedDict):
    """The response to a request: a result or an error. id: null if the request could not be read."""

    jsonrpc: Literal["2.0"]
    id: str | int | None
    result: NotRequired[dict[str, Any]]
    error: NotRequired[McpError]
