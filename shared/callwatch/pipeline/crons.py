"""The product's crons: whether they run by their period, and whether they do any work."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import TEXT, TIME
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import Reading

HEARTBEATS = "heartbeats"
LATE_AFTER_PERIODS = 2
# Two periods of the crons that run each minute.
_SKIPS_AFTER_S = 120
_NAMED = 5
NEVER = "no heartbeat of it was ever recorded"
NONE_EVER = "no heartbeat of any cron was ever recorded"
# A bare 401 may as well be a count of rows; one that stands alone behind "skipped" is why.
_REFUSED = re.compile(
    r"unauthori[sz]ed|forbidden|\b(http|status|code|error)\W{0,3}40[13]\b|^\W*40[13]\b|\bskip(ped|ping)?\W{1,3}40[13]\W*$",
    re.IGNORECASE,
)
# "skipped", but not a count of skipped items.
_SKIPPED = re.compile(r"^\W*skip(ped|ping)?\b(?!\W*\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cron:
    """One cron as its heartbeat shows it; age_s, and what it said, in our words: "refused", "skipped" or ""."""

    name: str
    period_s: float
    stage: str | None
    last_ok_at: datetime | None
    age_s: float | None
    said: str

    @property
    def is_late(self) -> bool | None:
        """Whether the last success is older than two periods; None where there never was one."""
        return None if self.age_s is None else self.age_s > LATE_AFTER_PERIODS * self.period_s


def heartbeats_reading(given: Mapping[str, Any]) -> Reading:
    """The heartbeats of the crons that are known."""
    name, last_ok, message = given["name"], given["last_ok"], given["message"]
    sql = f"""
        SELECT r."{name}" AS name, extract(epoch FROM r."{last_ok}")::float AS last_ok, left(r."{message}", 200) AS message
        FROM "{given["table"]}" r WHERE r."{name}" = ANY (%(crons)s)
    """
    needs = {given["table"]: {name: TEXT, last_ok: TIME, message: TEXT}}
    without = sql.replace(f'left(r."{message}", 200)', "''")
    crons = {"crons": [cron["name"] for cron in given["crons"]]}
    silent = Reading(HEARTBEATS, {given["table"]: {name: TEXT, last_ok: TIME}}, without, is_table=True, params=crons)
    return Reading(HEARTBEATS, needs, sql, is_table=True, params=crons, otherwise=silent)


def crons_of(given: Mapping[str, Any], measured: Measured) -> list[Cron]:
    """Every cron of the stage file, whether it ever ran or not."""
    known = {row["name"]: row for row in measured.rows.get(HEARTBEATS, [])}
    found = []
    for cron in given["crons"]:
        row = known.get(cron["name"])
        last_ok = row["last_ok"] if row else None
        age_s = None if last_ok is None else max(0.0, measured.at.timestamp() - last_ok)
        at = None if last_ok is None else datetime.fromtimestamp(last_ok, measured.at.tzinfo)
        said = _said(row["message"] if row else None)
        found.append(Cron(cron["name"], cron["period_s"], cron.get("stage"), at, age_s, said))
    return found


def cron_facts(given: Mapping[str, Any], measured: Measured, stopped: Mapping[str, bool]) -> list[Fact]:
    """cron.late and cron.idle, and how many are one of both; stopped: whether due work waits and none is done, by stage."""
    if HEARTBEATS in measured.unknown:
        reason = measured.unknown[HEARTBEATS]
        return [Fact(metric, None, reason) for metric in ("cron.late", "cron.idle", "cron.failing")]
    facts: list[Fact] = []
    failing = []
    crons = crons_of(given, measured)
    if crons and all(cron.age_s is None for cron in crons):
        return [Fact(metric, None, NONE_EVER) for metric in ("cron.late", "cron.idle", "cron.failing")]
    for cron in crons:
        labels = {"cron": cron.name}
        if cron.age_s is None:
            if _should_have_run(cron, measured):
                facts += [Fact(metric, None, NEVER, labels) for metric in ("cron.late", "cron.idle")]
            continue
        late = round(cron.age_s / cron.period_s, 2)
        facts.append(Fact("cron.late", late, None, labels, f"last success {_spoken(cron.age_s)} ago", cron.last_ok_at))
        is_idle, detail = _idle(cron, measured, bool(cron.stage and stopped.get(cron.stage)))
        facts.append(Fact("cron.idle", float(is_idle), None, labels, detail))
        if is_idle or cron.is_late:
            failing.append(cron.name)
    return [*facts, Fact("cron.failing", float(len(failing)), detail=_named(failing))]


def _should_have_run(cron: Cron, measured: Measured) -> bool:
    """Whether the product is older than two periods of a cron: a new one has not come to its daily crons yet."""
    first_at = measured.get("freshness.first_at")
    return first_at is not None and measured.at.timestamp() - first_at > LATE_AFTER_PERIODS * cron.period_s


def _named(names: Sequence[str]) -> str | None:
    rest = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{rest}" if names else None


def _idle(cron: Cron, measured: Measured, is_stopped: bool) -> tuple[bool, str | None]:
    if cron.is_late:
        return False, "it does not run at all"
    if cron.said == "refused":
        return True, "it runs, and is refused"
    due_since = measured.get(f"{cron.stage}.due_since") if cron.stage else None
    if cron.said == "skipped" and due_since is not None and measured.at.timestamp() - due_since > _SKIPS_AFTER_S:
        return True, "it runs, and skips work that is due"
    return is_stopped, f"it runs, but no work of {cron.stage} is done" if is_stopped else None


def _said(message: str | None) -> str:
    text = message or ""
    return "refused" if _REFUSED.search(text) else "skipped" if _SKIPPED.search(text) else ""


def _spoken(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"
