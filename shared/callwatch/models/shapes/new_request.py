"""The body of POST /api/requests: a finished request of the product. A field that is not declared is ignored."""

from datetime import datetime
from typing import Annotated, Literal, Required, TypedDict
from uuid import UUID

from callwatch.models.constraints import Number, Text

HttpMethod = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]


class NewRequest(TypedDict, total=False):
    """One finished request of the product."""

    method: Required[HttpMethod]
    route: Required[Annotated[str, Text(300, 1)]]
    status_code: Required[Annotated[int, Number(100, 599)]]
    response_time_ms: Required[Annotated[float, Number(0, 86_400_000)]]
    at: datetime | None
    environment: Annotated[str, Text(100, 1)] | None
    release: Annotated[str, Text(200, 1)] | None
    request_id: UUID | None
