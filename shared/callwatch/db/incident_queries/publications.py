"""What people published of incidents: one publication per incident, with its updates."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all, fetch_one
from callwatch.models.public_status import PublicationState, PublicImpact

MAX_UPDATES = 100
_COLUMNS = "id, incident_id, title, impact, components, status, created_at, updated_at, resolved_at"
_SAVE = f"""
    INSERT INTO callwatch.publications AS known
        (incident_id, title, impact, components, status, created_at, updated_at, resolved_at)
    VALUES (%(incident_id)s, %(title)s, %(impact)s, %(components)s, %(status)s, %(at)s, %(at)s, %(resolved_at)s)
    ON CONFLICT (incident_id) DO UPDATE SET title = EXCLUDED.title, impact = EXCLUDED.impact,
        components = EXCLUDED.components, status = EXCLUDED.status, updated_at = EXCLUDED.updated_at,
        resolved_at = EXCLUDED.resolved_at
    RETURNING {_COLUMNS}
"""
_ADD_UPDATE = """
    INSERT INTO callwatch.publication_updates (publication_id, at, status, body, actor)
    VALUES (%(id)s, %(at)s, %(status)s, %(body)s, %(actor)s)
"""
_OF_INCIDENT = f"SELECT {_COLUMNS} FROM callwatch.publications WHERE incident_id = %s"
_COUNT_UPDATES = """
    SELECT count(*) AS found FROM callwatch.publication_updates JOIN callwatch.publications AS of ON of.id = publication_id
    WHERE of.incident_id = %s
"""
# Open ones stay on the page, however old they are.
_SHOWN = f"""
    SELECT {_COLUMNS} FROM callwatch.publications WHERE resolved_at IS NULL OR created_at >= %(since)s
    ORDER BY resolved_at IS NULL DESC, created_at DESC, id DESC LIMIT %(limit)s
"""
_UPDATES = """
    SELECT publication_id, id, at, status, body FROM (
        SELECT *, row_number() OVER (PARTITION BY publication_id ORDER BY id DESC) AS place
        FROM callwatch.publication_updates WHERE publication_id = ANY (%s)
    ) AS placed WHERE place <= %s ORDER BY publication_id, place
"""


class PublicationRow(TypedDict):
    """A published incident. components: ids of the page's components."""

    id: int
    incident_id: int
    title: str
    impact: PublicImpact
    components: list[str]
    status: PublicationState
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None


class Words(TypedDict):
    """What a person publishes: the state of the publication from now on, and the text of the update."""

    title: str
    impact: PublicImpact
    components: list[str]
    status: PublicationState
    body: str


class UpdateRow(TypedDict):
    """One published update."""

    publication_id: int
    id: int
    at: datetime
    status: PublicationState
    body: str


class _Count(TypedDict):
    found: int


def add_update(conn: AnyConnection, incident_id: int, words: Words, at: datetime, actor: str) -> None:
    """Publish an incident, or add an update to what is published of it. The caller commits."""
    resolved_at = at if words["status"] == "resolved" else None
    given = {**words, "incident_id": incident_id, "at": at, "resolved_at": resolved_at, "actor": actor}
    saved = fetch_one(conn, _SAVE, given, PublicationRow)
    assert saved is not None
    execute(conn, _ADD_UPDATE, {**given, "id": saved["id"]})


def get_publication(conn: AnyConnection, incident_id: int) -> PublicationRow | None:
    """What is published of an incident; None if nobody published it."""
    return fetch_one(conn, _OF_INCIDENT, (incident_id,), PublicationRow)


def count_updates(conn: AnyConnection, incident_id: int) -> int:
    """How many updates an incident has."""
    found = fetch_one(conn, _COUNT_UPDATES, (incident_id,), _Count)
    return found["found"] if found else 0


def list_publications(conn: AnyConnection, since: datetime, limit: int) -> list[PublicationRow]:
    """Those that are open or began since a time: the open ones first, then the newest."""
    return fetch_all(conn, _SHOWN, {"since": since, "limit": limit}, PublicationRow)


def list_updates(conn: AnyConnection, ids: Sequence[int]) -> dict[int, list[UpdateRow]]:
    """The updates of publications by their ids, newest first."""
    found = defaultdict[int, list[UpdateRow]](list)
    for row in fetch_all(conn, _UPDATES, (list(ids), MAX_UPDATES), UpdateRow):
        found[row["publication_id"]].append(row)
    return found
