"""Bodies that hold one item or many: each item is accepted or rejected on its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from callwatch.api.http import Request
from callwatch.exceptions import AllRejected, Forbidden, Invalid, Rejected

if TYPE_CHECKING:
    from callwatch.models.shapes.ingest import Accepted, RejectedItem

Item = TypeVar("Item")
MAX_BODY_BYTES = 5 * 1024 * 1024


def find_project(request: Request, known: Collection[int]) -> int:
    """The project that a request sends to: that of its key. An admin may name one with `?project=`; the default is project 1.

    known: the configured projects. Raises Invalid for an unknown project, Forbidden for a project of another key.
    """
    own = int(request.actor.removeprefix("project:")) if request.role == "ingest" else None
    raw = request.query.get("project")
    if raw is None:
        return 1 if own is None else own
    # int() also accepts non-ASCII digits, signs, blanks and underscores.
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise Invalid("project", "must be the number of a project, such as 1")
    project_id = int(raw)
    if own is not None and project_id != own:
        raise Forbidden(f"project: this key sends to project {own} only; leave the parameter out")
    if own is None and project_id not in known:
        numbers = ", ".join(map(str, sorted(known))) or "none is configured"
        raise Invalid("project", f"must be the number of a project in INGEST_KEYS ({numbers})")
    return project_id


def accept_each(given: Any, accept: Callable[[Any], Item], most: int, what: str) -> tuple[list[Item], list[RejectedItem]]:
    """The results of `accept` for each item, and which items were rejected and why.

    given: one item, or a list of 1 to `most`; what: the name of an item. Raises Invalid for a list of another length.
    """
    items = given if isinstance(given, list) else [given]
    if not 1 <= len(items) <= most:
        raise Invalid("body", f"must be one {what} or a list of 1 to {most}")
    taken: list[Item] = []
    rejected: list[RejectedItem] = []
    for index, item in enumerate(items):
        try:
            taken.append(accept(item))
        except Rejected as refusal:
            rejected.append({"index": index, "field": refusal.field, "message": str(refusal)})
    return taken, rejected


def build_batch_response(ids: Sequence[str], rejected: Sequence[RejectedItem]) -> Accepted:
    """The ids of the accepted items, and the rejected ones. Raises AllRejected, with the same fields, if none was accepted."""
    found: Accepted = {"accepted": len(ids), "ids": list(ids), "rejected": list(rejected)}
    if ids:
        return found
    first = rejected[0]
    what = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    raise AllRejected(f"every item was rejected, the first because: {what}", extra=found)
