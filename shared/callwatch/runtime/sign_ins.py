"""Counts failed sign-ins in memory, and reports them as one of the monitor's own errors per minute, however many there are.

The report belongs to project 0; it holds the number of sign-ins and of addresses, but no address. The functions that
respond with 401 send it, since they have a queue to send to, unlike the authorizer.
"""

import time
from collections.abc import Callable

from callwatch.exceptions import CallwatchError
from callwatch.tracker import ErrorCategory, ErrorSeverity, error_tracker

REPORT_EVERY_S = 60.0
# Beyond this many, the number of addresses is a minimum.
_MAX_ADDRESSES = 1_000


class SignInsFailed(CallwatchError):
    """Requests with an unknown token."""


class IssuerUnavailable(CallwatchError):
    """Requests with a token of OIDC_ISSUER, whose keys cannot be read."""


class FailedSignIns:
    """The count of one execution environment since its last report.

    error, severity: what is reported.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        error: CallwatchError | None = None,
        severity: ErrorSeverity = ErrorSeverity.LOW,
    ) -> None:
        self._clock = clock
        self._error = error or SignInsFailed("sign-ins failed: unknown tokens")
        self._severity = severity
        self._count = 0
        self._addresses: set[str] = set()
        self._reported_at: float | None = None

    def add(self, address: str) -> None:
        """Count one, and report the count if the last report is at least a minute old."""
        self._count += 1
        if len(self._addresses) < _MAX_ADDRESSES:
            self._addresses.add(address)
        now = self._clock()
        if self._reported_at is not None and now - self._reported_at < REPORT_EVERY_S:
            return
        context = {"failed_sign_ins": self._count, "addresses": len(self._addresses)}
        error_tracker.track_error(self._error, self._severity, ErrorCategory.AUTHENTICATION, context)
        self._reported_at = now
        self._count = 0
        self._addresses.clear()


failed_sign_ins = FailedSignIns()
issuer_failures = FailedSignIns(
    error=IssuerUnavailable("sign-ins failed: the keys of OIDC_ISSUER cannot be read"), severity=ErrorSeverity.HIGH
)
