"""Error groups: the list, one group, and the result of an action."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypedDict

from callwatch.models.constraints import About
from callwatch.models.shapes.stored import GroupDetailFields, GroupFields, OccurrenceFields
from callwatch.models.shapes.unknown import Known

Level = Literal["debug", "info", "warning", "error", "fatal"]


class ErrorGroup(GroupFields):
    """Occurrences that share a fingerprint; trend: by hour, oldest first.

    sampled_occurrences: how many of `count` were counted without keeping their payload.
    """

    id: str
    users: Annotated[int | None, About("Distinct users; null if no occurrence named one.")]
    trend: list[int]


class ErrorGroupPage(Known):
    """GET /api/errors."""

    items: list[ErrorGroup]
    next_cursor: str | None


class GroupEvent(TypedDict):
    """Who did what to a group, and why; the actor of automatic changes is "callwatch"."""

    at: datetime
    actor: str
    action: str
    reason: str | None
    details: Annotated[str | None, About("What the action meant: the merged group, the owner, the fingerprint.")]


class GroupRelease(TypedDict):
    """A release in which the group occurred."""

    release: str
    count: int
    first_seen_at: datetime
    last_seen_at: datetime


class Occurrence(OccurrenceFields):
    """One captured error, scrubbed. is_sampled: it was counted, and its payload was not kept."""

    is_sampled: bool
    level: Level | None
    logger: str | None
    platform: str | None
    dist: str | None
    frames: Annotated[
        list[Any] | None,
        About(
            "The outermost exception's, the innermost frame last, with source lines around. source_map: applied, with the place"
            " that was sent under minified; or why a source map does not help."
        ),
    ]
    exceptions: Annotated[list[Any] | None, About("The chain of causes, the outermost last: type, value, mechanism, frames.")]
    logentry: Annotated[Any, About("The log line: its template as message, params, and formatted where there is an exception.")]
    stack: Any
    context: Any
    breadcrumbs: list[Any] | None
    tags: Any
    request: Any
    user_hash: str | None
    modules: Any
    debug_meta: Any
    sdk: Any
    scrubbed: list[str] | None
    trimmed: list[str] | None
    sanitized: list[str] | None


class GroupState(GroupDetailFields):
    """A group as an action leaves it."""

    id: str
    users: Annotated[int | None, About("Distinct users; null if no occurrence named one.")]
    trend: list[int]
    history: list[GroupEvent]


class UserFeedback(TypedDict):
    """What a user wrote about an occurrence, scrubbed."""

    id: str
    event_id: str
    at: datetime
    message: str


class ArchiveSpan(TypedDict):
    """UTC days whose occurrences may be only in the archive, the first and the last."""

    first_day: date
    last_day: date


class GroupDetail(GroupState):
    """A group with its latest occurrences, and what users wrote about them."""

    releases: list[GroupRelease]
    tags: list[str]
    fingerprints: Annotated[list[str], About("All that lead to the group; unmerge takes one of them out.")]
    occurrences: list[Occurrence]
    only_archived: Annotated[
        ArchiveSpan | None,
        About("Days of which earlier occurrences are counted here and lie only in the archive; null: there are none."),
    ]
    feedback: list[UserFeedback]


class ErrorGroupState(GroupState, Known):
    """POST /api/errors/{id}/{action}: the group as it is now."""


class ErrorGroupDetail(GroupDetail, Known):
    """GET /api/errors/{id}: includes the latest occurrences."""


class OccurrenceNeighbors(Occurrence):
    """One occurrence, and the ones before and after it in its group."""

    group_id: str
    previous_event_id: str | None
    next_event_id: str | None


class OccurrenceDetail(OccurrenceNeighbors, Known):
    """GET /api/errors/{id}/occurrences/{event_id}."""


class UserErasure(Known):
    """DELETE /api/errors: an erasure that was accepted, and how far it is."""

    id: str
    user_hash: str
    requested_at: Annotated[datetime, About("Errors that are received later are not touched.")]
    actor: str
    reason: str | None
    found: Annotated[
        int | None,
        About(
            "Occurrences that the database had when it was accepted; null if counting took too long. Those that only the archive"
            " has are found while it goes on."
        ),
    ]
    erased: Annotated[int, About("Occurrences erased until now, in the database and in the archive.")]
    finished_at: Annotated[datetime | None, About("Null while the monitor goes on.")]


class GroupFailure(TypedDict):
    """Why an action failed on one group."""

    code: str
    message: str


class GroupResult(TypedDict):
    """What an action did to one group."""

    id: str
    status: Literal["done", "failed"]
    error: GroupFailure | None


class GroupResults(TypedDict):
    """POST /api/errors/bulk: a result for each id, in order; one that failed changed nothing."""

    results: list[GroupResult]
    done: int
    failed: int
