"""Responses to what clients send, every error, and GET /api/ingest."""

from datetime import datetime
from typing import Annotated, TypedDict

from callwatch.models.constraints import About
from callwatch.models.shapes.unknown import Known

Reasons = dict[str, int]


class RejectedItem(TypedDict):
    """An item that was not accepted: its index, the field, and the remedy."""

    index: int
    field: str
    message: str


class Accepted(TypedDict):
    """The accepted and the rejected items."""

    accepted: int
    ids: list[str]
    rejected: list[RejectedItem]


class ErrorBody(TypedDict):
    """What went wrong, for programs and for people."""

    code: str
    message: str
    request_id: str


class AllRejected(Accepted):
    """No item was accepted: why, with the fields of a successful response."""

    error: ErrorBody


class GatewayAnswer(TypedDict):
    """Every error that API Gateway itself returns."""

    message: str


class ErrorAnswer(TypedDict):
    """Every error that Callwatch returns."""

    error: ErrorBody


class RejectedKind(TypedDict):
    """Items of an envelope that were not accepted: their type, how many, and why."""

    type: str
    count: int
    message: str


class CrashesAccepted(TypedDict):
    """The response to the lines of a log: how many crashes became errors, and how many were too many for one request."""

    accepted: int
    rejected: int


class CheckInAccepted(TypedDict, total=False):
    """The response to a check-in in Sentry's form. id: of its run. problems: unusable parts of its monitor_config."""

    id: str
    problems: list[str]


class EnvelopeAccepted(TypedDict, total=False):
    """The response to a Sentry envelope; id: of its event, if it has one. rejected: if there are any."""

    id: str
    rejected: list[RejectedKind]


class IngestCount(TypedDict):
    """What became of the items of one data category that one SDK sent to a project."""

    project: int
    sdk: Annotated[
        str, About("name/version; `api`: POST /api/errors and /api/requests, `callwatch`: the tracker, `other`: above the limit.")
    ]
    category: str
    accepted: int
    refused: Annotated[Reasons, About("Items that were not kept, by reason.")]
    cut: Annotated[int, About("Accepted items of which a part was left out.")]
    client_discarded: Annotated[Reasons, About("What the client itself reports that it never sent, by reason.")]


class IngestPage(Known):
    """Counts since the start of an hour; refused_requests: requests without a valid key or above a limit, of all projects."""

    timestamp: datetime
    since: datetime
    items: list[IngestCount]
    next_cursor: str | None
    refused_requests: Reasons
