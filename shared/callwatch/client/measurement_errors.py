"""Errors that occur while the product is measured: they belong to Callwatch, never to the product."""

from collections.abc import Mapping

from callwatch.client.capture import error_tracker
from callwatch.models.error import ErrorCategory, ErrorSeverity


def capture_measuring(errors: Mapping[str, Exception]) -> None:
    """Capture an error under the name of the figure that could not be read."""
    for figure, error in errors.items():
        context = {"service": "callwatch", "endpoint": f"measure {figure}"}
        error_tracker.track_error(error, ErrorSeverity.MEDIUM, ErrorCategory.DATABASE, context)
