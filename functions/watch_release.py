"""Watches the alarms after an update, as a custom resource: one that fires fails the update, and CloudFormation rolls it back."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from callwatch.exceptions import CallwatchError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.invocation import invocation

POLL_S = 10.0
_ROLLING_BACK = "ROLLBACK"


class ReleaseFailed(CallwatchError):
    """An alarm fired after the update; the text names it."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer CloudFormation. Only an update is watched, and only for the property Minutes."""

    def act() -> Mapping[str, str]:
        given = event["ResourceProperties"]
        minutes = int(given["Minutes"])
        # A rollback sends an update, too. While the alarm still fires, it must not fail.
        if event["RequestType"] != "Update" or not minutes or is_rolling_back(event["StackId"]):
            return {"watched": "0"}
        watch_alarms(given["Alarms"], minutes * 60, time.monotonic)
        return {"watched": str(minutes)}

    return answer_request(event, context, "keep this release", act)


def watch_alarms(names: Sequence[str], duration_s: float, clock: Callable[[], float]) -> None:
    """Wait for the time, looking at the alarms. Raises ReleaseFailed if one begins to fire.

    An alarm that fires already says nothing about this release, which may be its remedy.
    """
    started_at, ends = datetime.now(UTC), clock() + duration_s
    while True:
        found = _make_client("cloudwatch").describe_alarms(AlarmNames=list(names), StateValue="ALARM")["MetricAlarms"]
        fired = [entry["AlarmName"] for entry in found if entry["StateUpdatedTimestamp"] >= started_at]
        if fired:
            raise ReleaseFailed(f"{', '.join(sorted(fired))} fired after the update")
        if clock() >= ends:
            return
        time.sleep(min(POLL_S, max(0.0, ends - clock())))


def is_rolling_back(stack_id: str) -> bool:
    """Whether this update is part of a rollback."""
    (stack,) = _make_client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    return _ROLLING_BACK in stack["StackStatus"]


def _make_client(service: str) -> Any:
    import boto3

    make: Any = boto3.client
    return make(service)


lambda_handler = invocation(handle)
