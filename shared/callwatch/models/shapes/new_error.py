"""The body of POST /api/errors: an error that a client sends. A field that is not declared becomes part of the context."""

from datetime import datetime
from typing import Annotated, Any, Required, TypedDict

from callwatch.models.constraints import About, Text
from callwatch.models.error import Category, Severity

_HEX_ID = Text(pattern="^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


class NewError(TypedDict, total=False):
    """One error; fields that are left out are derived."""

    message: Required[Annotated[str, Text(None, 1, r"\S"), About("Cut to 20,000 characters.")]]
    type: Annotated[str, Text(300, 1)] | None
    stack: str | None
    severity: Severity | None
    category: Category | None
    context: dict[str, Any] | None
    environment: Annotated[str, Text(100, 1)] | None
    release: Annotated[str, Text(200, 1)] | None
    endpoint: Annotated[str, Text(300, 1)] | None
    service: Annotated[str, Text(200, 1)] | None
    user_id: Annotated[Annotated[str, Text(300, 1)] | None, About("Stored only as an HMAC.")]
    occurred_at: datetime | None
    event_id: Annotated[str, _HEX_ID] | None
