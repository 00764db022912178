"""Silences: what they match, and an index that finds a matching one among thousands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from callwatch.alerts.evaluation.linear_regex import is_match
from callwatch.alerts.evaluation.recurrence import load_recurrence

if TYPE_CHECKING:
    from callwatch.db.alert_queries.silences import SilenceRow

OPERATORS = ("=", "!=", "=~", "!~")
_Item = tuple[str, str] | None


class Subject(Protocol):
    """What can be silenced: an instance, or the subject of a notification."""

    @property
    def rule_id(self) -> str:
        """The rule's id."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels."""


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """A test of one label: `op` is =, !=, =~ or !~. A missing label counts as an empty text."""

    name: str
    op: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels pass the test; a regular expression must match the whole value."""
        text = labels.get(self.name, "")
        if self.op in ("=", "!="):
            return (text == self.value) is (self.op == "=")
        return is_match(self.value, text) is (self.op == "=~")


@dataclass(frozen=True, slots=True)
class Silence:
    """A person's mute: rule_id, service, labels and tests are its matchers; id, actor, reason and ends_at identify it."""

    rule_id: str | None = None
    service: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    id: int | None = None
    actor: str = ""
    reason: str = ""
    ends_at: datetime | None = None
    tests: tuple[LabelMatcher, ...] = ()

    def matches(self, subject: Subject) -> bool:
        """Whether it mutes this subject."""
        if self.rule_id not in (None, subject.rule_id):
            return False
        if self.service not in (None, subject.labels.get("service")):
            return False
        if not all(subject.labels.get(name) == value for name, value in self.labels.items()):
            return False
        return all(test.matches(subject.labels) for test in self.tests)


class Silences:
    """Silences indexed by matchers: a lookup costs the labels of its subject, not the number of silences."""

    def __init__(self, silences: Sequence[Silence]) -> None:
        self._index: dict[tuple[str | None, str | None, _Item], list[Silence]] = {}
        for silence in silences:
            first = min(silence.labels.items(), default=None)
            self._index.setdefault((silence.rule_id, silence.service, first), []).append(silence)

    def __bool__(self) -> bool:
        return bool(self._index)

    def find(self, subject: Subject) -> Silence | None:
        """Return a silence that mutes the subject."""
        if not self._index:
            return None
        return next(self._list_matching(subject), None)

    def find_last(self, subject: Subject) -> Silence | None:
        """Return the silence that mutes the subject the longest."""
        ended = datetime.min.replace(tzinfo=UTC)
        return max(self._list_matching(subject), key=lambda silence: silence.ends_at or ended, default=None)

    def _list_matching(self, subject: Subject) -> Iterator[Silence]:
        items: list[_Item] = [None, *subject.labels.items()]
        for rule_id in (None, subject.rule_id):
            for service in {None, subject.labels.get("service")}:
                for item in items:
                    for silence in self._index.get((rule_id, service, item), ()):
                        if silence.matches(subject):
                            yield silence


def load_silence(row: SilenceRow) -> Silence | None:
    """Build the silence of a row of callwatch.silences; None for invalid matchers, which match nothing."""
    # A person or a defect may have damaged the stored JSON.
    matchers: object = row["matchers"]
    if not isinstance(matchers, Mapping):
        return None
    rule_id, service, labels = matchers.get("rule_id"), matchers.get("service"), matchers.get("labels") or {}
    if not (isinstance(rule_id, str | None) and isinstance(service, str | None) and isinstance(labels, Mapping)):
        return None
    split = _split_labels(labels)
    if split is None:
        return None
    equal, tests = split
    return Silence(rule_id, service, equal, row["id"], row["actor"], row["reason"], row["ends_at"], tests)


def _split_labels(labels: Mapping[str, object]) -> tuple[dict[str, str], tuple[LabelMatcher, ...]] | None:
    """Split stored labels into equalities, which the index knows, and other tests; None if one is damaged."""
    equal: dict[str, str] = {}
    tests: list[LabelMatcher] = []
    for name, given in labels.items():
        op, value = (given.get("op"), given.get("value")) if isinstance(given, Mapping) else ("=", given)
        if not isinstance(op, str) or op not in OPERATORS or not isinstance(value, str):
            return None
        if op == "=":
            equal[name] = value
        else:
            tests.append(LabelMatcher(name, op, value))
    return equal, tuple(tests)


def load_silences(rows: Iterable[SilenceRow], now: datetime) -> list[Silence]:
    """Build the silences of the valid rows that mute now; one that recurs ends with its present window."""
    found = []
    for row in rows:
        silence = load_silence(row)
        window = find_window(row, now)
        if silence is not None and window is not None:
            found.append(replace(silence, ends_at=window[1]))
    return found


def find_window(row: SilenceRow, now: datetime) -> tuple[datetime, datetime] | None:
    """Return from when to when a silence mutes without a break, if that includes now; None if it does not mute now."""
    if not row["starts_at"] <= now < row["ends_at"]:
        return None
    if row["recurs"] is None:
        return row["starts_at"], row["ends_at"]
    recurrence = load_recurrence(row["recurs"])
    window = recurrence.find_window(now) if recurrence is not None else None
    return (max(window[0], row["starts_at"]), min(window[1], row["ends_at"])) if window is not None else None
