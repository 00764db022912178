"""Calls functions that a host gave its rules: they may raise anything, return anything, or never return."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from callwatch.deadline import Ended, run_within

_TOO_LONG = "takes too long"
_OURS = "callwatch.alerts.rules.builtin."


@dataclass(frozen=True, slots=True)
class Returned:
    """The result of a call: its value, or in `failure` why there is none; is_late: it did not return in time."""

    value: Any = None
    failure: str | None = None
    is_late: bool = False


def call_within(limit_s: float, calls: Sequence[Callable[[], Any]]) -> list[Returned]:
    """Run the calls in parallel within a shared time limit; one that hangs is abandoned and delays no other."""
    ended = dict(run_within(limit_s, {number: _build_call(call) for number, call in enumerate(calls)}))
    return [_convert(ended.get(number)) for number in range(len(calls))]


def is_of_host(message: object) -> bool:
    """Whether a rule's message is a function that the host wrote: it may hang or fail, and differ from one call to the next."""
    return callable(message) and not str(getattr(message, "__module__", None)).startswith(_OURS)


def call_message(limit_s: float, message: Callable[[Any], Any], context: Any) -> Returned:
    """Call the message function of a rule; one of ours cannot hang, and needs no thread to watch it."""
    if is_of_host(message):
        return call_within(limit_s, [lambda: message(context)])[0]
    try:
        return Returned(message(context))
    except Exception as error:
        return Returned(failure=f"raised {type(error).__name__}")


def _build_call(call: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: settle(call())


def _convert(ended: Ended[Any] | None) -> Returned:
    if ended is None:
        return Returned(failure=_TOO_LONG, is_late=True)
    return Returned(ended.value) if ended.error is None else Returned(failure=f"raised {type(ended.error).__name__}")


def settle(outcome: Any) -> Any:
    """Return the outcome of a call; for a coroutine, run it and return its result."""
    if not inspect.isawaitable(outcome):
        return outcome
    import asyncio

    async def wait() -> Any:
        return await outcome

    return asyncio.run(wait())
