"""Large work in slices: one call a slice, so that no statement and no transaction grows without bound."""

import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def batch_process(items: Iterable[T], fn: Callable[[list[T]], R], size: int = 100) -> list[R]:
    """Call `fn` with slices of up to `size` items in their order; returns what it returned for each.

    Items are drawn as they are needed. The first slice that fails ends it: what `fn` raised comes out,
    the slices before it stand.
    """
    if size < 1:
        raise ValueError("size takes a whole number from 1")
    drawn = iter(items)
    results = []
    while chunk := list(itertools.islice(drawn, size)):
        results.append(fn(chunk))
    return results
