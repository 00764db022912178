"""The product's cron jobs: whether they run on schedule, and whether they do any work."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.sql import SQL, Identifier

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.freshness import FIRST_AT, find_active_since
from callwatch.pipeline.queries.described import CronPart, Heartbeats
from callwatch.pipeline.queries.filter_dsl import TEXT, TIME
from callwatch.pipeline.queries.query_runner import Measured, explain_stopped
from callwatch.pipeline.queries.reading import Reading
from callwatch.pipeline.queries.statements import name_column
from callwatch.pipeline.queries.time_bounds import MAX_CLOCK_SKEW_S, read_time
from callwatch.pipeline.queries.words import fold, fold_column, show_value

HEARTBEATS = "heartbeats"
LATE_AFTER_PERIODS = 2
# So many late or idle cron jobs have one cause: the rule crons_down fires.
MANY_FAILING = 3
# Two periods of the cron jobs that run each minute.
_SKIPS_AFTER_S = 120
_NAMED = 5
# A product without any row is as young as can be.
NEVER = Reason("missing", "no heartbeat of the cron was ever recorded")
_NOT_RUNNING = Reason("unavailable", "the cron does not run at all")
NONE_EVER = Reason("missing", "no heartbeat of any cron was ever recorded")
# A bare 401 may also be a count of rows; one that stands alone after "skipped" is the reason.
_REFUSED = re.compile(
    r"unauthori[sz]ed|forbidden|\b(http|status|code|error)\W{0,3}40[13]\b|^\W*40[13]\b|\bskip(ped|ping)?\W{1,3}40[13]\W*$",
    re.IGNORECASE,
)
# "skipped", but not a count of skipped items.
_SKIPPED = re.compile(r"^\W*skip(ped|ping)?\b(?!\W*\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cron:
    """One cron job according to its heartbeat.

    said: its message in our words: "refused", "skipped" or "". unsaid: why its message is unknown. unknown: why its age is
    unknown. is_ahead: its last success lies in the future. is_misspelled: only a row with another spelling of its name exists.
    """

    name: str
    period_s: float
    stage: str | None
    last_ok_at: datetime | None
    age_s: float | None
    said: str
    unknown: Reason | None = None
    is_ahead: bool = False
    unsaid: Reason | None = None
    is_misspelled: bool = False

    @property
    def is_late(self) -> bool | None:
        """Whether the last success is older than two periods; None if its age is unknown."""
        return None if self.age_s is None else self.age_s > LATE_AFTER_PERIODS * self.period_s


def build_heartbeats_reading(given: Heartbeats) -> Reading:
    """The heartbeats of the known cron jobs."""
    name, last_ok, message = given["name"], given["last_ok"], given["message"]
    template = """
        SELECT left({name}::text, 200) AS name, extract(epoch FROM {last_ok})::float AS last_ok, {message} AS message
        FROM {table} r WHERE {folded} IN (SELECT {folded_cron} FROM unnest(%(crons)s::text[]) AS given (cron))
    """
    table = given["table"]
    parts = {
        "table": Identifier(table),
        "name": name_column(name),
        "last_ok": name_column(last_ok),
        "folded": fold_column(name_column(name)),
        "folded_cron": fold_column(SQL("given.cron")),
    }
    sql = SQL(template).format(message=SQL("left({}, 200)").format(name_column(message)), **parts)
    without = SQL(template).format(message=SQL("NULL::text"), **parts)
    crons = {"crons": [cron["name"] for cron in given["crons"]]}
    silent = Reading(HEARTBEATS, {table: {name: TEXT, last_ok: TIME}}, without, is_table=True, params=crons)
    needs = {table: {name: TEXT, last_ok: TIME, message: TEXT}}
    return Reading(HEARTBEATS, needs, sql, is_table=True, params=crons, otherwise=silent)


def list_crons(given: Heartbeats, measured: Measured) -> list[Cron]:
    """Every cron of the stage file, whether it ever ran or not."""
    known: dict[str, dict[str, Any]] = {}
    for row in measured.rows.get(HEARTBEATS, []):
        name = row["name"]
        # A table without a key may hold several rows for one cron job: the newest readable one counts.
        if name not in known or _choose_newer(row, known[name], measured.at):
            known[name] = row
    unsaid = measured.substituted.get(HEARTBEATS)
    return [_build_cron(cron, known, given, measured.at, unsaid) for cron in given["crons"]]


def _choose_newer(row: Mapping[str, Any], than: Mapping[str, Any], now: datetime) -> bool:
    at, other = read_time(row["last_ok"], now), read_time(than["last_ok"], now)
    return at is not None and (other is None or at > other)


def _build_cron(
    cron: CronPart,
    known: Mapping[str, Mapping[str, Any]],
    given: Heartbeats,
    now: datetime,
    unsaid: Reason | None,
) -> Cron:
    row = known.get(cron["name"])
    odd = None if row else next((name for name in known if fold(name) == fold(cron["name"]) != ""), None)
    if odd is not None:
        where = f"{given['table']}.{given['name']}"
        why = Reason("unavailable", f"{where} spells the cron {cron['name']} in another way: {show_value(odd)}")
        return Cron(cron["name"], cron["period_s"], cron.get("stage"), None, None, "", why, is_misspelled=True)
    seconds = row["last_ok"] if row else None
    at = read_time(seconds, now)
    is_ahead = at is None and seconds is not None and seconds > now.timestamp() + MAX_CLOCK_SKEW_S
    unknown = None
    if at is None:
        fault = "lies in the future" if is_ahead else "cannot be read as a time"
        column = f"{given['table']}.{given['last_ok']}"
        unknown = NEVER if seconds is None else Reason("unavailable", f"{column} of {cron['name']} {fault}")
    age_s = None if at is None else max(0.0, (now - at).total_seconds())
    said = _classify_message(row["message"] if row else None)
    return Cron(cron["name"], cron["period_s"], cron.get("stage"), at, age_s, said, unknown, is_ahead, unsaid)


def list_cron_samples(given: Heartbeats, measured: Measured, stopped: Mapping[str, bool | None]) -> list[Sample]:
    """How late and how idle each cron job is, how many are late or idle, and how many have no heartbeat although others do.

    stopped: whether due work waits and none is done, by stage; None: unknown. Only stages whose work can be due.
    """
    if HEARTBEATS in measured.unknown:
        reason = measured.unknown[HEARTBEATS]
        return [Sample(metric, None, reason) for metric in ("cron.late", "cron.idle", "cron.failing", "cron.missing")]
    crons = list_crons(given, measured)
    samples = [_build_missing_sample(crons, measured)]
    if crons and all(cron.unknown == NEVER for cron in crons):
        return [*samples, *(Sample(metric, None, NONE_EVER) for metric in ("cron.late", "cron.idle", "cron.failing"))]
    failing: list[str] = []
    unread: list[Reason] = []
    for cron in crons:
        found, is_failing = _build_cron_sample(cron, measured, stopped)
        samples += found
        if is_failing:
            failing.append(cron.name)
        elif is_failing is None:
            unread += [sample.reason for sample in found if sample.reason is not None][:1]
    return [*samples, _build_failing_sample(failing, unread)]


def _build_missing_sample(crons: Sequence[Cron], measured: Measured) -> Sample:
    """How many cron jobs have no heartbeat although they should; unknown while the age of the product is."""
    never = [cron for cron in crons if cron.unknown == NEVER]
    why = measured.unknown.get(FIRST_AT)
    if never and why is not None and not why.is_absence:
        return Sample("cron.missing", None, why)
    missing = [cron.name for cron in never if _is_overdue(cron, measured)]
    return Sample("cron.missing", float(len(missing)), detail=_list_named(missing))


def _build_failing_sample(failing: Sequence[str], unread: Sequence[Reason]) -> Sample:
    """How many are late or idle; unknown if those of which that is unknown could make it MANY_FAILING or more."""
    if unread and len(failing) < MANY_FAILING <= len(failing) + len(unread):
        return Sample("cron.failing", None, unread[0])
    return Sample("cron.failing", float(len(failing)), detail=_list_named(failing))


def _build_cron_sample(cron: Cron, measured: Measured, stopped: Mapping[str, bool | None]) -> tuple[list[Sample], bool | None]:
    """The samples of one cron job, and whether it is late or idle; None if that is unknown."""
    labels = {"cron": cron.name}
    if cron.age_s is None:
        if cron.unknown == NEVER and not _is_overdue(cron, measured):
            return [Sample(metric, None, labels=labels, inconclusive=NEVER) for metric in ("cron.late", "cron.idle")], False
        is_failing = False if cron.unknown == NEVER else None
        return [Sample(metric, None, cron.unknown, labels) for metric in ("cron.late", "cron.idle")], is_failing
    late = round(cron.age_s / cron.period_s, 2)
    samples = [Sample("cron.late", late, None, labels, f"last success {_describe(cron.age_s)} ago", cron.last_ok_at)]
    if cron.is_late:
        idle = Sample("cron.idle", 0.0, None, labels, _NOT_RUNNING.message, inconclusive=_NOT_RUNNING)
        return [*samples, idle], True
    detail, unread = _find_idleness(cron, measured, stopped)
    if detail is None and unread is not None:
        return [*samples, Sample("cron.idle", None, unread, labels)], None
    return [*samples, Sample("cron.idle", float(detail is not None), None, labels, detail)], detail is not None


def count_odd_heartbeats(given: Heartbeats, measured: Measured) -> tuple[int, int]:
    """How many heartbeats cannot be read as a time, and how many lie in the future."""
    odd = [cron for cron in list_crons(given, measured) if cron.unknown not in (None, NEVER) and not cron.is_misspelled]
    ahead = sum(cron.is_ahead for cron in odd)
    return len(odd) - ahead, ahead


def _is_overdue(cron: Cron, measured: Measured) -> bool:
    """Whether the product is older than two periods of a cron job: in a new product its daily jobs have not run yet."""
    since = find_active_since(measured)
    return since is not None and (measured.at - since).total_seconds() > LATE_AFTER_PERIODS * cron.period_s


def _list_named(names: Sequence[str]) -> str | None:
    rest = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{rest}" if names else None


def _find_idleness(cron: Cron, measured: Measured, stopped: Mapping[str, bool | None]) -> tuple[str | None, Reason | None]:
    """Why a cron job that runs does nothing; else why that is unknown; two None if it works."""
    if cron.said == "refused":
        return "the cron runs, and is refused", None
    # Without its message nobody knows whether it is refused; that the work of its stage stands still says enough.
    unread = cron.unsaid
    if cron.stage is None:
        return None, unread
    stage = cron.stage
    if cron.said == "skipped":
        due_since = measured.get(f"{stage}.due_since")
        if due_since is not None and measured.at.timestamp() - due_since > _SKIPS_AFTER_S:
            return "the cron runs, and skips due work", None
        why = measured.substituted.get(f"{stage}.due_since", measured.unknown.get(f"{stage}.due_since"))
        unread = why if why is not None and not why.is_absence else unread
    is_stopped = stopped.get(stage, False)
    if is_stopped:
        return f"the cron runs, but no work of {stage} is done", None
    return None, explain_stopped(measured, stage) if is_stopped is None else unread


def _classify_message(message: str | None) -> str:
    text = message or ""
    return "refused" if _REFUSED.search(text) else "skipped" if _SKIPPED.search(text) else ""


def _describe(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
