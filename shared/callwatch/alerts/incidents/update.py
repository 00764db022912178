"""Brings the incidents in line with the alerts that fire: the last part of an evaluation, in its transaction.

1. Read the firing alerts, the open incidents, and what their impact is measured by.
2. Group (grouping.py): open, join, adopt, merge, hand over, end.
3. Write title, sentence, level and impact of each incident in which one of them changed.
4. Note what happened in the timelines (happenings.py).
5. Acknowledge what joined an incident that somebody has taken, unless it is worse than the incident was.

Every step compares with what is stored, so a second evaluation of the same state changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from callwatch.alerts.incidents.grouping import Firing, Ref, Standing, group_alerts
from callwatch.alerts.incidents.happenings import list_happenings
from callwatch.alerts.incidents.impact import Readings, Subject, combine, dump_impact, load_impact, measure, read_for
from callwatch.alerts.incidents.regrouping import Regrouping
from callwatch.alerts.incidents.sentences import write_sentence, write_title
from callwatch.alerts.incidents.subjects import count_left_calls, is_about_errors, is_about_waiting, name_kin
from callwatch.db.core.connect import AnyConnection
from callwatch.db.incident_queries.alert_batches import acknowledge_alerts
from callwatch.db.incident_queries.incident_lists import CauseRow, list_causes
from callwatch.db.incident_queries.incident_timeline import add_entries
from callwatch.db.incident_queries.incidents import (
    AlertInIncident,
    IncidentRow,
    list_firing_for_incidents,
    list_standing_incidents,
    merge_incidents,
    open_incidents,
    place_alerts,
    update_incidents,
)
from callwatch.models.alert import rank_level
from callwatch.settings import Settings


def regroup(conn: AnyConnection, above: Mapping[str, Sequence[str]], settings: Settings, now: datetime) -> int:
    """Update all incidents; returns how many are open. The caller commits.

    above: for the key of each alert that follows from others the keys of all its causes, the root first.
    """
    alerts = {row["id"]: row for row in list_firing_for_incidents(conn)}
    before = {row["id"]: row for row in list_standing_incidents(conn, (row["incident_id"] or 0 for row in alerts.values()))}
    firing = [
        Firing(
            row["id"], row["alert_key"], row["level"], row["started_at"], row["incident_id"],
            name_kin(row["rule_id"], row["labels"]),
        )
        for row in alerts.values()
    ]  # fmt: skip
    standing = [Standing(row["id"], row["cause_alert_id"], row["started_at"]) for row in before.values()]
    work = Regrouping(now, settings.timezone, alerts, before, group_alerts(firing, above, standing), above)
    _build_rows(conn, work)
    _store(conn, work)
    return len(work.members)


def _build_rows(conn: AnyConnection, work: Regrouping) -> None:
    subjects = {
        ref: Subject(
            [row["labels"] for row in rows],
            _find_start(work.before.get(ref), rows),
            is_about_errors(row["rule_id"] for row in rows),
            count_left_calls((row["rule_id"], row["value"]) for row in rows),
            is_about_waiting(row["rule_id"] for row in rows),
        )
        for ref, rows in work.members.items()
    }
    readings = read_for(conn, subjects.values(), work.now)
    work.rows = {ref: _build_row(work, ref, subjects[ref], readings) for ref in work.members}
    over = [work.before[ref] for ref in [*work.grouping.resolved, *work.grouping.merged] if work.before[ref]["state"] == "open"]
    causes = list_causes(conn, [row["cause_alert_id"] for row in over]) if over else {}
    work.ended = {row["id"]: _end_row(work, row, causes[row["cause_alert_id"]]) for row in over}


def _store(conn: AnyConnection, work: Regrouping) -> None:
    of_cause = {work.rows[ref]["cause_alert_id"]: ref for ref in work.rows if ref < 0}
    made = open_incidents(conn, [work.rows[ref] for ref in of_cause.values()])
    work.opened = {of_cause[cause_id]: incident_id for cause_id, incident_id in made.items()}
    standing = [row for ref, row in work.rows.items() if ref > 0 and row != work.before[ref]]
    update_incidents(conn, [*standing, *work.ended.values()])
    places = {alert_id: work.find_id(ref) for alert_id, ref in work.grouping.places.items()}
    place_alerts(conn, {alert_id: place for alert_id, place in places.items() if place != work.alerts[alert_id]["incident_id"]})
    merge_incidents(conn, {mine: work.find_id(ref) for mine, ref in work.grouping.merged.items()}, work.now)
    add_entries(conn, list_happenings(work))
    _acknowledge_joined(conn, work)


def _build_row(work: Regrouping, ref: Ref, subject: Subject, readings: Readings) -> IncidentRow:
    """Build the row of an incident that is open from now on."""
    members, merged = work.members[ref], work.merged_from.get(ref, [])
    stored = work.before.get(ref)
    earlier = [stored, *merged] if stored is not None else merged
    cause = work.alerts[work.grouping.causes[ref]]
    measured = measure(subject, readings)
    impact = measured
    for known in earlier:
        impact = combine(load_impact(known["impact"]), impact)
    owned = next((row for row in earlier if row["owner"] is not None), None)
    waiting, others = measured["calls"], len(members) - 1
    calls = waiting if isinstance(waiting, int) else None
    return {
        "id": ref,
        "state": "open",
        "title": write_title(cause["title"], cause["labels"]),
        "sentence": write_sentence(cause, others, calls, subject.started_at, None, work.now, work.timezone),
        "level": max([*(row["level"] for row in members), *(row["level"] for row in earlier)], key=rank_level),
        "started_at": subject.started_at,
        "resolved_at": None,
        "cause_alert_id": cause["id"],
        "impact": dump_impact(impact),
        "owner": owned["owner"] if owned is not None else None,
        "owned_at": owned["owned_at"] if owned is not None else None,
        "merged_into": None,
    }


def _find_start(before: IncidentRow | None, members: Sequence[AlertInIncident]) -> datetime:
    return min([*(row["started_at"] for row in members), *([before["started_at"]] if before is not None else [])])


def _end_row(work: Regrouping, before: IncidentRow, cause: CauseRow) -> IncidentRow:
    """Build the row of an incident of which no alert fires any more; its cause is the last one it had."""
    resolved_at = max(work.now, before["started_at"])
    sentence = write_end(before, cause, resolved_at, work.now, work.timezone)
    return cast("IncidentRow", {**before, "state": "resolved", "resolved_at": resolved_at, "sentence": sentence})


def write_end(before: IncidentRow, cause: CauseRow, resolved_at: datetime, now: datetime, timezone: str) -> str:
    """Write the sentence of an incident that ended."""
    calls = load_impact(before["impact"])["calls"]
    most = calls if isinstance(calls, int) else None
    return write_sentence(cause, 0, most, before["started_at"], resolved_at, now, timezone)


def _acknowledge_joined(conn: AnyConnection, work: Regrouping) -> None:
    by_owner: dict[str, list[int]] = {}
    for ref, row in work.rows.items():
        if row["owner"] is None:
            continue
        stored = work.before.get(ref)
        level = rank_level(stored["level"] if stored is not None else None)
        for alert in work.members[ref]:
            is_new = alert["incident_id"] != ref
            if is_new and alert["acknowledged_by"] is None and rank_level(alert["level"]) <= level:
                by_owner.setdefault(row["owner"], []).append(alert["id"])
    for owner, alert_ids in by_owner.items():
        acknowledge_alerts(conn, alert_ids, owner, work.now, "with the incident that it joined")
