"""What people do to error groups: each action changes the group and its history in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute
from callwatch.db.error_queries.error_groups import add_history, lock_groups, set_state
from callwatch.db.error_queries.group_deletions import delete_group
from callwatch.db.error_queries.group_lists import GroupDetailRow, find_group
from callwatch.db.error_queries.group_merges import (
    MAX_MERGED,
    list_fingerprints,
    list_stored_ids,
    merge_groups,
    remove_fingerprint,
    set_owner,
)
from callwatch.exceptions import Conflict, Invalid, NotFound, RequestRefused
from callwatch.models.error import BulkVerb, GroupStatus, GroupVerb
from callwatch.reports.groups.error_groups import load_group_state
from callwatch.reports.groups.group_fields import GroupFields, read_group_fields
from callwatch.scrubbing.scrubber import scrub_text

if TYPE_CHECKING:
    from callwatch.models.shapes.error_groups import GroupResult, GroupResults, GroupState

MAX_GROUPS = 100
_STATES: Mapping[str, GroupStatus] = {"resolve": "resolved", "ignore": "ignored", "reopen": "unresolved"}
_CURRENT = "2:"


def act(conn: AnyConnection, name: str, action: str, given: Any, actor: str, now: datetime) -> GroupState:
    """Resolve, ignore, reopen, merge, unmerge, assign or comment; returns the group, or the one that took it. The caller commits.

    Raises NotFound for an unknown group or action, Invalid for a field that cannot be used, Conflict for a group that changed
    meanwhile.
    """
    if action not in get_args(GroupVerb):
        raise NotFound(f"the action must be one of {', '.join(get_args(GroupVerb))}")
    fields = read_group_fields(given, action, now)
    group_id = _apply(conn, _find(conn, name), name, action, fields, actor)
    return load_group_state(conn, group_id, now)


def act_on_many(conn: AnyConnection, given: Any, actor: str, now: datetime) -> GroupResults:
    """Do the same to many groups: {"ids", "action", ...}; a group on which it fails is left as it was. The caller commits.

    Raises Invalid if the body is wrong for every group.
    """
    action, ids, fields = _read_many(given, now)
    into = [fields.into] if action == "merge" and fields.into else []
    known = [group["id"] for name in (*ids, *into) if (group := find_group(conn, name)) is not None]
    # All at once and in order, as a digest locks them.
    lock_groups(conn, sorted(set(known)))
    results: list[GroupResult] = []
    for name in ids:
        execute(conn, "SAVEPOINT group_action")
        try:
            group = _find(conn, name)
            if action == "delete":
                _delete(conn, group, actor, fields.reason, has_first_part=False)
            else:
                _apply(conn, group, name, action, fields, actor)
        except RequestRefused as error:
            execute(conn, "ROLLBACK TO SAVEPOINT group_action")
            results.append({"id": name, "status": "failed", "error": {"code": error.code, "message": error.message}})
        else:
            execute(conn, "RELEASE SAVEPOINT group_action")
            results.append({"id": name, "status": "done", "error": None})
    done = sum(result["status"] == "done" for result in results)
    return {"results": results, "done": done, "failed": len(results) - done}


def delete(conn: AnyConnection, name: str, actor: str, reason: str | None) -> None:
    """Delete a group with its occurrences for good. The caller commits. Raises NotFound, Conflict."""
    _delete(conn, _find(conn, name), actor, reason, has_first_part=True)


def _find(conn: AnyConnection, name: str) -> GroupDetailRow:
    group = find_group(conn, name)
    if group is None:
        raise NotFound("no error group has this id")
    return group


def _lock(conn: AnyConnection, *ids: int) -> None:
    if len(lock_groups(conn, sorted(ids))) < len(ids):
        raise Conflict("the group has changed meanwhile; reload it")


def _scrub(text: str | None) -> str | None:
    return None if text is None else scrub_text(text)


def _read_many(given: Any, now: datetime) -> tuple[str, list[str], GroupFields]:
    action = given.get("action") if isinstance(given, dict) else None
    if action not in get_args(BulkVerb):
        raise Invalid("action", f"must be one of {', '.join(get_args(BulkVerb))}")
    ids = given.get("ids")
    is_list = isinstance(ids, list) and 1 <= len(ids) <= MAX_GROUPS
    if not is_list or not all(isinstance(name, str) and 0 < len(name) <= 300 for name in ids):
        raise Invalid("ids", f"must be a list of 1 to {MAX_GROUPS} ids of groups, as texts")
    return str(action), list(dict.fromkeys(ids)), read_group_fields(given, str(action), now)


def _apply(conn: AnyConnection, group: GroupDetailRow, name: str, action: str, fields: GroupFields, actor: str) -> int:
    """Lock and change the group; returns the id of the group that there is now."""
    if action == "merge":
        return _merge(conn, group, name, fields, actor)
    _lock(conn, group["id"])
    if action in _STATES:
        _set_state(conn, group, action, fields, actor)
    else:
        _CHANGES[action](conn, group, fields, actor)
    return group["id"]


def _set_state(conn: AnyConnection, group: GroupDetailRow, action: str, fields: GroupFields, actor: str) -> None:
    until, more = (fields.until, fields.more) if action == "ignore" else (None, None)
    release = fields.in_release if action == "resolve" else None
    set_state(conn, group["id"], _STATES[action], release, until, more)
    add_history(conn, [(group["id"], actor, action, _scrub(fields.reason))])


def _merge(conn: AnyConnection, group: GroupDetailRow, name: str, fields: GroupFields, actor: str) -> int:
    target = find_group(conn, fields.into or "")
    if target is None:
        raise Invalid("into", "must be the id or a fingerprint of a group that exists")
    source_id, target_id = group["id"], target["id"]
    if source_id == target_id:
        if name.isdigit() and int(name) != source_id:
            # It was merged before: a repeated request changes nothing.
            return target_id
        raise Invalid("into", "must be another group")
    if (group["project_id"], group["environment"]) != (target["project_id"], target["environment"]):
        raise Invalid("into", "must be a group of the same project and environment")
    _lock(conn, source_id, target_id)
    if len(list_stored_ids(conn, source_id)) + len(list_stored_ids(conn, target_id)) > MAX_MERGED:
        raise Invalid("into", f"has taken {MAX_MERGED} groups, which is the most; merge into another one")
    merge_groups(conn, source_id, target_id)
    details = f"took group {source_id} with {group['count']} occurrences: {group['title']}"
    add_history(conn, [(target_id, actor, "merge", _scrub(fields.reason))], details)
    return target_id


def _unmerge(conn: AnyConnection, group: GroupDetailRow, fields: GroupFields, actor: str) -> None:
    fingerprint, known = fields.fingerprint or "", list_fingerprints(conn, group["id"])
    if fingerprint not in known:
        raise Invalid("fingerprint", "must be one of the group's fingerprints, as GET /api/errors/{id} lists them")
    others = [other for other in known if other != fingerprint]
    if not any(other.startswith(_CURRENT) for other in others):
        # Errors of the first version's fingerprints find their group by them, and would come back to this one.
        raise Invalid("fingerprint", "is the only one of the group; there is nothing to take it out of")
    remove_fingerprint(conn, group["id"], fingerprint, others)
    details = (
        f"later events of {fingerprint} form a group of their own; what was counted and stored until now stays here, because it"
        " is not distinguished by fingerprint"
    )
    add_history(conn, [(group["id"], actor, "unmerge", _scrub(fields.reason))], details)


def _assign(conn: AnyConnection, group: GroupDetailRow, fields: GroupFields, actor: str) -> None:
    set_owner(conn, group["id"], fields.to)
    add_history(conn, [(group["id"], actor, "assign", _scrub(fields.reason))], f"to {fields.to or 'nobody'}")


def _comment(conn: AnyConnection, group: GroupDetailRow, fields: GroupFields, actor: str) -> None:
    add_history(conn, [(group["id"], actor, "comment", _scrub(fields.text))])


_CHANGES: Mapping[str, Callable[[AnyConnection, GroupDetailRow, GroupFields, str], None]] = {
    "unmerge": _unmerge,
    "assign": _assign,
    "comment": _comment,
}


def _delete(conn: AnyConnection, group: GroupDetailRow, actor: str, reason: str | None, has_first_part: bool) -> None:
    _lock(conn, group["id"])
    delete_group(conn, group["id"], list_stored_ids(conn, group["id"]), actor, _scrub(reason), has_first_part)
