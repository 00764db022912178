"""The error tracker as code uses it: capture never raises into its host and slows it only a little."""

import atexit
import contextlib
import functools
import inspect
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from callwatch import sqs
from callwatch.client.buffer import Buffer
from callwatch.client.own_limit import OwnErrorLimit
from callwatch.deadline import run_within
from callwatch.exceptions import QueueUnavailable
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.settings import load_tracker_settings

if TYPE_CHECKING:
    from callwatch.counters.errors import ErrorStats

P = ParamSpec("P")
R = TypeVar("R")

# The longest time that one error may cost the host when the queue does not respond.
SEND_LIMIT_S = 3.0
# Errors of a host that never says that its work is done are sent after this time.
LINGER_S = 5.0
# Callwatch itself. Its errors never go to the critical queue: that queue triggers a function, which may be the one that fails,
# so an error about a failure would cause the next failure.
OWN_PROJECT = 0
MAX_SUPPRESSED_LISTED = 20
_this_thread = threading.local()


class ErrorTracker:
    """Captures errors of one process and hands them to the queue."""

    def __init__(self) -> None:
        self._buffer = Buffer(_send)
        self._own_limit = OwnErrorLimit()
        self._is_lingering = False
        os.register_at_fork(after_in_child=self._restart_after_fork)

    def track_error(
        self,
        error: BaseException | str,
        severity: ErrorSeverity | None = None,
        category: ErrorCategory | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Capture one error; returns its event id, or None if even capturing it failed.

        Severity and category are derived from the error if they are left out. Of the context, `endpoint`, `release`, `service`
        and `user_id` have fields of their own. Critical errors are sent at once. Errors of Callwatch itself (project 0) are
        limited in number; an error above the limit is counted, reported later, and returns None.
        """
        if _is_at_work():
            # Capturing or sending failed and was logged to a handler that captures; capturing that again would never end.
            return None
        with _at_work():
            try:
                return self._capture(_build_event(error, severity, category, context))
            except Exception as failure:
                self._buffer.count_lost(1, f"it could not be captured ({type(failure).__name__})")
                return None

    def hold_message(self, message: str) -> None:
        """Hold a message of Callwatch itself that is no error; it is sent like one, by the next flush."""
        self._buffer.add("errors", message, is_urgent=False)

    def flush(self) -> None:
        """Send the buffered errors; called before an invocation ends and when the interpreter exits.

        Never raises, and takes at most a few seconds.
        """
        if _is_at_work():
            return
        with _at_work():
            self._report_suppressed()
            if len(self._buffer):
                self._buffer.flush()

    def _capture(self, event: dict[str, Any]) -> str | None:
        project_id = load_tracker_settings().callwatch_project_id
        is_own = project_id == OWN_PROJECT
        if is_own:
            from callwatch.grouping.fingerprint import compute_fingerprint, render_title

            if not self._own_limit.admit(compute_fingerprint(event), render_title(event)):
                return None
        self._add(event, project_id, is_own)
        self._send_soon()
        return str(event["event_id"])

    def _add(self, event: dict[str, Any], project_id: int, is_own: bool) -> None:
        from callwatch.events.event import build_error_message

        message = build_error_message(event, project_id, datetime.now(UTC))
        is_critical = event["severity"] == ErrorSeverity.CRITICAL
        self._buffer.add("critical" if is_critical and not is_own else "errors", message, is_urgent=is_critical)

    def _report_suppressed(self) -> None:
        """Capture one error that counts those that the limit suppressed; it counts against no limit, at most one per window."""
        suppressed = self._own_limit.take_suppressed()
        if not suppressed:
            return
        total = sum(each.count for each in suppressed)
        listed = {each.title: each.count for each in suppressed[:MAX_SUPPRESSED_LISTED]}
        try:
            text = "Own errors were suppressed: there were more than the limit allows"
            context = {"suppressed": total, "by_title": listed}
            event = _build_event(text, ErrorSeverity.MEDIUM, ErrorCategory.SYSTEM, context)
            self._add(event, OWN_PROJECT, is_own=True)
        except Exception as failure:
            self._buffer.count_lost(total, f"their report failed ({type(failure).__name__})")

    def _send_soon(self) -> None:
        if self._is_lingering or not len(self._buffer):
            return
        self._is_lingering = True
        try:
            threading.Thread(target=self._linger, name="callwatch linger", daemon=True).start()
        except RuntimeError:
            # No thread can be started, for example when the interpreter exits: the next flush sends what is held.
            self._is_lingering = False

    def _linger(self) -> None:
        time.sleep(LINGER_S)
        self._is_lingering = False
        self.flush()
        self._send_soon()

    def _restart_after_fork(self) -> None:
        """In a forked child, which has only its own thread."""
        self._is_lingering = False
        self._own_limit = OwnErrorLimit()

    @property
    def lost_count(self) -> int:
        """Errors that the queue did not accept since this process began."""
        return self._buffer.lost_count

    @property
    def buffer_size(self) -> int:
        """Errors captured in this process and not yet sent."""
        return len(self._buffer)

    def get_error_stats(self, hours: int = 24) -> "ErrorStats":
        """Errors of the last hours: total, by_severity, by_category, top_errors (at most 10).

        Raises DatabaseUnavailable.
        """
        from callwatch.counters.errors import read_error_stats

        return read_error_stats(hours)

    def watch(self, fn: Callable[P, R]) -> Callable[P, R]:
        """Decorator: capture what the function raises, raise it again, and send before it returns.

        It works on coroutine functions too: sending then does not block other tasks.
        """
        if inspect.iscoroutinefunction(fn):
            return self._watch_coroutine(fn)  # type: ignore[return-value]

        @functools.wraps(fn)
        def call_watched(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return fn(*args, **kwargs)
            except Exception as error:
                self.track_error(error, context={"endpoint": fn.__qualname__})
                raise
            finally:
                self.flush()

        return call_watched

    def _watch_coroutine(self, fn: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(fn)
        async def call_watched(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await fn(*args, **kwargs)
            except Exception as error:
                self.track_error(error, context={"endpoint": fn.__qualname__})
                raise
            finally:
                if self.buffer_size:
                    import asyncio

                    await asyncio.to_thread(self.flush)

        return call_watched


def _build_event(error: Any, severity: Any, category: Any, context: Any) -> dict[str, Any]:
    # Loaded with the first error: a host without one starts 20 ms earlier.
    from callwatch.client.exception_event import build_event

    return build_event(error, severity, category, context)


def _is_at_work() -> bool:
    return getattr(_this_thread, "is_at_work", False)


@contextlib.contextmanager
def _at_work() -> Iterator[None]:
    _this_thread.is_at_work = True
    try:
        yield
    finally:
        _this_thread.is_at_work = False


def _send(name: str, messages: Sequence[str]) -> None:
    """Put messages into a queue within SEND_LIMIT_S. Raises QueueUnavailable.

    It runs in a thread of its own, because no socket timeout covers a name server or a credentials service that does not
    respond.
    """
    settings = load_tracker_settings()
    queue_url = settings.critical_queue_url if name == "critical" else settings.error_queue_url
    if not queue_url:
        raise QueueUnavailable("the queue URL is not configured", len(messages))
    sqs.prepare_to_send(queue_url)

    def send() -> None:
        with _at_work():
            sqs.send(queue_url, messages)

    try:
        ended = dict(run_within(SEND_LIMIT_S, {name: send})).get(name)
    except RuntimeError:
        # No thread can be started when the interpreter exits.
        send()
        return
    if ended is None:
        raise QueueUnavailable(f"no response within {SEND_LIMIT_S:g} s", len(messages))
    if ended.error is not None:
        raise ended.error


def _flush_at_exit() -> None:
    if error_tracker.buffer_size:
        error_tracker.flush()
        sqs.release_connections()


error_tracker = ErrorTracker()
atexit.register(_flush_at_exit)
