"""The stage file: a product's pipeline as data, checked when it is read."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.clauses import clauses, name
from callwatch.pipeline.stage import COUNTED, TIMED, Duration, Failures, Rows, Stage, StageFile, Unfinished, Vendor

DEFAULT = Path(__file__).parent / "stages" / "call_product.json"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        raise ValueError("a number above 0")
    return value


def _list_of(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def parse_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError("a list that is not empty")
        return tuple(parse(item) for item in value)

    return parse_all


def _cron(value: Any) -> Mapping[str, Any]:
    return _fields(value, {"name": _text, "period_s": _number}, {"stage": name})


# The parts beside the stages: what each takes, and what may be left out.
PARTS: Mapping[str, tuple[Mapping[str, Callable[[Any], Any]], Mapping[str, Callable[[Any], Any]]]] = {
    "freshness": ({"table": name, "at": name}, {"open_from": _number, "open_until": _number, "closed_days": _list_of(_text)}),
    "availability": (
        {"table": name, "at": name, "where": clauses, "column": name, "after_s": _number, "newest": _number, "at_least": _number},
        {"anyway_after_s": _number},
    ),
    "completeness": (
        {"table": name, "at": name, "by": name, "columns": _list_of(name), "newest": _number, "at_least": _number},
        {},
    ),
    "heartbeats": ({"table": name, "name": name, "last_ok": name, "message": name, "crons": _list_of(_cron)}, {}),
    "webhooks": ({"table": name, "at": name, "status": name, "error": name, "window_s": _number, "at_least": _number}, {}),
    "syncs": ({"table": name, "name": name, "started": name, "finished": name, "records": name}, {}),
}


@functools.cache
def get_stages(path: str | None) -> StageFile:
    """The stage file at a path, or the call product's; read once a process. Raises ConfigurationError in one line."""
    try:
        raw = json.loads((Path(path) if path else DEFAULT).read_text())
    except OSError as error:
        raise ConfigurationError(f"STAGES_FILE takes a file that can be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigurationError(f"STAGES_FILE takes JSON: {error}") from None
    return stages_from(raw)


def stages_from(raw: Any) -> StageFile:
    """A checked stage file. Raises ConfigurationError with one line that names the place and what it takes."""
    with _at("the file"):
        _keys(raw, {"stages"}, {*PARTS, "vendors", "indexes"})
    stages = tuple(_stage(item, f"stages[{number}]") for number, item in enumerate(_listed(raw, "stages")))
    if len({stage.name for stage in stages}) != len(stages) or not stages:
        raise ConfigurationError("STAGES_FILE, stages: takes one stage or more, each with a name of its own")
    parts = {}
    for part, (needed, optional) in PARTS.items():
        if part in raw:
            with _at(part):
                parts[part] = _fields(raw[part], needed, optional)
    vendors = tuple(_vendor(item, f"vendors[{number}]") for number, item in enumerate(_listed(raw, "vendors")))
    indexes = []
    for number, item in enumerate(_listed(raw, "indexes")):
        with _at(f"indexes[{number}]"):
            indexes.append(_fields(item, {"name": name, "table": name, "on": _text}, {"where": _text}))
    return StageFile(stages, vendors, parts, tuple(indexes))


def _stage(raw: Any, where: str) -> Stage:
    with _at(where):
        needed = {"name", "table", "waiting_since", "duration", "pending", "done"}
        _keys(raw, needed, {"is_queue", "unfinished", *COUNTED, *TIMED})
        stage_name, table, since = name(raw["name"], "a stage"), name(raw["table"]), name(raw["waiting_since"])
        if stage_name in (*PARTS, "vendor", "indexes"):
            raise ValueError("a name that no other part of the file has")
    rows = {}
    for figure in (*COUNTED, *TIMED):
        with _at(f"{where}.{figure}"):
            given = raw.get(figure, {"none": "the stage file does not say which rows these are"})
            rows[figure] = _rows(given, table, needs_time=figure in TIMED)
    with _at(f"{where}.duration"):
        duration = _duration(raw["duration"], table)
    unfinished = None
    if "unfinished" in raw:
        with _at(f"{where}.unfinished"):
            unfinished = Unfinished(**_fields(raw["unfinished"], {"at": name, "older_than_s": _number, "within_s": _number}, {}))
    return Stage(stage_name, table, bool(raw.get("is_queue", True)), since, rows, duration, unfinished)


def _rows(raw: Any, table: str, needs_time: bool) -> Rows:
    if isinstance(raw, list):
        raw = {"where": raw}
    if isinstance(raw, dict) and set(raw) == {"none"}:
        return Rows(none=_text(raw["none"]))
    _keys(raw, {"where", "at"} if needs_time else {"where"}, {"from", "at", "otherwise"})
    of = name(raw.get("from", table))
    at = raw.get("at", [])
    times = tuple(name(column) for column in (at if isinstance(at, list) else [at]))
    otherwise = _rows(raw["otherwise"], of, needs_time) if "otherwise" in raw else None
    return Rows(of, clauses(raw["where"]), times, otherwise)


def _duration(raw: Any, table: str) -> Duration:
    _keys(raw, {"where", "start", "end"}, {"from", "joined"})
    joined = None
    if "joined" in raw:
        keys = _list_of(_text)(raw["joined"])
        if len(keys) != 2:
            raise ValueError('two keys such as ["call_id", "transcripts.call_id"] as its joined')
        own, other = keys
        other_table, _dot, column = other.partition(".")
        joined = (name(own), name(other_table), name(column))
    start = raw["start"].removeprefix(f"{joined[1]}.") if joined else raw["start"]
    return Duration(name(raw.get("from", table)), clauses(raw["where"]), name(start), name(raw["end"]), joined)


def _vendor(raw: Any, where: str) -> Vendor:
    with _at(where):
        _keys(raw, {"service", "ok", "failed"}, set())
        failed = []
        for item in _listed(raw, "failed"):
            _keys(item, {"from", "where", "at", "text"}, set())
            rows = _rows({key: value for key, value in item.items() if key != "text"}, "", needs_time=True)
            failed.append(Failures(rows, name(item["text"])))
        ok = tuple(_rows(item, "", needs_time=True) for item in _listed(raw, "ok"))
        return Vendor(name(raw["service"], "a service"), ok, tuple(failed))


def _listed(raw: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = raw.get(key, [])
    if not isinstance(value, list):
        raise ConfigurationError(f"STAGES_FILE, {key}: takes a list")
    return value


def _fields(
    raw: Any, needed: Mapping[str, Callable[[Any], Any]], optional: Mapping[str, Callable[[Any], Any]]
) -> Mapping[str, Any]:
    _keys(raw, set(needed), set(optional))
    found = {}
    for key, value in raw.items():
        try:
            found[key] = {**needed, **optional}[key](value)
        except ValueError as error:
            raise ValueError(f"{error} as its {key}") from None
    return found


def _keys(raw: Any, needed: set[str], optional: set[str]) -> None:
    if not isinstance(raw, dict) or not needed <= set(raw) <= needed | optional:
        extra = f" (and may have {', '.join(sorted(optional - needed))})" if optional - needed else ""
        raise ValueError(f"an object with {', '.join(sorted(needed)) or 'no fields'}{extra}")


@contextmanager
def _at(where: str) -> Iterator[None]:
    """What goes wrong inside is told with its place."""
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"STAGES_FILE, {where}: takes {error}") from None
