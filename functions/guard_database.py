"""Protects the created database from deletion, as the stack's last custom resource.

A stack that fails before it stands deletes its database without a trace. Once protected, the database can only be deleted
after this function made the final snapshot and took the protection back.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from callwatch.exceptions import CallwatchError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.invocation import invocation

POLL_S = 10.0
# The answer of the custom resource needs the rest.
_RESERVED_S = 30.0


class SnapshotUnfinished(CallwatchError):
    """The final snapshot is still being made; the text is the remedy."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer CloudFormation. A deletion with the property FinalSnapshot=yes ends only when the snapshot is complete."""

    def act() -> Mapping[str, str]:
        given = event["ResourceProperties"]
        database = given["Database"]
        if event["RequestType"] != "Delete":
            protect_database(database, True)
            return {"protected": database}
        return release_database(database, given["FinalSnapshot"] == "yes", lambda: _compute_time_left_s(context))

    return answer_request(event, context, "guard the database", act)


def protect_database(database: str, is_protected: bool) -> None:
    """Set or clear the protection from deletion."""
    _make_client().modify_db_instance(DBInstanceIdentifier=database, DeletionProtection=is_protected, ApplyImmediately=True)


def release_database(database: str, has_snapshot: bool, time_left_s: Callable[[], float]) -> dict[str, str]:
    """Make the final snapshot if wanted, then clear the protection; nothing to do for a database that is gone.

    Raises SnapshotUnfinished if the time ends first; the database is protected then.
    """
    if not _is_in_state(database, time_left_s):
        return {}
    snapshot = make_snapshot(database, time_left_s) if has_snapshot else ""
    protect_database(database, False)
    _is_in_state(database, time_left_s)
    return {"snapshot": snapshot}


def make_snapshot(database: str, time_left_s: Callable[[], float]) -> str:
    """Make a snapshot named <database>-final-<UTC time> and wait until it is complete; return its name."""
    rds = _make_client()
    found = rds.describe_db_snapshots(DBInstanceIdentifier=database, SnapshotType="manual")["DBSnapshots"]
    # A deletion that was tried before may have left one that is still being made.
    names = [entry["DBSnapshotIdentifier"] for entry in found if entry["Status"] == "creating"]
    names = [name for name in names if name.startswith(f"{database}-final-")]
    if not names:
        names = [f"{database}-final-{datetime.now(UTC):%Y%m%d%H%M%S}"]
        rds.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier=names[0])
    while True:
        (entry,) = rds.describe_db_snapshots(DBSnapshotIdentifier=names[0])["DBSnapshots"]
        if entry["Status"] == "available":
            return str(names[0])
        if entry["Status"] != "creating" or time_left_s() < POLL_S:
            remedy = "delete the stack again when it is complete"
            raise SnapshotUnfinished(f"the snapshot {names[0]} is {entry['Status']}; the database is kept: {remedy}")
        time.sleep(POLL_S)


def _is_in_state(database: str, time_left_s: Callable[[], float]) -> bool:
    """Wait until the database accepts changes; False if it is gone. Raises SnapshotUnfinished at the end of the time."""
    rds = _make_client()
    while True:
        try:
            (entry,) = rds.describe_db_instances(DBInstanceIdentifier=database)["DBInstances"]
        except rds.exceptions.DBInstanceNotFoundFault:
            return False
        if entry["DBInstanceStatus"] in ("available", "storage-optimization", "stopped"):
            return True
        if time_left_s() < POLL_S:
            raise SnapshotUnfinished(f"the database is {entry['DBInstanceStatus']}; delete the stack again later")
        time.sleep(POLL_S)


def _compute_time_left_s(context: Any) -> float:
    return float(context.get_remaining_time_in_millis()) / 1000 - _RESERVED_S


def _make_client() -> Any:
    import boto3

    make: Any = boto3.client
    return make("rds")


lambda_handler = invocation(handle)
