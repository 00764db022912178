"""The stage file: a product's pipeline as data, checked when it is read."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from callwatch.exceptions import ConfigurationError
from callwatch.models.reason import Reason
from callwatch.pipeline.calendar import read_holiday
from callwatch.pipeline.costs import file as costs
from callwatch.pipeline.file_fields import check_keys, name_place, parse_list, read_fields, read_number, read_rows, read_text
from callwatch.pipeline.items.file import PATH, read_events, read_path, read_remedies
from callwatch.pipeline.queries.described import AdvisedIndex, Parts
from callwatch.pipeline.queries.filter_dsl import name, parse_clauses
from callwatch.pipeline.queries.stage import COUNTED, TIMED, Duration, Failures, Rows, Stage, StageFile, Unfinished, Vendor
from callwatch.pipeline.queries.states import add_states

_NOT_DESCRIBED = Reason("not_configured", "the stage file does not say which rows these are")
DEFAULT = Path(__file__).parent / "stages" / "call_product.json"


def _read_cron(value: Any) -> Mapping[str, Any]:
    return read_fields(value, {"name": read_text, "period_s": read_number}, {"stage": name})


# The other parts of the file: the fields of each, and those that may be left out.
PARTS: Mapping[str, tuple[Mapping[str, Callable[[Any], Any]], Mapping[str, Callable[[Any], Any]]]] = {
    "freshness": (
        {"table": name, "at": name},
        {
            "open_from": read_number,
            "open_until": read_number,
            "closed_days": parse_list(read_text),
            "holidays": parse_list(read_holiday),
        },
    ),
    "availability": (
        {
            "table": name,
            "at": name,
            "where": parse_clauses,
            "column": name,
            "after_s": read_number,
            "newest": read_number,
            "at_least": read_number,
        },
        {"anyway_after_s": read_number},
    ),
    "completeness": (
        {"table": name, "at": name, "by": name, "columns": parse_list(name), "newest": read_number, "at_least": read_number},
        {},
    ),
    "heartbeats": ({"table": name, "name": name, "last_ok": name, "message": name, "crons": parse_list(_read_cron)}, {}),
    "webhooks": (
        {"table": name, "at": name, "status": name, "error": name, "window_s": read_number, "at_least": read_number},
        {},
    ),
    "items": (
        {"table": name, "id": name, "keys": parse_list(name), "at": name},
        {"began": name, "ended": name, "events": read_events, "named": parse_list(read_text), "tenant": name},
    ),
    "tenants": ({"table": name, "id": name, "label": name}, {}),
    "costs": (costs.FIELDS, costs.OPTIONAL),
    "syncs": ({"table": name, "name": name, "started": name, "finished": name, "records": name}, {}),
}


@functools.cache
def get_stages(path: str | None) -> StageFile:
    """The stage file at a path, or that of the call product; read once per process. Raises ConfigurationError in one line."""
    try:
        raw = json.loads((Path(path) if path else DEFAULT).read_text())
    except OSError as error:
        raise ConfigurationError(f"STAGES_FILE must be a file that can be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"STAGES_FILE must be JSON: {error}") from None
    return parse_stages(raw)


def parse_stages(raw: Any) -> StageFile:
    """A checked stage file. Raises ConfigurationError with one line that names the place and what it must be."""
    with name_place("the file"):
        check_keys(raw, {"stages"}, {*PARTS, "vendors", "indexes"})
    stages = tuple(_read_stage(item, f"stages[{number}]") for number, item in enumerate(_get_list(raw, "stages")))
    if len({stage.name for stage in stages}) != len(stages) or not stages:
        raise ConfigurationError("STAGES_FILE, stages: must be a list of one or more stages, each with a different name")
    parts: dict[str, Mapping[str, Any]] = {}
    for part, (needed, optional) in PARTS.items():
        if part in raw:
            with name_place(part):
                parts[part] = read_fields(raw[part], needed, optional)
    vendors = tuple(_read_vendor(item, f"vendors[{number}]") for number, item in enumerate(_get_list(raw, "vendors")))
    indexes: list[AdvisedIndex] = []
    for number, item in enumerate(_get_list(raw, "indexes")):
        with name_place(f"indexes[{number}]"):
            fields = read_fields(item, {"name": name, "table": name, "on": read_text}, {"where": read_text})
            indexes.append(cast(AdvisedIndex, fields))
    return StageFile(add_states(stages), vendors, cast(Parts, parts), tuple(indexes))


def _read_stage(raw: Any, where: str) -> Stage:
    with name_place(where):
        needed = {"name", "table", "waiting_since", "duration", "pending", "done"}
        check_keys(raw, needed, {"is_queue", "unfinished", "remedies", "limit", "other_states", *PATH, *COUNTED, *TIMED})
        stage_name, table, since = name(raw["name"], "a stage"), name(raw["table"]), name(raw["waiting_since"])
        if stage_name in (*PARTS, "vendor", "indexes"):
            raise ValueError("a name that no other part of the file has")
    rows = {}
    for figure in (*COUNTED, *TIMED):
        with name_place(f"{where}.{figure}"):
            rows[figure] = (
                read_rows(raw[figure], table, needs_time=figure in TIMED) if figure in raw else Rows(none=_NOT_DESCRIBED)
            )
    with name_place(f"{where}.duration"):
        duration = _read_duration(raw["duration"], table)
    unfinished = None
    if "unfinished" in raw:
        with name_place(f"{where}.unfinished"):
            unfinished = Unfinished(
                **read_fields(raw["unfinished"], {"at": name, "older_than_s": read_number, "within_s": read_number}, {})
            )
    with name_place(where):
        path = read_path(raw, table, since)
    remedies = read_remedies(raw.get("remedies", {}), f"{where}.remedies")
    limit = None
    if "limit" in raw:
        with name_place(f"{where}.limit"):
            limit = read_number(raw["limit"])
    with name_place(f"{where}.other_states"):
        others = parse_list(read_text)(raw["other_states"]) if "other_states" in raw else ()
    is_queue = bool(raw.get("is_queue", True))
    return Stage(stage_name, table, is_queue, since, rows, duration, unfinished, path, remedies, limit, tuple(others))


def _read_duration(raw: Any, table: str) -> Duration:
    check_keys(raw, {"where", "start", "end"}, {"from", "joined"})
    joined = None
    if "joined" in raw:
        keys = parse_list(read_text)(raw["joined"])
        if len(keys) != 2:
            raise ValueError('two keys such as ["call_id", "transcripts.call_id"] as its joined')
        own, other = keys
        other_table, _dot, column = other.partition(".")
        joined = (name(own), name(other_table), name(column))
    start = raw["start"].removeprefix(f"{joined[1]}.") if joined else raw["start"]
    return Duration(name(raw.get("from", table)), parse_clauses(raw["where"]), name(start), name(raw["end"]), joined)


def _read_vendor(raw: Any, where: str) -> Vendor:
    with name_place(where):
        check_keys(raw, {"service", "ok", "failed"}, set())
        failed = []
        for item in _get_list(raw, "failed"):
            check_keys(item, {"from", "where", "at", "text"}, {"ahead_s"})
            rows = read_rows({key: value for key, value in item.items() if key != "text"}, "", needs_time=True)
            failed.append(Failures(rows, name(item["text"])))
        ok = tuple(read_rows(item, "", needs_time=True) for item in _get_list(raw, "ok"))
        return Vendor(name(raw["service"], "a service"), ok, tuple(failed))


def _get_list(raw: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = raw.get(key, [])
    if not isinstance(value, list):
        raise ConfigurationError(f"STAGES_FILE, {key}: must be a list")
    return value
