"""The part `costs` of a stage file: which rows show what an item used of which service."""

from decimal import Decimal
from typing import Any

from callwatch.pipeline.file_fields import check_keys, parse_list, read_fields, read_number
from callwatch.pipeline.queries.described import Events, Source, UsageRows
from callwatch.pipeline.queries.filter_dsl import name, parse_clauses
from callwatch.settings.quotas import UNITS, parse_quota


def read_usage(raw: Any) -> UsageRows:
    """One kind of usage. Raises ValueError."""
    check_keys(raw, {"service", "from", "item", "at", "units"}, {"where", "model"})
    units = raw["units"]
    check_keys(units, set(), set(UNITS))
    return UsageRows(
        name(raw["service"], "a service"),
        name(raw["from"]),
        name(raw["item"]),
        parse_clauses(raw.get("where", [])),
        name(raw["at"]) if isinstance(raw["at"], str) else _read_events(raw["at"]),
        _read_source(raw["model"]) if "model" in raw else None,
        {unit: _read_sources(units[unit]) for unit in UNITS if unit in units},
    )


def read_target(value: Any) -> Decimal:
    """What an item may cost, as exact as it is written."""
    return Decimal(str(read_number(value)))


def _read_events(raw: Any) -> Events:
    given = read_fields(raw, {"from": name, "item": name, "at": name, "where": parse_clauses}, {})
    return Events(given["from"], given["item"], given["at"], given["where"])


def _read_sources(raw: Any) -> tuple[Source, ...]:
    return tuple(parse_list(_read_source)(raw)) if isinstance(raw, list) else (_read_source(raw),)


def _read_source(raw: Any) -> Source:
    if isinstance(raw, str):
        return Source(name(raw))
    given = read_fields(raw, {"from": name, "item": name, "column": name}, {})
    return Source(given["column"], given["from"], given["item"])


# The fields of the part, as the stage file reads them.
FIELDS = {"usage": parse_list(read_usage)}
OPTIONAL = {"target_usd": read_target, "kept_s": read_number, "quotas": parse_list(parse_quota)}
