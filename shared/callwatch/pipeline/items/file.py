"""The parts of a stage file about single items: how one is followed through a stage, and what puts one back."""

from collections.abc import Mapping
from typing import Any

from callwatch.models.reason import Reason
from callwatch.pipeline.file_fields import check_keys, name_place, parse_list, read_fields, read_rows, read_text
from callwatch.pipeline.queries.filter_dsl import name
from callwatch.pipeline.queries.stage import Assignment, Path, Remedy

# The fields of a stage that describe the way of an item.
PATH = ("item", "began", "attempts", "error", "result", "skipped")
# The states whose rows somebody has to put back.
REMEDIED = ("stuck", "zombie", "dead", "orphan", "false_success")
_TAKES = 'an assignment such as ["status", "to", "pending"], ["started_at", "to null"], ["scheduled_for", "to now"]'


def read_events(value: Any) -> Mapping[str, Any]:
    """The table with the events of items."""
    return read_fields(value, {"table": name, "item": name, "type": name, "at": name, "types": parse_list(read_text)}, {})


def read_path(raw: Mapping[str, Any], table: str, since: str) -> Path:
    """How items are followed through the stage in `table`; they enter at `since` unless it says otherwise."""
    item, attempts, error = (name(raw[field]) if field in raw else None for field in ("item", "attempts", "error"))
    result, skipped = (
        read_rows(raw[field], table, needs_time=False) if field in raw else None for field in ("result", "skipped")
    )
    began = parse_list(name)(raw["began"]) if "began" in raw else (since,)
    return Path(item, began, attempts, error, result, skipped)


def read_remedies(raw: Any, where: str) -> Mapping[str, Remedy]:
    """The remedy of each state of a stage. Raises ConfigurationError."""
    with name_place(where):
        check_keys(raw, set(), set(REMEDIED))
    found = {}
    for state, given in raw.items():
        with name_place(f"{where}.{state}"):
            found[state] = _read_remedy(given)
    return found


def _read_remedy(raw: Any) -> Remedy:
    if isinstance(raw, dict) and set(raw) == {"none"}:
        return Remedy(none=Reason("not_recorded", read_text(raw["none"])))
    if isinstance(raw, dict) and "insert" in raw:
        given = read_fields(raw, {"insert": name, "columns": parse_list(_read_assignment)}, {})
        return Remedy(given["columns"], given["insert"])
    given = read_fields(raw, {"set": parse_list(_read_assignment)}, {})
    if any(assignment.source for assignment in given["set"]):
        raise ValueError(_TAKES)
    return Remedy(given["set"])


def _read_assignment(raw: Any) -> Assignment:
    match raw:
        case [str(column), "to null"]:
            return Assignment(name(column))
        case [str(column), "to now"]:
            return Assignment(name(column), is_now=True)
        case [str(column), "to", str() | int() | float() as value] if not isinstance(value, bool):
            return Assignment(name(column), value)
        case [str(column), "from", str(source)]:
            return Assignment(name(column), source=name(source))
    raise ValueError(_TAKES)
