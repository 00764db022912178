"""Resolves the stacks of JavaScript before they are grouped, where their source maps were uploaded by then.

The fingerprint is then computed from the resolved stack. The first resolved fingerprint that comes from a minified one takes
that one's group over, so that an upload makes no known error new; others form groups of their own.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from callwatch.db import connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.error_groups import GroupKey, add_history, find_known
from callwatch.db.error_queries.source_maps import list_projects_with_maps, list_taken, note_use, set_replaced
from callwatch.digest.message_parser import Occurrence
from callwatch.events.event_summary import summarize_event
from callwatch.settings import get_settings
from callwatch.source_maps.look_up import Budget
from callwatch.source_maps.stacks import resolve_stacks

_BATCH_S = 6.0
_BATCH_MAPS = 12
# Events in memory at once.
_SLICE = 200
_STATEMENT_MS = 5_000
_log = logging.getLogger(__name__)


def resolve_occurrences(errors: Sequence[Occurrence], now: datetime) -> None:
    """Resolve what can be resolved now, in bounded time. Never raises: an error is stored as it came, and resolved when shown."""
    candidates = [occurrence for occurrence in errors if occurrence.head.get("js") is True]
    if not candidates:
        return
    budget = Budget(time.monotonic() + _BATCH_S, _BATCH_MAPS)
    try:
        with connection(statement_timeout_ms=_STATEMENT_MS) as conn:
            projects = list_projects_with_maps(conn)
            candidates = [occurrence for occurrence in candidates if occurrence.key[1] in projects]
            for start in range(0, len(candidates), _SLICE):
                _resolve(conn, candidates[start : start + _SLICE], budget, now)
            conn.commit()
    except Exception:
        _log.exception("source maps are not applied")


def adopt_minified(conn: AnyConnection, unknown: Sequence[GroupKey], errors: Sequence[Occurrence]) -> dict[GroupKey, int]:
    """Find the groups that unknown fingerprints of resolved stacks take over. The caller holds the lock of creators."""
    wanted = set(unknown)
    minified = {key: old for o in errors if (key := o.group_key) in wanted and (old := o.minified_key)}
    known = find_known(conn, sorted(set(minified.values())))
    taken = list_taken(conn, set(known))
    adopted: dict[GroupKey, int] = {}
    for key, old in sorted(minified.items()):
        if old in known and old not in taken:
            adopted[key] = known[old]
            taken.add(old)
    return adopted


def note_adopted(conn: AnyConnection, adopted: Mapping[GroupKey, int], errors: Sequence[Occurrence]) -> None:
    """Record which fingerprints took over which, once they lead to the groups. The caller commits."""
    minified = {o.group_key: o.minified_key for o in errors if o.minified_key and o.group_key in adopted}
    set_replaced(conn, {key: old[2] for key, old in minified.items()})
    why = "its stack is resolved by a source map from now on; what was stored before is resolved when it is shown"
    add_history(conn, [(adopted[key], "callwatch", "source_map", why) for key in sorted(minified)])


def _resolve(conn: AnyConnection, errors: Sequence[Occurrence], budget: Budget, now: datetime) -> None:
    events: list[tuple[int, dict[str, object]]] = [(o.key[1], json.loads(o.event_text)) for o in errors]
    resolution = resolve_stacks(conn, get_settings().source_maps_url, events, budget)
    note_use(conn, resolution.used, now)
    for occurrence, event in zip(errors, resolution.events, strict=True):
        if event is None:
            continue
        head = summarize_event(event)
        old = occurrence.group_key
        occurrence.head = {**occurrence.head, **{name: head[name] for name in ("fingerprint", "places") if name in head}}
        occurrence.minified_key = old if occurrence.group_key != old else None
        occurrence.resolved_text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
