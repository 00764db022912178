"""Values that were bound to a query: which fields hold them, and what is left of them."""

import json
from typing import Any

# Their parameters fill a template, and are scrubbed one by one.
LOG_LINES = frozenset({"logentry", "log_entry"})
_VALUE = "[value]"
_MAX_REPR_CHARS = 20_000


def is_bound(value: Any, has_query: bool, parent: str) -> bool:
    """Whether the values under a parameter key were bound to a query, as opposed to parameters of a route or a log line."""
    if parent in LOG_LINES:
        return False
    if isinstance(value, str):
        # Drizzle joins the values with commas.
        return len(value) > 2 and (has_query or value[0] in ("[", "(") or ("," in value and "=" not in value))
    return isinstance(value, list) or ((has_query or parent == "vars") and isinstance(value, dict))


def mask_bound(value: Any) -> Any:
    """The value with each text and number in it replaced; None, true and false reveal nothing and stay."""
    if isinstance(value, str) and value[:1] in ("[", "(", "{"):
        inner, _is_json = parse_data(value)
        return _VALUE if inner is None else mask_bound(inner)
    if isinstance(value, dict):
        return {str(key): mask_bound(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_bound(item) for item in value]
    return value if value is None or isinstance(value, bool) or value == "" else _VALUE


def parse_data(text: str) -> tuple[Any, bool]:
    """The data that a text represents, as JSON or as a Python repr, and whether it is JSON; None if it is neither."""
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        pass
    if len(text) < _MAX_REPR_CHARS and "'" in text and text.rstrip()[-1:] in ("}", "]", ")"):
        import ast

        try:
            return ast.literal_eval(text.strip()), False
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            pass
    return None, False
