"""Parses regular expressions of a subset into the states of `linear_regex`, by recursive descent."""

import string
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_PATTERN_CHARS = 200
_MAX_STATES = 400
_MAX_REPEATS = 100
_MAX_DEPTH = 20

Accepts = Callable[[str], bool]
_CLASSES: dict[str, Accepts] = {
    "d": lambda one: one.isdecimal(),
    "w": lambda one: one.isalnum() or one == "_",
    "s": lambda one: one.isspace(),
    "D": lambda one: not one.isdecimal(),
    "W": lambda one: not (one.isalnum() or one == "_"),
    "S": lambda one: not one.isspace(),
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class BadPattern(ValueError):
    """A pattern outside of the subset; the text says what is wrong."""


@dataclass(slots=True)
class State:
    """accepts: consumes one character if it holds, and goes to `next`; None: goes to all of `next` without one."""

    accepts: Accepts | None = None
    next: list[int] = field(default_factory=list)


def parse_pattern(text: str) -> tuple[tuple[State, ...], int]:
    """Return the states of a pattern, the first of which is its start, and the number of its final one. Raises BadPattern."""
    if len(text) > MAX_PATTERN_CHARS:
        raise BadPattern(f"must have at most {MAX_PATTERN_CHARS} characters")
    parser = _Parser(text.removeprefix("^"))
    start, end = parser.parse_choice(0)
    if parser.at < len(parser.text):
        raise BadPattern("has a ) without (")
    parser.states[0].next = [start]
    return tuple(parser.states), end


class _Parser:
    """Adds states; each part is a (start, end) of them."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.states: list[State] = [State()]

    def parse_choice(self, depth: int) -> tuple[int, int]:
        """Parse alternatives up to a closing parenthesis or the end."""
        if depth > _MAX_DEPTH:
            raise BadPattern(f"must have at most {_MAX_DEPTH} nested groups")
        parts = [self._parse_sequence(depth)]
        while self._peek() == "|":
            self.at += 1
            parts.append(self._parse_sequence(depth))
        if len(parts) == 1:
            return parts[0]
        end = self._add(State())
        for _start, last in parts:
            self.states[last].next.append(end)
        return self._add(State(next=[start for start, _last in parts])), end

    def _parse_sequence(self, depth: int) -> tuple[int, int]:
        start = end = self._add(State())
        while self._peek() not in ("", "|", ")"):
            if self._is_end_anchor():
                self.at += 1
                continue
            begun_at = self.at
            part = self._parse_atom(depth)
            part = self._repeat(part, begun_at, depth)
            self.states[end].next.append(part[0])
            end = part[1]
        return start, end

    def _is_end_anchor(self) -> bool:
        return self._peek() == "$" and self.at == len(self.text) - 1

    def _parse_atom(self, depth: int) -> tuple[int, int]:
        one = self._take()
        if one == "(":
            if self._peek() == "?":
                if not self.text.startswith("?:", self.at):
                    raise BadPattern("must not use (? other than (?:")
                self.at += 2
            part = self.parse_choice(depth + 1)
            if self._take() != ")":
                raise BadPattern("has a ( without )")
            return part
        if one in "*+?{":
            raise BadPattern(f"has {one} without anything to repeat; write \\{one} for the character")
        if one in "^$":
            raise BadPattern(f"must not use {one} inside; the whole text is always matched")
        return self._add_step(self._parse_single(one))

    def _parse_single(self, one: str) -> Accepts:
        if one == ".":
            return lambda other: other != "\n"
        if one == "[":
            return self._parse_class()
        return self._parse_escape() if one == "\\" else _build_equal(one)

    def _parse_escape(self) -> Accepts:
        one = self._take()
        if one in _CLASSES:
            return _CLASSES[one]
        return _build_equal(self._unescape(one))

    def _unescape(self, one: str) -> str:
        if not one or (one in string.ascii_letters + string.digits and one not in _ESCAPES):
            raise BadPattern(f"must not use \\{one}")
        return _ESCAPES.get(one, one)

    def _parse_class(self) -> Accepts:
        is_negated = self._peek() == "^"
        self.at += is_negated
        parts: list[Accepts] = []
        while self._peek() != "]" or not parts:
            first = self._take()
            if first == "":
                raise BadPattern("has a [ without ]")
            if first == "\\" and self._peek() in _CLASSES:
                parts.append(_CLASSES[self._take()])
                continue
            low = self._unescape(self._take()) if first == "\\" else first
            if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                last = self._take()
                high = self._unescape(self._take()) if last == "\\" else last
                if high < low:
                    raise BadPattern(f"has the empty range {low}-{high}")
                parts.append(_build_range(low, high))
            else:
                parts.append(_build_equal(low))
        self.at += 1
        return lambda one: any(part(one) for part in parts) is not is_negated

    def _repeat(self, part: tuple[int, int], begun_at: int, depth: int) -> tuple[int, int]:
        """Apply the repetition behind an atom; one with a number parses the atom again for each copy."""
        sign = self._peek()
        if sign == "" or sign not in "*+?{":
            return part
        least, most = self._parse_bounds()
        if self._peek() in ("*", "+", "?", "{") and self._peek():
            raise BadPattern("must not repeat a repetition")
        ended_at = self.at
        start = end = self._add(State())
        for number in range(least if most is None else most):
            copy = part if number == 0 else self._copy(begun_at, depth)
            self.states[end].next.append(copy[0])
            if number >= least:
                self.states[end].next.append(copy[1])
            end = copy[1]
        if most is None:
            loop = self._copy(begun_at, depth) if least else part
            around = self._add(State(next=[loop[0]]))
            self.states[end].next.append(around)
            self.states[loop[1]].next.append(around)
            end = around
        self.at = ended_at
        return start, end

    def _copy(self, begun_at: int, depth: int) -> tuple[int, int]:
        self.at = begun_at
        return self._parse_atom(depth)

    def _parse_bounds(self) -> tuple[int, int | None]:
        sign = self._take()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        inner, closed, _rest = self.text[self.at :].partition("}")
        low, comma, high = inner.partition(",")
        is_number = low.isascii() and low.isdigit() and (not high or (high.isascii() and high.isdigit()))
        if not closed or not is_number or len(inner) > 7:
            raise BadPattern("must repeat as {m}, {m,} or {m,n}")
        self.at += len(inner) + 1
        least, most = int(low), int(high) if high else None if comma else int(low)
        if max(least, most or 0) > _MAX_REPEATS or (most is not None and most < least):
            raise BadPattern(f"must repeat at most {_MAX_REPEATS} times")
        return least, most

    def _add_step(self, accepts: Accepts) -> tuple[int, int]:
        end = self._add(State())
        return self._add(State(accepts, [end])), end

    def _add(self, state: State) -> int:
        if len(self.states) >= _MAX_STATES:
            raise BadPattern("is too complex; use fewer or smaller repetitions")
        self.states.append(state)
        return len(self.states) - 1

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        one = self._peek()
        self.at += 1
        return one


def _build_equal(wanted: str) -> Accepts:
    return lambda one: one == wanted


def _build_range(low: str, high: str) -> Accepts:
    return lambda one: low <= one <= high
