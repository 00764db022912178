"""The measured product as samples for the rules."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.completeness import list_availability_samples, list_completeness_samples
from callwatch.pipeline.crons import HEARTBEATS, count_odd_heartbeats, list_cron_samples
from callwatch.pipeline.freshness import list_freshness_samples
from callwatch.pipeline.indexes import list_index_samples
from callwatch.pipeline.queries.odd_rows import OddTotal, sum_odd_rows
from callwatch.pipeline.queries.query_runner import Measured, add_figures, explain_stopped, is_stopped
from callwatch.pipeline.queries.stage import Stage, StageFile
from callwatch.pipeline.queries.undated import NO_AGES, name_undated_counts
from callwatch.pipeline.syncs import list_sync_samples
from callwatch.pipeline.tenants.silence import SILENT_METRIC, list_silence_samples
from callwatch.pipeline.unlisted import list_unlisted_samples
from callwatch.pipeline.vendors import list_vendor_samples
from callwatch.pipeline.webhooks import list_webhook_samples

# First parts of the names of all samples that come from the product.
METRICS = (
    "queue.pending", "queue.stale", "pipeline.", "calls.", "recordings.", "fields.", "cron.", "webhooks.", "vendor.", "sync.",
    "schema.", "product.", "agency.",
)  # fmt: skip
_COUNTS = ("stuck", "zombie", "false_success", "orphan", "overdue")
_ENOUGH_FINISHED, _FEW_DEAD = 20, 0.05
_MANY_OPEN, _OPEN_SHARE = 5, 0.1
_NONE_DONE = Reason("no_traffic", "nothing was completed in the last 24 hours, so nothing shows that it is over")
_NONE_DONE_LATELY = Reason("no_traffic", "nothing was completed in the last hour, so nothing shows that it is over")
_TOO_FEW_ENDED = Reason("no_traffic", "too little work ended in the last hour to show that it is over")


def list_product_samples(
    stages: StageFile, measured: Measured, firing: Mapping[str, Sequence[Mapping[str, str]]] | None = None
) -> list[Sample]:
    """Every sample of the product; what could not be read is unknown, and what does not apply has no sample.

    firing: labels of firing instances by metric; the agencies among them are reported by name.
    """
    samples = [*_list_queues(stages, measured)]
    stopped = {stage.name: is_stopped(measured, stage.name) for stage in stages.stages if not stage.rows["due"].none}
    for stage in stages.stages:
        samples += _sample_stage(stage, measured)
    parts = stages.parts
    if "freshness" in parts:
        samples += list_freshness_samples(parts["freshness"], measured)
        samples += list_silence_samples(parts["freshness"], measured, (firing or {}).get(SILENT_METRIC, ()))
    if "availability" in parts:
        samples += list_availability_samples(parts["availability"], measured)
    if "completeness" in parts:
        samples += list_completeness_samples(parts["completeness"], measured)
    if "heartbeats" in parts:
        samples += list_cron_samples(parts["heartbeats"], measured, stopped)
    if "webhooks" in parts:
        samples += list_webhook_samples(parts["webhooks"], measured)
    if "syncs" in parts:
        samples += list_sync_samples(measured)
    for vendor in stages.vendors:
        samples += list_vendor_samples(vendor, measured)
    return [*samples, *_sample_odd_rows(stages, measured), *_list_states(stages, measured)]


def _list_states(stages: StageFile, measured: Measured) -> list[Sample]:
    return [*list_unlisted_samples(stages, measured), *_sample_drift(measured), *list_index_samples(stages, measured)]


def count_odd_rows(stages: StageFile, measured: Measured) -> dict[tuple[str, str], OddTotal]:
    """How many rows cannot be read as a time, and how many lie in the future, by table and column."""
    found = sum_odd_rows(measured.odd, ((census, measured.unknown[name]) for name, census in measured.uncounted.items()))
    heartbeats = stages.parts.get("heartbeats")
    if heartbeats and HEARTBEATS in measured.rows:
        found[heartbeats["table"], heartbeats["last_ok"]] = OddTotal(*count_odd_heartbeats(heartbeats, measured))
    elif heartbeats and HEARTBEATS in measured.unknown:
        found[heartbeats["table"], heartbeats["last_ok"]] = OddTotal(unread=measured.unknown[HEARTBEATS])
    return found


def count_undated(stage: Stage, measured: Measured) -> tuple[int | None, Reason | None]:
    """How many open items have no usable time, so that no rule by age sees them; or None and the reason."""
    return add_figures(measured, *name_undated_counts(stage))


def _sample_odd_rows(stages: StageFile, measured: Measured) -> Iterator[Sample]:
    """A column that cannot be read has no sample of zero: its alert must not end with "resolved"."""
    for (table, column), total in sorted(count_odd_rows(stages, measured).items(), key=lambda item: item[0]):
        labels = {"table": table, "column": column}
        key = next((odd.key for odd in measured.odd.values() if (odd.census.table, odd.census.column) == (table, column)), None)
        detail = f"row {key}" if key else None
        for metric, count in (("product.clock_skew", total.ahead), ("product.unreadable", total.early)):
            if count or not total.unread:
                yield Sample(metric, float(count), None, labels, detail if count else None)
            if total.unread:
                yield Sample(metric, None, total.unread, labels)


def list_depths(stages: StageFile, measured: Measured) -> list[tuple[str, str, float]]:
    """(stage, figure, value) of what is stored by minute: how much waits, and completions per minute; unknown ones are left
    out.
    """
    kept = []
    for stage in stages.stages:
        for figure, source, per_minute in (("pending", "pending", 1), ("completed", "completed_10m", 10)):
            value = measured.get(f"{stage.name}.{source}")
            if value is not None:
                kept.append((stage.name, figure, value / per_minute))
    return kept


def list_stale_figures(stages: StageFile) -> list[str]:
    """Names of the figures that together are the stale work: overdue if a queue has a schedule, else stuck."""
    queues = [stage for stage in stages.stages if stage.is_queue]
    return [f"{stage.name}.{'stuck' if stage.rows['overdue'].none else 'overdue'}" for stage in queues]


def _list_queues(stages: StageFile, measured: Measured) -> Iterator[Sample]:
    pending = [f"{stage.name}.pending" for stage in stages.stages if stage.is_queue]
    for metric, names in (("queue.pending", pending), ("queue.stale", list_stale_figures(stages))):
        value, reason = add_figures(measured, *names)
        if value is None:
            yield from _read_known_part(
                metric, sum(measured.values.get(name, measured.at_least.get(name, 0)) for name in names), {}
            )
        yield Sample(metric, None if value is None else float(value), reason)


def _read_known_part(metric: str, count: float, labels: Mapping[str, str]) -> Iterator[Sample]:
    """The known part of a count next to the sample that the whole is unknown: it may fire a rule, and cannot clear one."""
    if count > 0:
        yield Sample(metric, float(count), None, labels, "at least: some rows cannot be read")


def _sample_stage(stage: Stage, measured: Measured) -> Iterator[Sample]:
    labels = {"stage": stage.name}
    for figure in _COUNTS:
        # If unfinished items say that a stage is down, a single stuck item is no news.
        if not stage.rows[figure].none and not (figure == "stuck" and stage.unfinished):
            yield from _read_known_part(f"pipeline.{figure}", measured.at_least.get(f"{stage.name}.{figure}", 0), labels)
            sample = _build_sample(f"pipeline.{figure}", measured, f"{stage.name}.{figure}", labels)
            yield replace(sample, inconclusive=_doubt_window(stage, figure, measured))
    count, reason = count_undated(stage, measured)
    if reason != NO_AGES:
        yield Sample("pipeline.undated", None if count is None else float(count), reason, labels)
    if not stage.rows["due"].none:
        yield _sample_stopped(stage, measured, labels)
    if not stage.rows["dead"].none:
        yield from _measure_dead(stage, measured, labels)
    if stage.unfinished:
        yield _sample_unfinished(stage, measured, labels)


def _doubt_window(stage: Stage, figure: str, measured: Measured) -> Reason | None:
    """Why a count of zero is no all-clear: its rows may only have left the window, and no newer one is done."""
    is_limited = any(clause.operator == "newer than" for clause in stage.rows[figure].where)
    return _NONE_DONE if is_limited and not measured.get(f"{stage.name}.completed") else None


def _build_sample(metric: str, measured: Measured, name: str, labels: Mapping[str, str]) -> Sample:
    value = measured.get(name)
    return Sample(metric, value, None if value is not None else measured.explain_unknown(name), labels)


def _sample_stopped(stage: Stage, measured: Measured, labels: Mapping[str, str]) -> Sample:
    """A rate of zero with work waiting is the alarm, not a reason to report nothing."""
    found = is_stopped(measured, stage.name)
    if found is None:
        return Sample("pipeline.stopped", None, explain_stopped(measured, stage.name), labels)
    due = measured.get_count(f"{stage.name}.due") or round(measured.at_least.get(f"{stage.name}.due", 0))
    since = measured.get_time(f"{stage.name}.due_since") if due else None
    detail = f"{due} due for more than 10 min, none completed in 10 min" if found else None
    return Sample("pipeline.stopped", float(found), None, labels, detail, since)


def _measure_dead(stage: Stage, measured: Measured, labels: Mapping[str, str]) -> Iterator[Sample]:
    """How many dead letters there are, unless they are few compared with completed items, and their share.

    An item dies hours after it arrived: items that die in the evening are also compared with a typical hour of the day.
    """
    dead, done = measured.get(f"{stage.name}.dead_last_hour"), measured.get(f"{stage.name}.completed_last_hour")
    if dead is None or done is None:
        yield _build_sample("pipeline.dead", measured, f"{stage.name}.dead_last_hour", labels)
        reason = measured.explain_unknown(f"{stage.name}.dead_last_hour", f"{stage.name}.completed_last_hour")
        yield Sample("pipeline.dead_ratio", None, reason, labels)
        return
    is_enough = dead + done >= _ENOUGH_FINISHED
    doubt = None if done > 0 else _NONE_DONE_LATELY
    usual = max(done, (measured.get(f"{stage.name}.completed") or 0.0) / 24)
    share = dead / (dead + usual) if dead else 0.0
    detail = f"{dead:.0f} dead and {done:.0f} done in an hour"
    of_ratio = None if is_enough or not dead else _TOO_FEW_ENDED
    yield Sample(
        "pipeline.dead_ratio", round(share, 4) if is_enough else 0.0, None, labels, detail, inconclusive=doubt or of_ratio
    )
    # Dead letters that are few among what is done are no alert, and end one.
    if not dead or share > _FEW_DEAD:
        yield Sample("pipeline.dead", dead, None, labels, detail, inconclusive=doubt)


def _sample_unfinished(stage: Stage, measured: Measured, labels: Mapping[str, str]) -> Sample:
    """The age of the oldest open item if the stage is down: the newest items are all open, or many are.

    A single item that failed for good does not mean that the stage is down.
    """
    name = f"{stage.name}.unfinished"
    items, is_open, newest_open = (measured.get(f"{name}.{figure}") for figure in ("items", "open", "newest_open"))
    # Without an open item there is no start time.
    since = measured.get_time(f"{name}.since") or measured.at
    if items is None or is_open is None or newest_open is None:
        return Sample("pipeline.unfinished_s", None, measured.explain_unknown(f"{name}.items"), labels)
    # Of a few items, more than that share are sometimes open by chance.
    many = max(_MANY_OPEN, _OPEN_SHARE * items + 2 * math.sqrt(_OPEN_SHARE * items))
    is_down = is_open > 0 and (newest_open >= min(items, 3) or is_open >= many)
    detail = f"{is_open:.0f} of {items:.0f} {stage.table} are not finished"
    age_s = (measured.at - since).total_seconds() if is_down else 0.0
    # What left the window is as unfinished as before: only newer items that are finished show that the stage works again.
    doubt = None if items else Reason("no_traffic", f"no newer one of {stage.table} shows that the stage works again")
    return Sample("pipeline.unfinished_s", round(age_s), None, labels, detail, since if is_down else None, inconclusive=doubt)


def _sample_drift(measured: Measured) -> Iterator[Sample]:
    for (table, column), reason in sorted(measured.drift.items(), key=lambda item: item[0]):
        yield Sample(
            "schema.drift", 1.0, None, {"table": table, "column": column} if column else {"table": table}, reason.message
        )
