"""Describes in the timelines what one update did to the incidents: opened, joined, left, merged, another cause, raised, over."""

from collections.abc import Iterable, Iterator, Sequence

from callwatch.alerts.incidents.grouping import Ref
from callwatch.alerts.incidents.regrouping import Regrouping
from callwatch.alerts.incidents.sentences import write_title
from callwatch.db.incident_queries.incident_timeline import NewEntry
from callwatch.db.incident_queries.incidents import AlertInIncident
from callwatch.models.alert import rank_level

_MAX_NAMED = 5
_BY = "callwatch"


def list_happenings(work: Regrouping) -> list[NewEntry]:
    """List what happened, in the order of the incidents."""
    entries: list[NewEntry] = []
    for ref in work.members:
        said = _describe_open(work, ref) if ref > 0 else _describe_new(work, ref)
        entries += [_build(work, work.find_id(ref), kind, details) for kind, details in said]
    for incident_id in work.ended:
        entries += [_build(work, incident_id, kind, details) for kind, details in _describe_ended(work, incident_id)]
    for incident_id, moved in _list_left(work).items():
        entries += [_build(work, incident_id, "alerts left", details) for details in moved]
    return entries


def _build(work: Regrouping, incident_id: int, kind: str, details: str) -> NewEntry:
    return {"incident_id": incident_id, "at": work.now, "kind": kind, "actor": _BY, "details": details}


def _describe_new(work: Regrouping, ref: Ref) -> Iterator[tuple[str, str]]:
    followers = [each for each in work.members[ref] if each["id"] != work.grouping.causes[ref]]
    yield "opened", work.rows[ref]["title"]
    if followers:
        yield "alerts joined", _list_titles(followers)


def _describe_open(work: Regrouping, ref: Ref) -> Iterator[tuple[str, str]]:
    before, row = work.before[ref], work.rows[ref]
    if before["state"] == "resolved":
        yield "reopened", "an alert fires again that had ended a short time ago"
    for merged in work.merged_from.get(ref, ()):
        yield "merged", f"incident {merged['id']} ({merged['title']}) became a part of this one"
    known = {ref, *(merged["id"] for merged in work.merged_from.get(ref, ()))}
    joined = [each for each in work.members[ref] if each["incident_id"] not in known]
    if joined:
        yield "alerts joined", _list_titles(joined)
    if before["cause_alert_id"] != row["cause_alert_id"]:
        yield _describe_cause(work, before["cause_alert_id"], row["cause_alert_id"], row["title"])
    if rank_level(row["level"]) > rank_level(before["level"]):
        yield "raised", f"from {before['level']} to {row['level']}"


def _describe_cause(work: Regrouping, old_id: int, new_id: int, title: str) -> tuple[str, str]:
    old, new = work.alerts.get(old_id), work.alerts[new_id]
    if old is not None and new["alert_key"] in work.above.get(old["alert_key"], ()):
        return "adopted", f"the cause is {title}, from which {write_title(old['title'], old['labels'])} follows"
    return "handed over", f"the cause so far is over; {title} goes on"


def _describe_ended(work: Regrouping, incident_id: int) -> Iterator[tuple[str, str]]:
    other = work.grouping.merged.get(incident_id)
    if other is None:
        yield "resolved", "none of its alerts fires any more"
    else:
        yield "merged", f"it is a part of incident {work.find_id(other)} ({work.rows[other]['title']})"


def _list_left(work: Regrouping) -> dict[int, list[str]]:
    """List what left each incident that was not merged as a whole, and where to."""
    moved: dict[tuple[int, Ref], list[AlertInIncident]] = {}
    for ref, members in work.members.items():
        for each in members:
            source = each["incident_id"]
            if source is not None and source != ref and source in work.before and source not in work.grouping.merged:
                moved.setdefault((source, ref), []).append(each)
    found: dict[int, list[str]] = {}
    for (source, ref), alerts in moved.items():
        where = f"to incident {work.find_id(ref)} ({work.rows[ref]['title']})"
        found.setdefault(source, []).append(f"{_list_titles(alerts)}, {where}")
    return found


def _list_titles(alerts: Sequence[AlertInIncident]) -> str:
    named: Iterable[str] = (write_title(each["title"], each["labels"]) for each in alerts[:_MAX_NAMED])
    more = f"; and {len(alerts) - _MAX_NAMED} more" if len(alerts) > _MAX_NAMED else ""
    return "; ".join(named) + more
