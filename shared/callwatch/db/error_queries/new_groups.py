"""Creates error groups: everything that belongs to a new group is new as well, so COPY writes it without a check."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import copy_rows
from callwatch.db.core.query import execute, fetch_all
from callwatch.models.error import GroupStatus

# As the column itself would convert them.
_RESERVE = "SELECT nextval(pg_get_serial_sequence('callwatch.error_groups', 'id')) AS id FROM generate_series(1, %s) ORDER BY id"
_FIELDS = (
    *("project_id", "environment", "fingerprint", "id", "title", "type", "message", "severity", "category", "endpoint", "count"),
    *("users", "sampled", "first_seen_at", "last_seen_at", "first_release", "release", "level", "state"),
    "sqlstate",
    "service",
)
_pick_fields = itemgetter(*_FIELDS)
_FINGERPRINT = ("project_id", "environment", "fingerprint", "group_id")
_RELEASE = ("group_id", "release", "count", "first_seen_at", "last_seen_at")


class _IdRow(TypedDict):
    id: int


class NewGroup(TypedDict):
    """A group with what is counted for it. sampled: occurrences without a payload; level, severity: the highest of them.

    tags: "key:value"; words: of letters, digits and underscores; releases: rows of release, count, first and last seen.
    """

    id: int
    project_id: int
    environment: str
    fingerprint: str
    title: str
    type: str | None
    message: str
    severity: str
    level: str
    category: str
    endpoint: str | None
    sqlstate: str | None
    service: str | None
    state: GroupStatus
    count: int
    sampled: int
    first_seen_at: datetime
    last_seen_at: datetime
    first_release: str | None
    release: str | None
    users: int
    user_hashes: set[str]
    tags: Sequence[str]
    words: Sequence[str]
    releases: Sequence[tuple[str, int, datetime, datetime]]


def reserve_ids(conn: AnyConnection, count: int) -> list[int]:
    """This many ids that no other group will have."""
    return [row["id"] for row in fetch_all(conn, _RESERVE, (count,), _IdRow)] if count else []


def make_groups(conn: AnyConnection, groups: Sequence[NewGroup]) -> None:
    """Create groups under reserved ids, with everything that is counted for them so far. The caller commits.

    No group may exist for their fingerprints, and no other transaction may create one meanwhile.
    """
    if groups:
        # The words are given: the trigger of the table need not find them.
        execute(conn, "SELECT set_config('callwatch.has_words', 'on', true)")
    rows = [_pick_fields(group) for group in groups]
    copy_rows(conn, "error_groups", _FIELDS, rows)
    copy_rows(conn, "error_fingerprints", _FINGERPRINT, [row[: len(_FINGERPRINT)] for row in rows])
    users = [(group["id"], user_hash) for group in groups for user_hash in sorted(group["user_hashes"])]
    copy_rows(conn, "error_group_users", ("group_id", "user_hash"), users)
    copy_rows(conn, "error_group_releases", _RELEASE, [(group["id"], *row) for group in groups for row in group["releases"]])
    tags = [(group["id"], _format_array(group["tags"])) for group in groups if group["tags"]]
    copy_rows(conn, "error_group_tags", ("group_id", "tags"), tags)
    words = [(group["id"], "'" + "' '".join(group["words"]) + "'" if group["words"] else "") for group in groups]
    copy_rows(conn, "error_group_words", ("group_id", "words"), words)


def _format_array(texts: Sequence[str]) -> str:
    """Texts in PostgreSQL's array syntax."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
