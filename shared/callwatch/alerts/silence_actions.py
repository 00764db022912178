"""What people do to silences: create one, which may begin later, and end one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from callwatch.alerts.actions import find_rule, require_reason
from callwatch.alerts.evaluation.silences import Silence, load_silence
from callwatch.alerts.rules_in_force import list_rules_in_force
from callwatch.alerts.serializers import parse_id
from callwatch.alerts.silencing.bodies import parse_maintenance, parse_matchers, parse_recurs, parse_span
from callwatch.alerts.silencing.items import serialize_silences
from callwatch.db.alert_queries.rule_states import list_known_labels
from callwatch.db.alert_queries.silences import add_silence, end_silence
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import NotFound
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.alerts import MadeSilence

_SERVICES = ("database", "deepgram", "openai", "convoso")


def create_silence(conn: AnyConnection, given: Any, actor: str, settings: Settings, now: datetime) -> MadeSilence:
    """Create a silence from `matchers`, `reason`, `ends_at`, optionally `starts_at`, `recurs`, `is_maintenance`.

    Returns it with `warnings`. The caller commits. Raises Invalid.
    """
    reason = require_reason(given)
    starts_at, ends_at = parse_span(given, now)
    matchers, recurs = parse_matchers(given), parse_recurs(given, settings.timezone)
    is_maintenance = parse_maintenance(given, matchers)
    row = add_silence(conn, matchers, reason, actor, starts_at, ends_at, recurs, is_maintenance)
    made = load_silence(row)
    (item,) = serialize_silences(conn, [row], now)
    warnings = _find_warnings(conn, made, settings) if made is not None else []
    if recurs is not None and not item["is_muting"] and item["next_starts_at"] is None:
        warnings = ["no window begins before ends_at: the silence mutes nothing", *warnings]
    return {**item, "warnings": warnings, "unknown": {}}


def delete_silence(conn: AnyConnection, raw_id: str, actor: str) -> None:
    """End a silence now. The caller commits. Raises NotFound."""
    if not end_silence(conn, parse_id(raw_id), actor):
        raise NotFound("no silence has this id, or it has ended")


@dataclass(frozen=True, slots=True)
class _Subject:
    rule_id: str
    labels: Mapping[str, str]


def _find_warnings(conn: AnyConnection, silence: Silence, settings: Settings) -> list[str]:
    """Warn about probable mistakes: a rule that does not exist, or matchers that match nothing that is evaluated."""
    if silence.rule_id is not None and find_rule(conn, silence.rule_id, settings) is None:
        return [f"no rule has the id {silence.rule_id}: the silence mutes nothing"]
    if any(silence.matches(subject) for subject in _list_subjects(conn, silence, settings)):
        return []
    return ["nothing evaluated now matches; the silence only mutes alerts that appear later with exactly these values"]


def _list_subjects(conn: AnyConnection, silence: Silence, settings: Settings) -> Sequence[_Subject]:
    """List what the rules evaluate or would evaluate: stored labels, the rules' own labels, and the checked services."""
    known = [_Subject(row["rule_id"], row["labels"] or {}) for row in list_known_labels(conn)]
    for rule in list_rules_in_force(conn, settings):
        known.append(_Subject(rule.id, rule.labels))
        if silence.rule_id in (None, rule.id) and any(metric.startswith(("service.", "provider.")) for metric in rule.metrics):
            known += [_Subject(rule.id, {**rule.labels, "service": service}) for service in _SERVICES]
    return known
