"""The shape of a scrubbing rule, and the choice of the rules that a text may need."""

import functools
import re
from collections.abc import Callable, Iterable
from re import Match

Replacement = str | Callable[[Match[str]], str]
_WORD = re.compile(r"[a-z]+")
_HEAD_CHARS = 4


class Rule:
    """The pattern to find, its replacement, and the triggers of which a text must have one."""

    def __init__(self, triggers: Iterable[str], pattern: str | re.Pattern[str], replacement: Replacement, flags: int = 0) -> None:
        """Keep the pattern as text: compiling all of them takes 40 ms, and a cold start needs few."""
        self.triggers = tuple(triggers)
        self.replacement = replacement
        self._source = pattern
        self._flags = flags

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, compiled when the first text needs it."""
        return re.compile(self._source, self._flags) if isinstance(self._source, str) else self._source


def make_rule(triggers: str, pattern: str, replacement: Replacement, flags: re.RegexFlag = re.NOFLAG) -> Rule:
    """A rule; its triggers are separated by blanks.

    A trigger of letters alone is the beginning of a word, of which only the first four letters count; one with another
    character, or followed by `*`, may stand anywhere.
    """
    return Rule(triggers.split(), pattern, replacement, flags)


def list_word_heads(lower: str) -> set[str]:
    """The first letters of each word of a lowercase text: one pass that serves all rules."""
    return {word[:_HEAD_CHARS] for word in _WORD.findall(lower)}


def list_heads(words: Iterable[str]) -> frozenset[str]:
    """The same for a list of trigger words."""
    return frozenset(word[:_HEAD_CHARS] for word in words)


class RuleSet:
    """Rules in order, with an index from each trigger to its rules."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        """Index the rules by their triggers."""
        self._rules = rules
        self._always = [number for number, rule in enumerate(rules) if not rule.triggers]
        self._heads: dict[str, list[int]] = {}
        self._signs: dict[str, list[int]] = {}
        for number, rule in enumerate(rules):
            for trigger in rule.triggers:
                index, name = (self._heads, trigger[:_HEAD_CHARS]) if trigger.isalpha() else (self._signs, trigger.rstrip("*"))
                index.setdefault(name, []).append(number)

    def apply(self, text: str, lower: str, heads: set[str]) -> str:
        """The text after each rule that has a trigger in it."""
        numbers = set(self._always)
        for head in heads & self._heads.keys():
            numbers.update(self._heads[head])
        for sign, found in self._signs.items():
            if sign in lower:
                numbers.update(found)
        for number in sorted(numbers):
            text = self._rules[number].pattern.sub(self._rules[number].replacement, text)
        return text
