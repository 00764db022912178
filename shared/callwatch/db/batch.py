"""Working through many items in batches."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def batch_process(items: Iterable[T], fn: Callable[[Sequence[T]], R], size: int = 100) -> list[R]:
    """Call `fn` with at most `size` items at a time, in order; returns its results in order.

    Items are taken as they are needed, so an endless source uses no more memory than one batch.
    Raises ValueError for a size below 1, and what `fn` raises: batches before it stay done.
    """
    if size < 1:
        raise ValueError(f"size takes 1 or more, not {size}")
    source = iter(items)
    results = []
    while batch := list(islice(source, size)):
        results.append(fn(batch))
    return results
