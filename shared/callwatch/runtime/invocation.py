"""The middleware around functions without HTTP: schedules, queues, direct invocations."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from callwatch.runtime.environment import begin_invocation
from callwatch.runtime.log import append_keys, logger
from callwatch.runtime.start import prepare_environment
from callwatch.tracker import error_tracker

Result = TypeVar("Result")


def invocation(handle: Callable[[dict[str, Any], Any], Result]) -> Callable[[dict[str, Any], Any], Result]:
    """Log with the request id, capture and re-raise exceptions, and send captured errors before the end."""
    prepare_environment()

    @functools.wraps(handle)
    def lambda_handler(event: dict[str, Any], context: Any) -> Result:
        begin_invocation(context)
        append_keys(request_id=str(getattr(context, "aws_request_id", "")))
        try:
            return handle(event, context)
        except Exception as error:
            error_tracker.track_error(error, context={"endpoint": handle.__module__})
            logger.exception("invocation failed")
            raise
        finally:
            error_tracker.flush()

    return lambda_handler


def uncaptured_invocation(handle: Callable[[dict[str, Any], Any], Result]) -> Callable[[dict[str, Any], Any], Result]:
    """Log and re-raise exceptions without capturing them: for a function that the queue of captured errors invokes."""
    prepare_environment()

    @functools.wraps(handle)
    def lambda_handler(event: dict[str, Any], context: Any) -> Result:
        begin_invocation(context)
        append_keys(request_id=str(getattr(context, "aws_request_id", "")))
        try:
            return handle(event, context)
        except Exception:
            logger.exception("invocation failed")
            raise

    return lambda_handler
