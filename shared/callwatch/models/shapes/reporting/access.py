"""Records of access to personal data: what a product sends, and what an auditor reads."""

from datetime import datetime
from typing import Annotated, Required, TypedDict

from callwatch.models.constraints import About, Text
from callwatch.models.shapes.unknown import Known


class NewAccess(TypedDict, total=False):
    """One access to the data of one person. A field that is not declared is ignored."""

    actor: Required[Annotated[str, Text(300, 1), About("Who read it, such as a user's id; kept as an HMAC.")]]
    subject_kind: Required[Annotated[str, Text(50, 1, "^[A-Za-z][A-Za-z0-9_.-]*$"), About("What the subject is, such as lead.")]]
    subject_id: Required[Annotated[str, Text(300, 1)] | int]
    route: Required[Annotated[str, Text(300, 1)]]
    at: datetime | None
    request_id: Annotated[str, Text(100, 1, "^[A-Za-z0-9_.:-]+$"), About("That of the request, which is counted once.")] | None


class AccessFields(TypedDict):
    """What a stored record and a shown one have in common; actor and subject: HMACs."""

    at: datetime
    received_at: datetime
    project_id: int
    actor: str
    subject_kind: str
    subject: str
    route: str
    request_id: str | None


class AccessRecord(AccessFields):
    """One record."""

    id: str


class AccessPage(Known):
    """GET /api/access."""

    items: list[AccessRecord]
    next_cursor: str | None
