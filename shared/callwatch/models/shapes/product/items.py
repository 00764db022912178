"""Single items of the product: GET /api/calls/{id}, GET /api/pipeline/{stage}/items, POST /api/pipeline/{stage}/replay."""

from datetime import datetime
from typing import Annotated, Literal, TypedDict

from callwatch.models.constraints import About, Items, Text
from callwatch.models.error import Category, Severity
from callwatch.models.shapes.actions import ActionReason
from callwatch.models.shapes.unknown import Known

MAX_IDS = 500
StepState = Literal["done", "waiting", "processing", "stuck", "zombie", "dead", "missing", "unknown"]
ReplayState = Literal["due", "sent", "failed", "withdrawn"]
ItemState = Literal[
    "pending",
    "retry",
    "processing",
    "overdue",
    "stuck",
    "zombie",
    "orphan",
    "false_success",
    "unlisted",
    "undated",
    "due",
    "failed",
    "dead",
    "completed_last_hour",
    "arrived_last_hour",
]


class Replay(TypedDict):
    """A request to the product to work on items again. count: of items; state: of its delivery."""

    message_id: str
    at: datetime
    stage: str
    count: int
    actor: str
    reason: str
    state: ReplayState | None
    last_error: str | None


class StageItem(TypedDict):
    """A row behind a count. id: of the item that it is about; row: its own key; at: the time it is ordered by."""

    id: str | None
    row: str | None
    at: datetime | None


class RemedyStatement(TypedDict):
    """The statement that puts all rows of a state back; Callwatch never runs it."""

    statement: str


class StageItemPage(Known):
    """GET /api/pipeline/{stage}/items. count: the same figure as in GET /api/pipeline."""

    stage: str
    state: ItemState
    count: int | None
    items: list[StageItem] | None
    next_cursor: str | None
    remedy: RemedyStatement | None
    replays: list[Replay] | None


class NewReplay(ActionReason):
    """The items of a stage to work on again, by the ids that the list of its items gives."""

    ids: Annotated[list[Annotated[str, Text(64, 1, r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]], Items(1, MAX_IDS)]


class AcceptedReplay(TypedDict):
    """POST /api/pipeline/{stage}/replay: what will be sent to REPLAY_URL, with the webhook-id."""

    message_id: str
    stage: str
    accepted: int
    state: ReplayState


class CallStep(TypedDict):
    """A call in one stage. reason: the class of a failure (quota, rate_limited, auth, timeout, error); skipped, false_success,
    orphan or not_reached; of an unknown state the code, or unlisted: its row is in a state that the stage file does not name.
    """

    stage: str
    state: StepState
    began_at: datetime | None
    ended_at: datetime | None
    attempts: int | None
    reason: str | None


class CallEvent(TypedDict):
    """An event of a call. type: "other" if the stage file does not list it."""

    type: str
    at: datetime | None


class CallError(TypedDict):
    """An error whose context or tags name the call; id: of its group."""

    id: str
    event_id: str
    at: datetime
    type: str | None
    severity: Severity
    category: Category


class Call(Known):
    """GET /api/calls/{id}. cost: in USD."""

    id: str | None
    began_at: datetime | None
    ended_at: datetime | None
    steps: list[CallStep]
    events: list[CallEvent] | None
    errors: list[CallError] | None
    cost: Annotated[float | None, About("In USD.")]
    replays: list[Replay] | None
