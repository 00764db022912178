"""Reads the fields of a stage file: texts, numbers, lists, rows, each checked where it is read."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.models.reason import Reason
from callwatch.pipeline.queries.filter_dsl import MAX_SECONDS, name, parse_clauses
from callwatch.pipeline.queries.stage import Rows


def read_text(value: Any) -> str:
    """A text that is not empty. Raises ValueError, as all of these, with a text that completes "must be ..."."""
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def read_number(value: Any) -> float:
    """A number above 0; NaN, infinity and what no span of seconds reaches are none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MAX_SECONDS:
        raise ValueError("a number above 0")
    return value


def parse_list(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader of lists that are not empty."""

    def parse_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError("a list that is not empty")
        return tuple(parse(item) for item in value)

    return parse_all


def read_rows(raw: Any, table: str, needs_time: bool) -> Rows:
    """Rows of a table as clauses, or as an object with clauses."""
    if isinstance(raw, list):
        raw = {"where": raw}
    if isinstance(raw, dict) and set(raw) == {"none"}:
        return Rows(none=Reason("not_recorded", read_text(raw["none"])))
    check_keys(raw, {"where", "at"} if needs_time else {"where"}, {"from", "at", "otherwise", "ahead_s", "item"})
    of = name(raw.get("from", table))
    at = raw.get("at", [])
    times = tuple(name(column) for column in (at if isinstance(at, list) else [at]))
    otherwise = read_rows(raw["otherwise"], of, needs_time) if "otherwise" in raw else None
    ahead_s = read_number(raw["ahead_s"]) if "ahead_s" in raw else None
    item = name(raw["item"]) if "item" in raw else None
    return Rows(of, parse_clauses(raw["where"]), times, otherwise, ahead_s=ahead_s, item=item)


def read_fields(
    raw: Any, needed: Mapping[str, Callable[[Any], Any]], optional: Mapping[str, Callable[[Any], Any]]
) -> Mapping[str, Any]:
    """An object with these fields, each read by its own reader."""
    check_keys(raw, set(needed), set(optional))
    found = {}
    for key, value in raw.items():
        try:
            found[key] = {**needed, **optional}[key](value)
        except ValueError as error:
            raise ValueError(f"{error} as its {key}") from None
    return found


def check_keys(raw: Any, needed: set[str], optional: set[str]) -> None:
    """Raises ValueError for anything but an object with these keys."""
    if not isinstance(raw, dict) or not needed <= set(raw) <= needed | optional:
        extra = f" (and may have {', '.join(sorted(optional - needed))})" if optional - needed else ""
        raise ValueError(f"an object with {', '.join(sorted(needed)) or 'no fields'}{extra}")


@contextmanager
def name_place(where: str) -> Iterator[None]:
    """Adds the place to errors raised inside the block."""
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"STAGES_FILE, {where}: must be {error}") from None
