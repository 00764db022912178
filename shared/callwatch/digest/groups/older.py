"""Keeps the groups of an older grouping version, so that an upgrade makes no known error new.

A group is found by any of its fingerprints. An error whose fingerprint is unknown is looked up again under its fingerprint of
the other version: an event of today under the first version's, a message that waited in the queue during the upgrade under
today's. The fingerprint then leads to the same group from now on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_groups import GroupKey, find_known
from callwatch.db.error_queries.older_fingerprints import has_older, is_separating, list_claimed
from callwatch.digest.message_parser import Occurrence
from callwatch.grouping import fingerprint
from callwatch.grouping.version_1 import fingerprint as fingerprint_v1

CURRENT = f"{fingerprint.VERSION}:"


@dataclass(slots=True)
class Adopted:
    """What unknown fingerprints lead to.

    groups: existing groups. separated: errors that belonged to a group of an older version together with others; they get a
    group of their own, which is no news. aliases: a further fingerprint of a group that is about to be created. resolved: groups
    that fingerprints of resolved stacks take over.
    """

    groups: dict[GroupKey, int] = field(default_factory=dict)
    separated: dict[GroupKey, int] = field(default_factory=dict)
    aliases: dict[GroupKey, GroupKey] = field(default_factory=dict)
    resolved: dict[GroupKey, int] = field(default_factory=dict)


def update_fingerprints(unknown: Sequence[GroupKey], occurrences: Sequence[Occurrence]) -> dict[GroupKey, GroupKey]:
    """Give occurrences that an older version grouped, and whose group is unknown, their fingerprint of today.

    Returns the new key by the old one.
    """
    outdated = {key for key in unknown if not key[2].startswith(CURRENT)}
    renewed: dict[GroupKey, GroupKey] = {}
    for occurrence in occurrences if outdated else ():
        key = occurrence.group_key
        if key not in outdated:
            continue
        current = _compute(occurrence, fingerprint.compute_fingerprint)
        if current:
            occurrence.head = {**occurrence.head, "fingerprint": current}
            renewed[key] = occurrence.group_key
    return renewed


def adopt_groups(conn: AnyConnection, unknown: Sequence[GroupKey], occurrences: Sequence[Occurrence]) -> Adopted:
    """Find the groups of an older version that unknown fingerprints belong to. The caller holds the lock of creators."""
    adopted = Adopted()
    if not unknown or not has_older(conn):
        return adopted
    wanted = set(unknown)
    older: dict[GroupKey, GroupKey] = {}
    for occurrence in occurrences:
        key = occurrence.group_key
        if key in wanted and key not in older:
            found = _compute(occurrence, fingerprint_v1.compute_fingerprint)
            if found:
                older[key] = (key[0], key[1], found)
    known = find_known(conn, sorted(set(older.values())))
    claimed = list_claimed(conn, set(known.values()))
    is_quiet = bool(claimed) and is_separating(conn)
    for key in sorted(older):
        group_id = known.get(older[key])
        if group_id is None:
            continue
        if group_id not in claimed:
            # The first one takes the group; what else the older version put into it is another error.
            adopted.groups[key] = group_id
            claimed.add(group_id)
            is_quiet = is_quiet or is_separating(conn)
        elif is_quiet:
            adopted.separated[key] = group_id
    return adopted


def _compute(occurrence: Occurrence, compute: Any) -> str | None:
    """The fingerprint by some version of the rules; None for an event that these rules cannot read."""
    try:
        event: Mapping[str, object] = json.loads(occurrence.event_text)
        return str(compute(dict(event)))
    except Exception:
        return None
