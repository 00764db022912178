"""Errors: captured, scrubbed, buffered in the queue, digested into PostgreSQL."""

from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.tracker.capture import error_tracker

__all__ = ["ErrorCategory", "ErrorSeverity", "error_tracker"]
