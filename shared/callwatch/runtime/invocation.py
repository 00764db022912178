"""The middleware around functions that are not called over HTTP: schedules, queues, direct invocations."""

import functools
from collections.abc import Callable
from typing import Any

from callwatch.runtime.environment import begin_invocation
from callwatch.runtime.log import logger
from callwatch.tracker import error_tracker

Handler = Callable[[dict[str, Any], Any], Any]


def invocation(handle: Handler) -> Handler:
    """Log with the request id, capture what is raised and raise it on, and send captured errors before the end."""

    @functools.wraps(handle)
    def lambda_handler(event: dict[str, Any], context: Any) -> Any:
        begin_invocation(context)
        logger.append_keys(request_id=str(getattr(context, "aws_request_id", "")))
        try:
            return handle(event, context)
        except Exception as error:
            error_tracker.track_error(error, context={"endpoint": handle.__module__})
            logger.exception("invocation failed")
            raise
        finally:
            error_tracker.flush()

    return lambda_handler
