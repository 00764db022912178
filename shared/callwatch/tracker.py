"""What host programs import to capture errors."""

from callwatch.client.capture import error_tracker
from callwatch.models.error import ErrorCategory, ErrorSeverity

__all__ = ["ErrorCategory", "ErrorSeverity", "error_tracker"]
