"""Answers CloudFormation for a custom resource: exactly once, at once on a failure, and before Lambda ends the function.

It needs no compiled package, so that a function can answer that the layer of packages was built for another processor.
"""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from callwatch.exceptions import CallwatchError
from callwatch.runtime.log import logger

_ANSWER_TIMEOUT_S = 10
_ANSWER_PAUSES_S = (0.1, 0.4, 1.0, 2.0)
# Enough for the answer itself, with its retries.
_RESERVED_S = 12.0
# CloudFormation refuses an answer of more than 4 KB.
_MAX_REASON = 1_000

Act = Callable[[], Mapping[str, str]]


def answer_request(event: Mapping[str, Any], context: Any, purpose: str, act: Act, name: str = "") -> dict[str, Any]:
    """Run `act` and send its result to the request's ResponseURL: {"Status": "SUCCESS", "Data": {...}} or a reason.

    purpose: completes "cannot ...", such as "publish the page". name: the physical id, which another resource gets as `Ref`;
    with another name CloudFormation deletes the former resource. No exception of `act` leaves this function: CloudFormation
    waits for an answer, and Lambda would run a failed invocation two more times. Without a ResponseURL, as when invoked by hand,
    the result is only returned.
    """
    answer = _Answer(event, purpose, name)
    guard = threading.Timer(_compute_time_left_s(context), answer.fail, ["it did not end in time"])
    guard.daemon = True
    guard.start()
    try:
        data = act()
    except Exception as error:
        logger.exception("custom resource failed")
        return answer.fail(explain(error))
    finally:
        guard.cancel()
    return answer.send({"Status": "SUCCESS", "Data": dict(data)})


def explain(error: BaseException) -> str:
    """A reason for the stack's events. Only our own errors and those of AWS's API are known to hold no secret."""
    is_known = isinstance(error, CallwatchError) or hasattr(error, "operation_name")
    return f"{type(error).__name__}: {str(error).splitlines()[0]}" if is_known and str(error) else type(error).__name__


class _Answer:
    """The one answer to a request; a second one is dropped."""

    def __init__(self, event: Mapping[str, Any], purpose: str, name: str) -> None:
        self._event = event
        self._name = name or event.get("PhysicalResourceId") or f"callwatch-{event['LogicalResourceId']}"
        self._purpose = purpose
        self._lock = threading.Lock()
        self._outcome: dict[str, Any] | None = None

    def fail(self, reason: str) -> dict[str, Any]:
        text = f"cannot {self._purpose}: {reason}"[:_MAX_REASON]
        return self.send({"Status": "FAILED", "Reason": f"{text} (request {self._event.get('RequestId', '')})"})

    def send(self, outcome: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._outcome is None:
                self._outcome = outcome
                if "ResponseURL" in self._event:
                    _put(self._event, {"PhysicalResourceId": self._name, **outcome})
            return self._outcome


def _compute_time_left_s(context: Any) -> float:
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    left_s = remaining_ms() / 1000 if remaining_ms else 60.0
    return max(1.0, left_s - _RESERVED_S)


def _put(event: Mapping[str, Any], outcome: Mapping[str, Any]) -> None:
    body = {**{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}, **outcome}
    # The URL is signed for a PUT without a content type.
    request = urllib.request.Request(  # noqa: S310
        event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT"
    )

    for pause_s in (*_ANSWER_PAUSES_S, None):
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_TIMEOUT_S):  # noqa: S310
                return
        except OSError:
            if pause_s is None:
                raise
            time.sleep(pause_s)
