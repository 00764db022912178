"""Error groups that nobody has seen before: whatever belongs to them is new as well, so that COPY writes it and asks nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.copy import copy_rows
from callwatch.db.query import fetch_all

# As the column itself would take them.
_RESERVE = "SELECT nextval(pg_get_serial_sequence('callwatch.error_groups', 'id')) AS id FROM generate_series(1, %s) ORDER BY id"
_FIELDS = (
    *("project_id", "environment", "fingerprint", "id", "title", "type", "message", "severity", "category", "endpoint", "count"),
    *("users", "sampled", "first_seen_at", "last_seen_at", "first_release", "release"),
)
_FINGERPRINT = ("project_id", "environment", "fingerprint", "group_id")
_RELEASE = ("group_id", "release", "count", "first_seen_at", "last_seen_at")


def reserve_ids(conn: AnyConnection, count: int) -> list[int]:
    """So many ids that no other group will have."""
    return [row["id"] for row in fetch_all(conn, _RESERVE, (count,))] if count else []


def make_groups(conn: AnyConnection, groups: Sequence[Mapping[str, Any]]) -> None:
    """Make groups under ids that were reserved, with all that is counted of them so far. The caller commits.

    Each has the columns of callwatch.error_groups that say what it is and what it counts; user_hashes (a set), tags (a list
    of "key:value"), releases (rows of release, count, first and last seen). No group may be there for their fingerprints,
    and nobody else may make one meanwhile.
    """
    rows = [[len(group["user_hashes"]) if name == "users" else group[name] for name in _FIELDS] for group in groups]
    copy_rows(conn, "error_groups", _FIELDS, rows)
    copy_rows(conn, "error_fingerprints", _FINGERPRINT, [row[: len(_FINGERPRINT)] for row in rows])
    users = [(group["id"], user_hash) for group in groups for user_hash in sorted(group["user_hashes"])]
    copy_rows(conn, "error_group_users", ("group_id", "user_hash"), users)
    copy_rows(conn, "error_group_releases", _RELEASE, [(group["id"], *row) for group in groups for row in group["releases"]])
    tags = [(group["id"], _array(group["tags"])) for group in groups if group["tags"]]
    copy_rows(conn, "error_group_tags", ("group_id", "tags"), tags)


def _array(texts: Sequence[str]) -> str:
    """Texts as PostgreSQL writes an array."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
