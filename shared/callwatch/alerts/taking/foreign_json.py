"""JSON of vendors, of which any part may be missing or of another type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.api.http import read_int
from callwatch.exceptions import Unreadable


def load_mapping(raw: bytes) -> Mapping[str, object]:
    """Load a JSON object. Raises Unreadable for anything that is not JSON; any other value is an empty one."""
    try:
        return read_mapping(json.loads(raw, parse_int=read_int))
    except (ValueError, RecursionError):
        raise Unreadable("the body is not valid JSON") from None


def read_mapping(given: object) -> Mapping[str, object]:
    """Return an object as it is; an empty one for anything else."""
    return given if isinstance(given, Mapping) else {}


def read_list(given: object) -> Sequence[Any]:
    """Return a list as it is; an empty one for anything else."""
    return given if isinstance(given, list) else []
