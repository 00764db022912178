"""Processes large work in slices: one call per slice, so that no statement and no transaction grows without bound."""

import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def batch_process(items: Iterable[T], fn: Callable[[list[T]], R], size: int = 100) -> list[R]:
    """Call `fn` with slices of up to `size` items, in order; returns what it returned for each slice.

    Items are drawn as they are needed. The first slice that fails ends the work: the exception of `fn` is raised, and the
    slices before it stay done.
    """
    if size < 1:
        raise ValueError("size must be a whole number, 1 or more")
    drawn = iter(items)
    results = []
    while chunk := list(itertools.islice(drawn, size)):
        results.append(fn(chunk))
    return results
