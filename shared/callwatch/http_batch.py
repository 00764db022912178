"""Bodies that hold one item or many: each is taken or rejected by itself, whatever stands beside it."""

from collections.abc import Callable, Sequence
from typing import Any

from callwatch.exceptions import Rejected
from callwatch.http import HttpError, Request, Response, unprocessable

MAX_BODY_BYTES = 5 * 1024 * 1024


def project_of(request: Request) -> int:
    """The project of the key; an admin sends to project 1, or names one by `?project=`. Raises HttpError 422."""
    if request.role == "ingest":
        return int(request.actor.removeprefix("project:"))
    raw = request.query.get("project", "1")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise unprocessable("project", "takes the number of a project")
    return int(raw)


def accept_each(
    given: Any, accept: Callable[[Any], dict[str, Any]], most: int, what: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What `accept` makes of each item, and {index, field, message} of those that it rejects.

    given: one item, or a list of 1 to `most`; what: an item's name. Raises HttpError 422 for a list of another length.
    """
    items = given if isinstance(given, list) else [given]
    if not 1 <= len(items) <= most:
        raise unprocessable("body", f"takes one {what} or a list of 1 to {most}")
    taken, rejected = [], []
    for index, item in enumerate(items):
        try:
            taken.append(accept(item))
        except Rejected as refusal:
            rejected.append({"index": index, "field": refusal.field, "message": str(refusal)})
    return taken, rejected


def batch_answer(ids: Sequence[str], rejected: Sequence[dict[str, Any]]) -> Response:
    """202 with the ids of what was taken. Raises HttpError 422, with the same beside it, where every item was rejected."""
    found = {"accepted": len(ids), "ids": list(ids), "rejected": list(rejected)}
    if ids:
        return Response(202, found)
    first = rejected[0]
    what = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    raise HttpError(422, "all_rejected", f"every item was rejected, the first for this: {what}", beside=found)
