"""Finds one item by any of its keys, and reads its events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg2.sql import SQL, Identifier

from callwatch.db.core.connect import AnyConnection
from callwatch.models.reason import Reason
from callwatch.pipeline.items.keys import is_showable
from callwatch.pipeline.queries.described import Items
from callwatch.pipeline.queries.filter_dsl import ANY, TEXT, TIME
from callwatch.pipeline.queries.query_runner import Measured, read
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.stage import StageFile
from callwatch.pipeline.queries.statements import KeyAmong, Literal, name_column
from callwatch.pipeline.queries.time_bounds import read_time

MAX_KEY_CHARS = 200
# Keys of more items are not looked at: one key names one item.
MAX_FOUND = 5
MAX_EVENTS = 200


@dataclass(frozen=True, slots=True)
class Item:
    """An item: the id to show (None if it cannot be shown), all texts that are keys of it, and its times.

    others: ids of further items with the same key. unknown: by field, and under "item" why its own row could not be read.
    """

    id: str | None
    keys: tuple[str, ...]
    began_at: datetime | None = None
    ended_at: datetime | None = None
    created_at: datetime | None = None
    is_found: bool = True
    others: Sequence[str] = ()
    unknown: Mapping[str, Reason] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """One event of an item. type: as the stage file lists it, or "other": a text may be about a person."""

    type: str
    at: datetime | None


def find_item(conn: AnyConnection, now: datetime, stages: StageFile, key: str) -> Item:
    """The item with this key; one that is only known by the key itself if its table has no such row, or cannot be read."""
    items = stages.parts.get("items")
    if items is None:
        return _build_unfound(key, Reason("not_configured", "the stage file does not describe items"))
    why: Reason | None = None
    for by in dict.fromkeys((items["id"], *items["keys"])):
        measured = Measured(now)
        read(conn, [_look_up(items, by, key, is_whole=True)], measured)
        rows = measured.rows.get("item", [])
        if rows:
            return _build(rows, key, now)
        why = why or measured.unknown.get("item")
    return _build_unfound(key, why)


def _build_unfound(key: str, why: Reason | None) -> Item:
    return Item(key if is_showable(key, "") else None, (key,), is_found=False, unknown={"item": why} if why else {})


def _look_up(items: Items, by: str, key: str, is_whole: bool) -> Reading:
    """The rows with a key. is_whole: with the other keys and the times; without them if one of these columns is missing."""
    others = list(dict.fromkeys((items["id"], *items["keys"]))) if is_whole else [by]
    times: dict[str, str | None] = {"began": None, "ended": None, "at": None}
    if is_whole:
        times = {"began": items.get("began"), "ended": items.get("ended"), "at": items["at"]}
    keys = SQL(", ").join(SQL("left({}::text, {})").format(name_column(each), Literal(MAX_KEY_CHARS)) for each in others)
    spans = [
        SQL("{}::float AS {}").format(
            SQL("extract(epoch FROM {})").format(name_column(column)) if column else SQL("NULL"), Identifier(f"{name}_s")
        )
        for name, column in times.items()
    ]
    sql = SQL("SELECT {id}::text AS id, pg_typeof({id})::text AS kind, ARRAY[{keys}] AS keys, {spans} FROM {table} r").format(
        id=name_column(items["id"]), keys=keys, spans=SQL(", ").join(spans), table=Identifier(items["table"])
    ) + SQL(" WHERE {} LIMIT {}").format(KeyAmong(items["table"], by, (key,)), Literal(MAX_FOUND))
    needs = {items["table"]: {items["id"]: ANY, **dict.fromkeys(others, ANY), by: ANY}}
    needs[items["table"]] |= {column: TIME for column in times.values() if column}
    otherwise = _look_up(items, by, key, False) if is_whole else None
    return Reading("item", needs, sql, is_table=True, otherwise=otherwise)


def _build(rows: Sequence[Mapping[str, Any]], key: str, now: datetime) -> Item:
    first, *others = rows
    shown = [row["id"] for row in rows if row["id"] is not None and is_showable(row["id"], row["kind"])]
    times = {name: read_time(first[f"{name}_s"], now) for name in ("began", "ended", "at")}
    return Item(
        shown[0] if shown else None,
        tuple(dict.fromkeys(text for text in (first["id"], *first["keys"], key) if text)),
        times["began"],
        times["ended"],
        times["at"],
        others=shown if others else (),
    )


def read_events(
    conn: AnyConnection, now: datetime, stages: StageFile, keys: tuple[str, ...]
) -> tuple[list[ItemEvent] | None, Reason | None]:
    """The first MAX_EVENTS events of an item in the order of their times; or None and the reason."""
    items = stages.parts.get("items")
    given = items.get("events") if items else None
    if given is None:
        return None, Reason("not_configured", "the stage file does not describe events of items")
    table, at = given["table"], given["at"]
    template = """
        SELECT left({type}, 100) AS type, extract(epoch FROM {at})::float AS seconds FROM {table} r
        WHERE {is_item} ORDER BY {at} LIMIT {limit}
    """
    sql = SQL(template).format(
        type=name_column(given["type"]),
        at=name_column(at),
        table=Identifier(table),
        is_item=KeyAmong(table, given["item"], keys),
        limit=Literal(MAX_EVENTS),
    )
    measured = Measured(now)
    needs = {table: {given["item"]: ANY, given["type"]: TEXT, at: TIME}}
    read(conn, [Reading("events", needs, sql, is_table=True)], measured)
    if "events" not in measured.rows:
        return None, measured.explain_unknown("events")
    return [
        ItemEvent(row["type"] if row["type"] in given["types"] else "other", read_time(row["seconds"], now))
        for row in measured.rows["events"]
    ], None
