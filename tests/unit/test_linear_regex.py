"""Regular expressions without backtracking agree with Python's where both know a pattern, and are never slow."""

import random
import re
import time

import pytest

from callwatch.alerts.evaluation.linear_regex import compile_pattern, is_match
from callwatch.alerts.evaluation.regex_parser import BadPattern

ATOMS = ("a", "b", ".", "[ab]", "[^a]", "(a|b)", "(?:ab|)", "(a(b|c))", "c", r"\d", r"\W", "[a-c1-3]", r"[\d-]", r"\.")
REPEATS = ("", "", "*", "+", "?", "{2}", "{1,2}", "{0,}", "{2,}", "|")


def test_matches_are_those_of_python() -> None:
    chance = random.Random(20261130)
    for _round in range(5_000):
        pattern = "".join(chance.choice(ATOMS) + chance.choice(REPEATS) for _part in range(chance.randint(0, 5)))
        text = "".join(chance.choice("abc1.-\n") for _one in range(chance.randint(0, 7)))
        assert compile_pattern(pattern).matches(text) == bool(re.fullmatch(pattern, text)), (pattern, text)


def test_anchors_at_the_ends_change_nothing() -> None:
    assert is_match("^eu-.*$", "eu-west-1")
    assert is_match("eu-.*", "eu-west-1")
    assert not is_match("eu-", "eu-west-1")


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        ("(a", "has a ( without )"),
        ("a)", "has a ) without ("),
        ("[a", "has a [ without ]"),
        ("*a", "has * without anything to repeat"),
        ("a**", "must not repeat a repetition"),
        ("a{x}", "must repeat as"),
        ("a{3,2}", "must repeat at most"),
        ("a{101}", "must repeat at most"),
        ("(.{0,90}){0,90}", "is too complex"),
        ("(?=a)", "must not use (?"),
        (r"\1", r"must not use \1"),
        (r"\b", r"must not use \b"),
        ("a$b", "must not use $ inside"),
        ("[z-a]", "has the empty range z-a"),
        ("\\", "must not use"),
        ("(" * 30, "nested groups"),
        ("a" * 201, "at most 200 characters"),
    ],
)
def test_what_is_not_supported_is_refused_with_a_remedy(pattern: str, remedy: str) -> None:
    with pytest.raises(BadPattern) as caught:
        compile_pattern(pattern)
    assert remedy in str(caught.value)
    assert not is_match(pattern, "a")


@pytest.mark.parametrize("pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+$", ".*.*.*.*.*.*.*.*.*x", "a{0,60}a{0,60}b", "(.*a){9}b"])
def test_no_pattern_is_slow(pattern: str) -> None:
    begun = time.process_time()
    compile_pattern(pattern).matches("a" * 1_000)
    assert time.process_time() - begun < 2.0


def test_a_text_beyond_any_label_never_matches() -> None:
    assert not is_match(".*", "a" * 2_001)
    assert is_match(".*", "a" * 2_000)
