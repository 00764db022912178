"""Errors met while the product is measured: ours, never the product's."""

from collections.abc import Mapping

from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.tracker.capture import error_tracker


def capture_measuring(errors: Mapping[str, Exception]) -> None:
    """Capture what failed, by the name of the figure that could not be read."""
    for figure, error in errors.items():
        context = {"service": "callwatch", "endpoint": f"measure {figure}"}
        error_tracker.track_error(error, ErrorSeverity.MEDIUM, ErrorCategory.DATABASE, context)
