"""Updates groups and counters for new occurrences, in the transaction that stores them, so that both agree."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_counts import Counts, add_counts
from callwatch.db.error_queries.error_groups import (
    MAX_TAGS,
    GroupKey,
    LockedGroup,
    add_history,
    add_releases,
    add_tags,
    add_users,
    touch_groups,
)
from callwatch.db.error_queries.new_groups import NewGroup, make_groups
from callwatch.db.error_queries.releases import find_first_seen, find_spellings
from callwatch.digest.message_parser import Occurrence
from callwatch.grouping.levels import LEVELS, is_quiet
from callwatch.grouping.releases import FirstSeen, is_regression, list_commits, merge_spellings, needs_history
from callwatch.grouping.search_words import list_words
from callwatch.models.error import ErrorSeverity

_ACTOR = "callwatch"
_WITHIN_SECOND = timedelta(microseconds=999_999)
_GROUP_MESSAGE = 2_000
_LEVEL_RANKS = {level: rank for rank, level in enumerate(LEVELS)}
_SEVERITY_RANKS = {severity.value: rank for rank, severity in enumerate(ErrorSeverity)}


def apply_occurrences(
    conn: AnyConnection,
    fresh: Sequence[Occurrence],
    states: Mapping[int, LockedGroup],
    separated: Mapping[GroupKey, int] | None = None,
) -> None:
    """Count new occurrences; states: of their groups, locked; a group without a state must be created. The caller commits.

    separated: groups of an older version that errors belonged to until now, by the keys of these errors; they are no news.
    """
    known: dict[int, list[Occurrence]] = {}
    newcomers: dict[int, list[Occurrence]] = {}
    for occurrence in fresh:
        of_its_kind = known if occurrence.group_id in states else newcomers
        of_its_kind.setdefault(occurrence.group_id, []).append(occurrence)
    _touch(conn, known, states)
    known_before = {found[0].group_id: old for found in newcomers.values() if (old := (separated or {}).get(found[0].group_key))}
    make_groups(conn, [_build_group(group_id, found, group_id in known_before) for group_id, found in newcomers.items()])
    add_history(conn, [(new, _ACTOR, "separated", f"was part of group {old}") for new, old in known_before.items()])
    add_counts(conn, _count(fresh), newcomers)


def _touch(conn: AnyConnection, known: Mapping[int, Sequence[Occurrence]], states: Mapping[int, LockedGroup]) -> None:
    users = add_users(conn, [(o.group_id, user) for found in known.values() for o in found if (user := o.head.get("user_hash"))])
    first_seen = _find_first_seen(conn, known, states)
    rows = [
        _group_row(group_id, found, users.get(group_id, 0), state, first_seen.get(state["project_id"], {}))
        for group_id, found in known.items()
        for state in (states[group_id],)
    ]
    after = touch_groups(conn, rows)
    entries = (_describe_transition(states[group_id], after[group_id], found) for group_id, found in known.items())
    add_history(conn, [entry for entry in entries if entry])
    add_releases(conn, [(group_id, *row) for group_id, found in known.items() for row in _build_releases(found)])
    add_tags(conn, {group_id: tags for group_id, found in known.items() if (tags := _collect_tags(found))})


def _build_group(group_id: int, found: Sequence[Occurrence], is_known: bool) -> NewGroup:
    """The group that these occurrences create; the earliest of them provides its title. is_known: it is no news."""
    first, last = min(found, key=lambda o: o.occurred_at), max(found, key=lambda o: o.occurred_at)
    users = {user for o in found if (user := o.head.get("user_hash"))}
    return {
        "id": group_id,
        "project_id": first.key[1],
        "environment": first.key[2],
        "fingerprint": first.head["fingerprint"],
        "title": first.head["title"],
        **_find_worst(found),
        "state": "unresolved" if is_known else "new",
        "message": first.head["message"][:_GROUP_MESSAGE],
        "category": first.category,
        "type": first.head.get("type"),
        "endpoint": first.head.get("endpoint"),
        "sqlstate": first.head.get("sqlstate"),
        "service": first.head.get("service"),
        "count": len(found),
        "sampled": sum(not o.has_payload for o in found),
        "first_seen_at": first.occurred_at,
        "last_seen_at": last.occurred_at,
        "first_release": first.head.get("release"),
        "release": last.head.get("release") or first.head.get("release"),
        "users": len(users),
        "user_hashes": users,
        "tags": sorted(_collect_tags(found))[:MAX_TAGS],
        "words": list_words(*_list_searched(first)),
        "releases": _build_releases(found),
    }


def _list_searched(first: Occurrence) -> Iterator[list[str]]:
    """The texts of an occurrence by whose words its group is found."""
    head = first.head
    yield [head["message"]]
    yield [str(head[name]) for name in ("type", "endpoint", "service") if head.get(name)]
    yield from (list(map(str, head[name])) for name in ("tags", "places", "causes", "ids") if head.get(name))


def _collect_tags(found: Sequence[Occurrence]) -> set[str]:
    services = {f"service:{service}" for o in found if (service := o.head.get("service"))}
    return services | {tag for o in found for tag in o.head.get("tags", ())}


class _Worst(TypedDict):
    level: str
    severity: str


def _find_worst(found: Sequence[Occurrence]) -> _Worst:
    """The highest level and severity among occurrences."""
    return {
        "level": max((o.level for o in found), key=lambda level: _LEVEL_RANKS.get(level, 0)),
        "severity": max((str(o.head["severity"]) for o in found), key=_SEVERITY_RANKS.__getitem__),
    }


def _group_row(
    group_id: int, found: Sequence[Occurrence], users: int, state: LockedGroup, first_seen: FirstSeen
) -> tuple[Any, ...]:
    worst = _find_worst(found)
    latest = max(found, key=lambda o: o.occurred_at)
    return (
        group_id,
        len(found),
        users,
        sum(not o.has_payload for o in found),
        min(o.occurred_at for o in found),
        latest.occurred_at,
        latest.head.get("release"),
        # What only reports something does not bring an error back.
        any(
            is_regression(state, _find_latest_time(o), o.head.get("release"), first_seen) for o in found if not is_quiet(o.level)
        ),
        worst["level"],
        worst["severity"],
    )


def _find_latest_time(occurrence: Occurrence) -> datetime:
    """When it happened at the latest: a sender that gives whole seconds leaves open when within the second."""
    at = occurrence.occurred_at
    return at if at.microsecond else max(at, min(at + _WITHIN_SECOND, occurrence.received_at))


def _find_first_seen(
    conn: AnyConnection, known: Mapping[int, Sequence[Occurrence]], states: Mapping[int, LockedGroup]
) -> dict[int, FirstSeen]:
    """By project, when releases were first seen whose order their names do not show."""
    wanted: dict[int, set[str]] = {}
    for group_id, found in known.items():
        state = states[group_id]
        fixed_in = state["resolved_in_release"]
        if state["state"] == "resolved" and fixed_in:
            releases = {release for o in found if (release := o.head.get("release")) and needs_history(state, release)}
            if releases:
                wanted.setdefault(state["project_id"], set()).update(releases, [fixed_in])
    return {
        project_id: merge_spellings(
            find_first_seen(conn, project_id, releases), releases, find_spellings(conn, project_id, list_commits(releases))
        )
        for project_id, releases in wanted.items()
    }


def _describe_transition(before: LockedGroup, after: str, found: Sequence[Occurrence]) -> tuple[int, str, str, str | None] | None:
    """The history entry for a change that the occurrences caused by themselves."""
    if before["state"] == after:
        return None
    latest = max(found, key=lambda o: o.occurred_at)
    if after == "regressed":
        release = latest.head.get("release")
        return before["id"], _ACTOR, "regressed", f"came back in {release}" if release else "came back"
    if before["state"] == "ignored":
        is_time = before["ignored_until"] is not None and before["ignored_until"] <= latest.occurred_at
        what = (
            "the time for which the group was ignored is over"
            if is_time
            else "there were more occurrences than were to be ignored"
        )
        return before["id"], _ACTOR, "reopen", what
    return before["id"], _ACTOR, "unresolved", "known for more than a day: no longer new"


def _build_releases(found: Sequence[Occurrence]) -> list[tuple[Any, ...]]:
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


def _count(fresh: Sequence[Occurrence]) -> Counts:
    counts = Counts()
    for o in fresh:
        _day, project_id, environment, _event_id = o.key
        hour, minute = o.hour, o.minute
        counts.by_group[(hour, project_id, environment, o.group_id)] += 1
        if is_quiet(o.level):
            # It is an occurrence of its group, and no error.
            continue
        kind = (project_id, environment, o.head["severity"], o.category)
        counts.hourly[(hour, *kind)] += 1
        counts.by_minute[(minute, *kind)] += 1
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
