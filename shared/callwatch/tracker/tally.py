"""What new occurrences mean for groups and counters; in the transaction that stores them, so that both agree."""

from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.db.connect import AnyConnection
from callwatch.db.error_counts import Counts, add_counts
from callwatch.db.error_groups import add_history, add_releases, add_tags, add_users, touch_groups
from callwatch.tracker.read import Occurrence
from callwatch.tracker.release import is_regression

_ACTOR = "callwatch"


def tally(conn: AnyConnection, fresh: Sequence[Occurrence], states: Mapping[int, Mapping[str, Any]]) -> None:
    """Count occurrences that are new; states: of their groups, locked. The caller commits."""
    touched: dict[int, list[Occurrence]] = {}
    for occurrence in fresh:
        touched.setdefault(occurrence.group_id, []).append(occurrence)
    users = add_users(conn, [(o.group_id, user) for o in fresh if (user := o.head.get("user_hash"))])
    rows = [_group_row(group_id, found, users.get(group_id, 0), states[group_id]) for group_id, found in touched.items()]
    after = touch_groups(conn, rows)
    for group_id, found in touched.items():
        _note_transition(conn, states[group_id], after[group_id], found)
    add_releases(conn, _releases(touched))
    add_tags(
        conn,
        {
            group_id: tags
            for group_id, found in touched.items()
            if (tags := {tag for o in found for tag in o.head.get("tags", ())})
        },
    )
    add_counts(conn, _counts(fresh))


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


def _note_transition(conn: AnyConnection, before: Mapping[str, Any], after: str, found: Sequence[Occurrence]) -> None:
    """Keep in the history what the occurrences changed by themselves."""
    if before["state"] == after:
        return
    latest = max(found, key=lambda o: o.occurred_at)
    if after == "regressed":
        release = latest.head.get("release")
        reason = f"came back in {release}" if release else "came back"
        add_history(conn, before["id"], _ACTOR, "regressed", reason)
    elif before["state"] == "ignored":
        is_time = before["ignored_until"] is not None and before["ignored_until"] <= latest.occurred_at
        what = "the time for which it was ignored is over" if is_time else "more occurrences came than were to be ignored"
        add_history(conn, before["id"], _ACTOR, "reopen", what)
    else:
        add_history(conn, before["id"], _ACTOR, "unresolved", "seen for more than a day: new no longer")


def _releases(touched: Mapping[int, Sequence[Occurrence]]) -> list[tuple[Any, ...]]:
    spans: dict[tuple[int, str], list[Any]] = {}
    for group_id, found in touched.items():
        for occurrence in found:
            release = occurrence.head.get("release")
            if release:
                span = spans.setdefault((group_id, release), [0, occurrence.occurred_at, occurrence.occurred_at])
                span[0] += 1
                span[1] = min(span[1], occurrence.occurred_at)
                span[2] = max(span[2], occurrence.occurred_at)
    return [(*key, *span) for key, span in spans.items()]


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
