"""What new occurrences mean for groups and counters; in the transaction that stores them, so that both agree."""

from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.error_counts import Counts, add_counts
from callwatch.db.error_groups import MOST_TAGS, add_history, add_releases, add_tags, add_users, touch_groups
from callwatch.db.new_groups import make_groups
from callwatch.tracker.read import Occurrence
from callwatch.tracker.release import is_regression

_ACTOR = "callwatch"
_GROUP_MESSAGE = 2_000


def tally(conn: AnyConnection, fresh: Sequence[Occurrence], states: Mapping[int, Mapping[str, Any]]) -> None:
    """Count occurrences that are new; states: of their groups, locked; a group without one is to be made. The caller commits."""
    known: dict[int, list[Occurrence]] = {}
    newcomers: dict[int, list[Occurrence]] = {}
    for occurrence in fresh:
        of_its_kind = known if occurrence.group_id in states else newcomers
        of_its_kind.setdefault(occurrence.group_id, []).append(occurrence)
    _touch(conn, known, states)
    make_groups(conn, [_new_group(group_id, found) for group_id, found in newcomers.items()])
    add_counts(conn, _counts(fresh), newcomers)


def _touch(conn: AnyConnection, known: Mapping[int, Sequence[Occurrence]], states: Mapping[int, Mapping[str, Any]]) -> None:
    users = add_users(conn, [(o.group_id, user) for found in known.values() for o in found if (user := o.head.get("user_hash"))])
    rows = [_group_row(group_id, found, users.get(group_id, 0), states[group_id]) for group_id, found in known.items()]
    after = touch_groups(conn, rows)
    entries = (_transition(states[group_id], after[group_id], found) for group_id, found in known.items())
    add_history(conn, [entry for entry in entries if entry])
    add_releases(conn, [(group_id, *row) for group_id, found in known.items() for row in _releases(found)])
    add_tags(conn, {group_id: tags for group_id, found in known.items() if (tags := _tags(found))})


def _new_group(group_id: int, found: Sequence[Occurrence]) -> dict[str, Any]:
    """The group that these occurrences are the first of; the earliest of them says what it is called."""
    first, last = min(found, key=lambda o: o.occurred_at), max(found, key=lambda o: o.occurred_at)
    return {
        "id": group_id,
        "project_id": first.key[1],
        "environment": first.key[2],
        **{name: first.head[name] for name in ("fingerprint", "title", "severity")},
        "message": first.head["message"][:_GROUP_MESSAGE],
        "category": first.category,
        **{name: first.head.get(name) for name in ("type", "endpoint")},
        "count": len(found),
        "sampled": sum(not o.has_payload for o in found),
        "first_seen_at": first.occurred_at,
        "last_seen_at": last.occurred_at,
        "first_release": first.head.get("release"),
        "release": last.head.get("release") or first.head.get("release"),
        "user_hashes": {user for o in found if (user := o.head.get("user_hash"))},
        "tags": sorted(_tags(found))[:MOST_TAGS],
        "releases": _releases(found),
    }


def _tags(found: Sequence[Occurrence]) -> set[str]:
    return {tag for o in found for tag in o.head.get("tags", ())}


def _group_row(group_id: int, found: Sequence[Occurrence], users: int, state: Mapping[str, Any]) -> tuple[Any, ...]:
    latest = max(found, key=lambda o: o.occurred_at)
    return (
        group_id,
        len(found),
        users,
        sum(not o.has_payload for o in found),
        min(o.occurred_at for o in found),
        latest.occurred_at,
        latest.head.get("release"),
        any(is_regression(state, o.occurred_at, o.head.get("release")) for o in found),
    )


def _transition(before: Mapping[str, Any], after: str, found: Sequence[Occurrence]) -> tuple[int, str, str, str | None] | None:
    """What the history keeps of that which the occurrences changed by themselves."""
    if before["state"] == after:
        return None
    latest = max(found, key=lambda o: o.occurred_at)
    if after == "regressed":
        release = latest.head.get("release")
        return before["id"], _ACTOR, "regressed", f"came back in {release}" if release else "came back"
    if before["state"] == "ignored":
        is_time = before["ignored_until"] is not None and before["ignored_until"] <= latest.occurred_at
        what = "the time for which it was ignored is over" if is_time else "more occurrences came than were to be ignored"
        return before["id"], _ACTOR, "reopen", what
    return before["id"], _ACTOR, "unresolved", "seen for more than a day: new no longer"


def _releases(found: Sequence[Occurrence]) -> list[tuple[Any, ...]]:
    """Rows release, count, first and last seen."""
    spans: dict[str, list[Any]] = {}
    for occurrence in found:
        release = occurrence.head.get("release")
        if release:
            span = spans.setdefault(release, [0, occurrence.occurred_at, occurrence.occurred_at])
            span[0] += 1
            span[1] = min(span[1], occurrence.occurred_at)
            span[2] = max(span[2], occurrence.occurred_at)
    return [(release, *span) for release, span in spans.items()]


def _counts(fresh: Sequence[Occurrence]) -> Counts:
    counts = Counts()
    for o in fresh:
        _day, project_id, environment, _event_id = o.key
        hour, minute = o.hour, o.minute
        kind = (project_id, environment, o.head["severity"], o.category)
        counts.hourly[(hour, *kind)] += 1
        counts.by_minute[(minute, *kind)] += 1
        counts.by_group[(hour, project_id, environment, o.group_id)] += 1
        counts.by_group_minute[(minute, project_id, environment, o.group_id)] += 1
        sqlstate = o.head.get("sqlstate")
        if sqlstate:
            counts.by_sqlstate[(minute, project_id, environment, sqlstate)] += 1
        endpoint = o.head.get("endpoint")
        if endpoint:
            entry = counts.by_endpoint.setdefault((hour, project_id, environment, endpoint), [0, o.occurred_at, ""])
            entry[0] += 1
            if o.occurred_at >= entry[1]:
                entry[1], entry[2] = o.occurred_at, o.head["message"][:500]
    return counts
