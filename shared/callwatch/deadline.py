"""Runs calls that may never return: each in a thread of its own, all within one time limit."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """A call that ended in time: what it returned, or in `error` what it raised, SystemExit included."""

    value: T | None = None
    error: BaseException | None = None


def run_within(limit_s: float, calls: Mapping[Key, Callable[[], T]]) -> Iterator[tuple[Key, Ended[T]]]:
    """Run calls at once; yields the key and the end of each as it ends, and stops after `limit_s`.

    A call that is late is abandoned: its thread is a daemon, so a name server that hangs delays neither the caller nor the end
    of the process. Raises RuntimeError if no thread can be started, as when the interpreter exits.
    """
    ends_at = time.monotonic() + limit_s
    ends: queue.SimpleQueue[tuple[Key, Ended[T]]] = queue.SimpleQueue()
    for key, call in calls.items():
        threading.Thread(target=_run, args=(key, call, ends), name=f"within {limit_s:g} s", daemon=True).start()
    for _call in calls:
        try:
            yield ends.get(timeout=max(0.0, ends_at - time.monotonic()))
        except queue.Empty:
            return


def _run(key: Key, call: Callable[[], T], ends: "queue.SimpleQueue[tuple[Key, Ended[T]]]") -> None:
    try:
        ends.put((key, Ended(call())))
    except BaseException as error:
        ends.put((key, Ended(error=error)))
