"""Where the errors of groups happen: their project and environment."""

from collections.abc import Sequence
from typing import TypedDict

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import fetch_all

_PLACES = "SELECT id, project_id, environment FROM callwatch.error_groups WHERE id = ANY (%s)"


class GroupPlace(TypedDict):
    """The project and the environment of a group."""

    id: int
    project_id: int
    environment: str


def list_group_places(conn: AnyConnection, group_ids: Sequence[int]) -> list[GroupPlace]:
    """The places of those groups that exist."""
    return fetch_all(conn, _PLACES, (list(group_ids),), GroupPlace)
