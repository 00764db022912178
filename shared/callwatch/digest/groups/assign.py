"""Gives each occurrence of a batch its group: an existing one, or the id that a new one will have."""

from collections.abc import Sequence

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_groups import GroupKey, LockedGroup, find_groups, lock_groups
from callwatch.db.error_queries.new_groups import reserve_ids
from callwatch.digest.groups.older import Adopted, adopt_groups, update_fingerprints
from callwatch.digest.message_parser import Occurrence
from callwatch.digest.source_maps import adopt_minified
from callwatch.exceptions import DatabaseUnavailable


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
