"""The columns that a stage file names for single items, remedies, tenants and costs, which no figure of a cycle reads."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callwatch.pipeline.queries.described import Events, Source, UsageRows
from callwatch.pipeline.queries.filter_dsl import ANY, NUMBER, TEXT, TIME, Needs, list_needs, merge
from callwatch.pipeline.queries.stage import Remedy, Stage, StageFile

# What a line of the table is about, and the columns that it needs.
Named = tuple[str, Needs]


def list_named(stages: StageFile) -> Iterator[Named]:
    """Every use of columns outside of the figures, in the order of the file."""
    for stage in stages.stages:
        if stage.path.item is not None:
            yield f"{stage.name}.item", _list_path(stage, stage.path.item)
        for state, remedy in stage.remedies.items():
            if not remedy.none:
                yield f"{stage.name}.remedies.{state}", _list_remedy(stage, state, remedy)
    parts = stages.parts
    if "items" in parts:
        yield "items", _list_items(parts["items"])
        if "events" in parts["items"]:
            given = parts["items"]["events"]
            yield "items.events", {given["table"]: {given["item"]: ANY, given["type"]: TEXT, given["at"]: TIME}}
    if "tenants" in parts:
        tenants = parts["tenants"]
        yield "tenants", {tenants["table"]: {tenants["id"]: ANY, tenants["label"]: TEXT}}
    for usage in parts["costs"]["usage"] if "costs" in parts else ():
        yield f"costs.{usage.service}", _list_usage(usage)
    for advised in stages.indexes:
        yield f"indexes.{advised['name']}", {advised["table"]: {}}


def _list_path(stage: Stage, item: str) -> Needs:
    own: dict[str, str] = {**dict.fromkeys(stage.path.began, TIME), item: ANY}
    if stage.path.attempts:
        own[stage.path.attempts] = NUMBER
    needs = {stage.table: own}
    for rows in stage.rows.values():
        if not rows.none:
            merge(needs, {rows.table: {rows.item or item: ANY}})
    # Their conditions are those of no figure.
    for shown in (stage.path.result, stage.path.skipped):
        if shown and not shown.none:
            own_times = dict.fromkeys(shown.at, TIME)
            merge(needs, list_needs(shown.table, shown.where), {shown.table: {shown.item or item: ANY, **own_times}})
    failed = stage.rows["failed"]
    if stage.path.error and not failed.none:
        merge(needs, {failed.table: {stage.path.error: ANY}})
    return needs


def _list_remedy(stage: Stage, state: str, remedy: Remedy) -> Needs:
    counted = stage.rows[state].table or stage.table
    written = {remedy.into or counted: {assignment.column: ANY for assignment in remedy.assignments}}
    return merge(written, {counted: {assignment.source: ANY for assignment in remedy.assignments if assignment.source}})


def _list_items(items: Mapping[str, Any]) -> Needs:
    own = dict.fromkeys((items["id"], *items["keys"]), ANY)
    own |= {items[field]: TIME for field in ("at", "began", "ended") if field in items}
    if "tenant" in items:
        own[items["tenant"]] = ANY
    return {items["table"]: own}


def _list_usage(usage: UsageRows) -> Needs:
    needs = merge(list_needs(usage.table, usage.where), {usage.table: {usage.item: ANY}})
    if isinstance(usage.at, Events):
        merge(needs, list_needs(usage.at.table, usage.at.where), {usage.at.table: {usage.at.item: ANY, usage.at.at: TIME}})
    else:
        merge(needs, {usage.table: {usage.at: TIME}})
    if usage.model:
        merge(needs, _list_source(usage.table, [usage.model], TEXT))
    for sources in usage.units.values():
        merge(needs, _list_source(usage.table, sources, NUMBER))
    return needs


def _list_source(table: str, sources: Sequence[Source], family: str) -> Needs:
    found: dict[str, dict[str, str]] = {}
    for source in sources:
        keys = {source.item: ANY} if source.item else {}
        merge(found, {source.table or table: {source.column: family, **keys}})
    return found
