"""Creates error groups: everything that belongs to a new group is new as well, so COPY writes it without a check."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.copy import copy_rows
from callwatch.db.core.query import execute, fetch_all

# As the column itself would convert them.
_RESERVE = "SELECT nextval(pg_get_serial_sequence('callwatch.error_groups', 'id')) AS id FROM generate_series(1, %s) ORDER BY id"
_FIELDS = (
    *("project_id", "environment", "fingerprint", "id", "title", "type", "message", "severity", "category", "endpoint", "count"),
    *("users", "sampled", "first_seen_at", "last_seen_at", "first_release", "release", "level", "state"),
    "sqlstate",
)
_FINGERPRINT = ("project_id", "environment", "fingerprint", "group_id")
_RELEASE = ("group_id", "release", "count", "first_seen_at", "last_seen_at")


class _IdRow(TypedDict):
    id: int


def reserve_ids(conn: AnyConnection, count: int) -> list[int]:
    """This many ids that no other group will have."""
    return [row["id"] for row in fetch_all(conn, _RESERVE, (count,), _IdRow)] if count else []


def make_groups(conn: AnyConnection, groups: Sequence[Mapping[str, Any]]) -> None:
    """Create groups under reserved ids, with everything that is counted for them so far. The caller commits.

    Each has the columns of callwatch.error_groups that describe and count it; user_hashes (a set), tags (a list of
    "key:value"), words (of letters, digits and underscores), releases (rows of release, count, first and last seen). No group
    may exist for their fingerprints, and no other transaction may create one meanwhile.
    """
    if groups:
        # The words are given: the trigger of the table need not find them.
        execute(conn, "SELECT set_config('callwatch.has_words', 'on', true)")
    rows = [[len(group["user_hashes"]) if name == "users" else group[name] for name in _FIELDS] for group in groups]
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
