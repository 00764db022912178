"""Inputs for fuzzing: foreign values of every kind, and valid documents with a part replaced."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

# What parsers trip over: each alone, and inside of other texts.
_SNAGS = (
    "", "\x00", "\ud800", "\u202e", "é" * 50, "4111 1111 1111 1111", "ann@example.com", "Bearer x", "{{ default }}", "'; --",
    "1e999", "-0", "9" * 400, "[" * 300, '{"a":' * 100, "%s%n", "&amp;#x41;", "//", "../..", "a" * 3000, "null", "NaN",
)  # fmt: skip


def texts() -> st.SearchStrategy[str]:
    """Texts of any characters, lone surrogates included, and the snags."""
    return st.one_of(st.text(max_size=60), st.sampled_from(_SNAGS), st.builds("{}{}{}".format, *[st.sampled_from(_SNAGS)] * 3))


def values() -> st.SearchStrategy[Any]:
    """Anything that JSON can carry to us, NaN and huge numbers included."""
    plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts(), st.just(10**400))
    return st.recursive(
        plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4), max_leaves=12
    )


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """A valid document in which up to three parts are replaced, removed or doubled."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        parent, key = _choose_part(draw, changed)
        if parent is None:
            return draw(values())
        action = draw(st.sampled_from(("replace", "remove", "add")))
        if action == "replace":
            parent[key] = draw(values())
        elif action == "remove":
            del parent[key]
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        else:
            parent[draw(texts())] = copy.deepcopy(parent[key])
    return changed


def _choose_part(draw: st.DrawFn, document: Any) -> tuple[Any, Any]:
    """A part anywhere in a document: what holds it, and its key or index; nothing where the document has no parts."""
    parent, key, current = None, None, document
    while isinstance(current, dict | list) and current:
        keys = list(current) if isinstance(current, dict) else list(range(len(current)))
        parent, key = current, draw(st.sampled_from(keys))
        current = current[key]
        if draw(st.integers(0, 2)) == 0:
            break
    return parent, key


def json_texts(document: Any) -> st.SearchStrategy[str]:
    """A mutated document as JSON, whole or cut off, with what Python's JSON writes beyond the standard."""
    whole = mutated(document).map(json.dumps)
    return st.one_of(whole, st.builds(lambda text, end: text[:end], whole, st.integers(0, 400)), texts())
