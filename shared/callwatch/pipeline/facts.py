"""The measured product as facts: what rules are judged by."""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime

from callwatch.models.facts import Fact
from callwatch.pipeline.completeness import availability_facts, completeness_facts
from callwatch.pipeline.crons import cron_facts
from callwatch.pipeline.freshness import freshness_facts
from callwatch.pipeline.indexes import index_facts
from callwatch.pipeline.measure import Measured, is_stopped, sum_of
from callwatch.pipeline.stage import Stage, StageFile
from callwatch.pipeline.syncs import sync_facts
from callwatch.pipeline.vendors import vendor_facts
from callwatch.pipeline.webhooks import webhook_facts

# First parts of the names of all facts that come from the product.
METRICS = (
    "queue.pending", "queue.stale", "pipeline.", "calls.", "recordings.", "fields.", "cron.", "webhooks.", "vendor.", "sync.",
    "schema.",
)  # fmt: skip
_COUNTS = ("stuck", "zombie", "false_success", "orphan", "overdue")
_ENOUGH_FINISHED, _FEW_DEAD = 20, 0.05
_MANY_OPEN, _OPEN_SHARE = 5, 0.1


def product_facts(stages: StageFile, measured: Measured) -> list[Fact]:
    """Every fact of the product; what could not be read is unknown, what does not apply is no fact."""
    facts = [*_queues(stages, measured)]
    stopped = {stage.name: is_stopped(measured, stage.name) for stage in stages.stages}
    for stage in stages.stages:
        facts += _stage_facts(stage, measured)
    parts = stages.parts
    if "freshness" in parts:
        facts += freshness_facts(parts["freshness"], measured)
    if "availability" in parts:
        facts += availability_facts(parts["availability"], measured)
    if "completeness" in parts:
        facts += completeness_facts(parts["completeness"], measured)
    if "heartbeats" in parts:
        facts += cron_facts(parts["heartbeats"], measured, {name: bool(value) for name, value in stopped.items()})
    if "webhooks" in parts:
        facts += webhook_facts(parts["webhooks"], measured)
    if "syncs" in parts:
        facts += sync_facts(measured)
    for vendor in stages.vendors:
        facts += vendor_facts(vendor, measured)
    return [*facts, *_drift(measured), *index_facts(stages, measured)]


def depths(stages: StageFile, measured: Measured) -> list[tuple[str, str, float]]:
    """(stage, figure, value) of what is kept by minute: how much waits, and completions a minute; unknown ones left out."""
    kept = []
    for stage in stages.stages:
        for figure, source, per_minute in (("pending", "pending", 1), ("completed", "completed_10m", 10)):
            value = measured.get(f"{stage.name}.{source}")
            if value is not None:
                kept.append((stage.name, figure, value / per_minute))
    return kept


def stale_figures(stages: StageFile) -> list[str]:
    """Names of the figures that together are the stale work: overdue where a queue has a schedule, else stuck."""
    queues = [stage for stage in stages.stages if stage.is_queue]
    return [f"{stage.name}.{'stuck' if stage.rows['overdue'].none else 'overdue'}" for stage in queues]


def _queues(stages: StageFile, measured: Measured) -> Iterator[Fact]:
    pending = [f"{stage.name}.pending" for stage in stages.stages if stage.is_queue]
    for metric, names in (("queue.pending", pending), ("queue.stale", stale_figures(stages))):
        value, reason = sum_of(measured, *names)
        yield Fact(metric, None if value is None else float(value), reason)


def _stage_facts(stage: Stage, measured: Measured) -> Iterator[Fact]:
    labels = {"stage": stage.name}
    for figure in _COUNTS:
        # Where unfinished items say that a stage is down, a single stuck one is no news.
        if not stage.rows[figure].none and not (figure == "stuck" and stage.unfinished):
            yield _fact(f"pipeline.{figure}", measured, f"{stage.name}.{figure}", labels)
    if not stage.rows["due"].none:
        yield _stopped(stage, measured, labels)
    if not stage.rows["dead"].none:
        yield from _dead(stage, measured, labels)
    if stage.unfinished:
        yield _unfinished(stage, measured, labels)


def _fact(metric: str, measured: Measured, name: str, labels: Mapping[str, str]) -> Fact:
    value = measured.get(name)
    return Fact(metric, value, None if value is not None else measured.why(name), labels)


def _stopped(stage: Stage, measured: Measured, labels: Mapping[str, str]) -> Fact:
    """A rate of zero with work waiting is the alarm, not a reason to say nothing."""
    found = is_stopped(measured, stage.name)
    if found is None:
        return Fact("pipeline.stopped", None, measured.why(f"{stage.name}.due", f"{stage.name}.completed_10m"), labels)
    due = measured.count(f"{stage.name}.due") or 0
    since = measured.time(f"{stage.name}.due_since") if due else None
    detail = f"{due} due for more than 10 min, none completed in 10 min" if found else None
    return Fact("pipeline.stopped", float(found), None, labels, detail, since)


def _dead(stage: Stage, measured: Measured, labels: Mapping[str, str]) -> Iterator[Fact]:
    """How many dead letters, where they are not few beside what is done, and their share.

    An item dies hours after it came: what dies in the evening is held against an ordinary hour of the day, too.
    """
    dead, done = measured.get(f"{stage.name}.dead_last_hour"), measured.get(f"{stage.name}.completed_last_hour")
    if dead is None or done is None:
        yield _fact("pipeline.dead", measured, f"{stage.name}.dead_last_hour", labels)
        reason = measured.why(f"{stage.name}.dead_last_hour", f"{stage.name}.completed_last_hour")
        yield Fact("pipeline.dead_ratio", None, reason, labels)
        return
    usual = max(done, (measured.get(f"{stage.name}.completed") or 0.0) / 24)
    share = dead / (dead + usual) if dead else 0.0
    detail = f"{dead:.0f} dead beside {done:.0f} done in an hour"
    yield Fact("pipeline.dead_ratio", round(share, 4) if dead + done >= _ENOUGH_FINISHED else 0.0, None, labels, detail)
    if not dead or share > _FEW_DEAD:
        yield Fact("pipeline.dead", dead, None, labels, detail)


def _unfinished(stage: Stage, measured: Measured, labels: Mapping[str, str]) -> Fact:
    """The age of the oldest open item where the stage is down: the newest items are all open, or many are.

    One item that failed for good does not make a stage that is down.
    """
    name = f"{stage.name}.unfinished"
    items, is_open, newest_open = (measured.get(f"{name}.{figure}") for figure in ("items", "open", "newest_open"))
    since: datetime | None = measured.time(f"{name}.since")
    if items is None or is_open is None or newest_open is None or since is None:
        return Fact("pipeline.unfinished_s", None, measured.why(f"{name}.items"), labels)
    # Of a few items, more than that share are open now and then by chance.
    many = max(_MANY_OPEN, _OPEN_SHARE * items + 2 * math.sqrt(_OPEN_SHARE * items))
    is_down = is_open > 0 and (newest_open >= min(items, 3) or is_open >= many)
    detail = f"{is_open:.0f} of {items:.0f} {stage.table} are not finished"
    age_s = (measured.at - since).total_seconds() if is_down else 0.0
    return Fact("pipeline.unfinished_s", round(age_s), None, labels, detail, since if is_down else None)


def _drift(measured: Measured) -> Iterator[Fact]:
    for (table, column), reason in sorted(measured.drift.items()):
        yield Fact("schema.drift", 1.0, None, {"table": table, "column": column} if column else {"table": table}, reason)
