"""The error tracker as code uses it: capture never raises into its host, and slows it by little."""

import atexit
import contextlib
import functools
import inspect
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from callwatch import queue
from callwatch.exceptions import QueueUnavailable
from callwatch.models.error import ErrorCategory, ErrorSeverity
from callwatch.settings import tracker_settings
from callwatch.tracker.buffer import Buffer
from callwatch.tracker.captured import event_of
from callwatch.tracker.event import error_message

P = ParamSpec("P")
R = TypeVar("R")

# What an error of its host may cost the host, where the queue does not answer.
SEND_LIMIT_S = 3.0
# What is held by a host that never says that its work is done is sent after so long.
LINGER_S = 5.0
_this_thread = threading.local()


class ErrorTracker:
    """Captures errors of one process and hands them to the queue."""

    def __init__(self) -> None:
        self._buffer = Buffer(_send)
        self._is_lingering = False
        os.register_at_fork(after_in_child=self._begin_anew)

    def track_error(
        self,
        error: BaseException | str,
        severity: ErrorSeverity | None = None,
        category: ErrorCategory | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Capture one error; returns its event id, or None where even capturing it failed.

        Severity and category are worked out from the error where they are left out. Of the context, `endpoint`,
        `release`, `service` and `user_id` have places of their own. Critical errors are sent at once.
        """
        if _is_at_work():
            # Capturing or sending failed and was logged to a handler that captures: that way there is no end.
            return None
        with _at_work():
            try:
                event = event_of(error, severity, category, context)
                message = error_message(event, tracker_settings().callwatch_project_id, datetime.now(UTC))
                is_critical = event["severity"] == ErrorSeverity.CRITICAL
                self._buffer.add("critical" if is_critical else "errors", message, is_urgent=is_critical)
                self._send_soon()
                return str(event["event_id"])
            except Exception as failure:
                self._buffer.count_lost(1, f"it could not be captured ({type(failure).__name__})")
                return None

    def flush(self) -> None:
        """Send what is buffered; called before an invocation ends, and at the interpreter's exit.

        Never raises, and takes at most a few seconds.
        """
        if len(self._buffer) and not _is_at_work():
            with _at_work():
                self._buffer.flush()

    def _send_soon(self) -> None:
        if self._is_lingering or not len(self._buffer):
            return
        self._is_lingering = True
        try:
            threading.Thread(target=self._linger, name="callwatch linger", daemon=True).start()
        except RuntimeError:
            # No thread can be had, as at the interpreter's exit: what is held goes with the next flush.
            self._is_lingering = False

    def _linger(self) -> None:
        time.sleep(LINGER_S)
        self._is_lingering = False
        self.flush()
        self._send_soon()

    def _begin_anew(self) -> None:
        """In a forked child, which has no thread but its own."""
        self._is_lingering = False

    @property
    def lost_count(self) -> int:
        """Errors that the queue did not take, since this process began."""
        return self._buffer.lost_count

    @property
    def buffer_size(self) -> int:
        """Errors captured here and not yet sent."""
        return len(self._buffer)

    def get_error_stats(self, hours: int = 24) -> dict[str, Any]:
        """Errors of the last hours: total, by_severity, by_category, top_errors (at most 10).

        Raises DatabaseUnavailable.
        """
        from callwatch.tracker.stats import error_stats

        return error_stats(hours)

    def watch(self, fn: Callable[P, R]) -> Callable[P, R]:
        """Decorator: capture what the function raises, raise it on, and send before it returns.

        A coroutine function is one too: sending then holds up no other task.
        """
        if inspect.iscoroutinefunction(fn):
            return self._watch_coroutine(fn)  # type: ignore[return-value]

        @functools.wraps(fn)
        def watched(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return fn(*args, **kwargs)
            except Exception as error:
                self.track_error(error, context={"endpoint": fn.__qualname__})
                raise
            finally:
                self.flush()

        return watched

    def _watch_coroutine(self, fn: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(fn)
        async def watched(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return await fn(*args, **kwargs)
            except Exception as error:
                self.track_error(error, context={"endpoint": fn.__qualname__})
                raise
            finally:
                if self.buffer_size:
                    import asyncio

                    await asyncio.to_thread(self.flush)

        return watched


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

    In a thread of its own: no time-out of a socket covers a name server or a credentials service that does not answer.
    """
    settings = tracker_settings()
    queue_url = settings.critical_queue_url if name == "critical" else settings.error_queue_url
    if not queue_url:
        raise QueueUnavailable("the address of the queue is not configured", len(messages))
    queue.prepare_to_send(queue_url)
    outcome: list[BaseException | None] = []

    def send() -> None:
        with _at_work():
            try:
                queue.send(queue_url, messages)
                outcome.append(None)
            except BaseException as error:
                outcome.append(error)

    thread = threading.Thread(target=send, name="callwatch send", daemon=True)
    try:
        thread.start()
        thread.join(SEND_LIMIT_S)
    except RuntimeError:
        # At the interpreter's exit no thread can be had.
        send()
    if not outcome:
        raise QueueUnavailable(f"no answer within {SEND_LIMIT_S:g} s", len(messages))
    if outcome[0] is not None:
        raise outcome[0]


def _at_exit() -> None:
    if error_tracker.buffer_size:
        error_tracker.flush()
        queue.let_go()


error_tracker = ErrorTracker()
atexit.register(_at_exit)
