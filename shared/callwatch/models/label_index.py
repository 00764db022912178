"""Finds labels among many: a search through a list for each of them would cost the square of their number."""

from collections.abc import Hashable, Iterable, Mapping, Set
from typing import Any

# By metric, what `hash_labels` returns for each set of labels.
LabelIndex = Mapping[str, Set[Hashable]]


def index_labels(labels: Mapping[str, Iterable[Any]]) -> LabelIndex:
    """Index the labels of each metric."""
    return {metric: frozenset(map(hash_labels, found)) for metric, found in labels.items()}


def hash_labels(labels: Any) -> Hashable:
    """Return the same for equal labels, whatever a defect made of stored ones."""
    try:
        return frozenset(labels.items())
    except (AttributeError, TypeError):
        return repr(labels)
