"""Gives each occurrence of a batch its group: an existing one, or the id that a new one will have.

Groups are locked while a batch counts. Usually that is after its rows are written, so that batches which share a group write at
the same time (docs/decisions/0160): what was found before is then compared under the locks.
"""

from collections.abc import Mapping, Sequence

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_groups import GroupKey, LockedGroup, find_groups, find_known, lock_creation, lock_groups
from callwatch.db.error_queries.new_groups import reserve_ids
from callwatch.db.error_queries.older_fingerprints import has_older
from callwatch.digest.groups.older import CURRENT, Adopted, adopt_groups, update_fingerprints
from callwatch.digest.message_parser import Occurrence
from callwatch.digest.source_maps import adopt_minified
from callwatch.exceptions import DatabaseUnavailable


class GroupsChanged(Exception):
    """Groups must be locked before the rows are written: another transaction changes them, or old fingerprints are looked up."""


def expect_groups(conn: AnyConnection, unique: Sequence[Occurrence]) -> dict[GroupKey, int]:
    """Give each occurrence its group without a lock, for `lock_expected` to confirm; returns the existing groups.

    Raises GroupsChanged where an unknown fingerprint may lead to a group by another one.
    """
    wanted = {occurrence.group_key for occurrence in unique}
    known = find_known(conn, sorted(wanted))
    new = sorted(wanted - known.keys())
    is_of_today = all(key[2].startswith(CURRENT) for key in new) and not any(o.minified_key for o in unique)
    if new and (not is_of_today or has_older(conn)):
        raise GroupsChanged
    groups = known | dict(zip(new, reserve_ids(conn, len(new)), strict=True))
    for occurrence in unique:
        occurrence.group_id = groups[occurrence.group_key]
    return known


def lock_expected(conn: AnyConnection, unique: Sequence[Occurrence], known: Mapping[GroupKey, int]) -> dict[int, LockedGroup]:
    """Lock the groups of occurrences in the order of `assign_groups`; returns the states of the existing ones.

    known: as `expect_groups` returned it. Raises GroupsChanged if one is gone, leads elsewhere, or was created meanwhile.
    """
    keys = sorted({occurrence.group_key for occurrence in unique})
    expected = {key: known[key] for key in keys if key in known}
    if len(expected) < len(keys):
        lock_creation(conn)
    states = lock_groups(conn, sorted(set(expected.values())))
    if len(states) < len(set(expected.values())) or find_known(conn, keys) != expected:
        raise GroupsChanged
    return states


def assign_groups(conn: AnyConnection, unique: Sequence[Occurrence]) -> tuple[dict[int, LockedGroup], Adopted]:
    """Give each occurrence its group, and lock the groups: two digests at once sample and count one after the other.

    Returns the states of existing groups; an occurrence of a new error gets the id that its group will have.
    """
    aliases: dict[GroupKey, GroupKey] = {}
    # A group may be found while retention deletes it: searched again, it is missing and created again.
    for _attempt in range(3):
        groups, unknown = find_groups(conn, {occurrence.group_key for occurrence in unique})
        renewed = update_fingerprints(unknown, unique)
        if renewed:
            aliases |= renewed
            groups, unknown = find_groups(conn, {occurrence.group_key for occurrence in unique})
        adopted = adopt_groups(conn, unknown, unique)
        adopted.resolved = adopt_minified(conn, [key for key in unknown if key not in adopted.groups], unique)
        groups |= adopted.groups | adopted.resolved
        states = lock_groups(conn, sorted(set(groups.values())))
        if len(states) == len(set(groups.values())):
            break
    else:
        raise DatabaseUnavailable("groups are deleted faster than they are found")
    unknown = [key for key in unknown if key not in groups]
    groups |= zip(unknown, reserve_ids(conn, len(unknown)), strict=True)
    for occurrence in unique:
        occurrence.group_id = groups[occurrence.group_key]
    adopted.aliases = aliases
    return states, adopted
