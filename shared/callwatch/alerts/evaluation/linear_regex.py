"""Regular expressions whose time is bounded: a subset without backtracking, matched against a whole text.

Supported: literals, `.`, classes such as [a-z] and [^0-9], \\d \\w \\s and their opposites, groups, `|`, and the repetitions
* + ? {m} {m,} {m,n}. Anchors at the ends are allowed and change nothing. No lookaround, no references back: those are what
makes matching slow. The cost is the number of states times the length of the text.
"""

import functools
from dataclasses import dataclass

from callwatch.alerts.evaluation.regex_parser import BadPattern, State, parse_pattern

_MAX_TEXT = 2_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. It begins in state 0 and matches if the text ends in `final`."""

    states: tuple[State, ...]
    final: int

    def matches(self, text: str) -> bool:
        """Whether the pattern matches the whole text; a longer text than any label never matches."""
        if len(text) > _MAX_TEXT:
            return False
        current = self._close({0})
        for one in text:
            reached = set()
            for number in current:
                state = self.states[number]
                if state.accepts is not None and state.accepts(one):
                    reached.update(state.next)
            if not reached:
                return False
            current = self._close(reached)
        return self.final in current

    def _close(self, numbers: set[int]) -> set[int]:
        """Return the states that are reached from these without a character."""
        found, waiting = set(numbers), list(numbers)
        while waiting:
            state = self.states[waiting.pop()]
            if state.accepts is None:
                for number in state.next:
                    if number not in found:
                        found.add(number)
                        waiting.append(number)
        return found


@functools.lru_cache(maxsize=1_000)
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern. Raises BadPattern."""
    return Pattern(*parse_pattern(text))


@functools.lru_cache(maxsize=20_000)
def is_match(pattern: str, text: str) -> bool:
    """Whether a pattern matches a whole text; a bad pattern matches nothing."""
    try:
        return compile_pattern(pattern).matches(text)
    except BadPattern:
        return False
