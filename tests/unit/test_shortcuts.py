"""The shortcuts of ingest give the same results as the long way: sanitizing, measuring, marks, and plain addresses."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callwatch.events.trim import is_surely_below, measure_size
from callwatch.scrubbing import pipeline, sanitize
from callwatch.scrubbing.scrubber import scrub_event

TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(["\x00", "\ud800", "\U0001f600", "x" * 501, '"\x01"'])
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 2**63 - 1])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.integers(), inner, max_size=4),
    max_leaves=20,
)
# Words that rules look for, next to words of any API.
_WORDS = (
    "api calls users customer agent lead james maria smith password token reset verify secret key sg akia asia eyj dr mr phone"
    " card cvv cvc pin otp zip street account home recording recordings webhook hooks slack discord telegram wav ogg audio"
    " client ip dl passport medicare born bearer marisol quintanilla name"
)
WORDS = st.sampled_from(_WORDS.split())
HOSTS = st.tuples(st.lists(WORDS, min_size=1, max_size=4), st.sampled_from(["com", "net", "org", "io"])).map(
    lambda parts: ".".join([*parts[0], parts[1]])
)
SEGMENTS = st.lists(WORDS | st.integers(0, 9_999).map(str), max_size=8).map(lambda words: "".join(f"/{word}" for word in words))
ADDRESSES = st.tuples(st.sampled_from(["http", "https"]), HOSTS, SEGMENTS).map(lambda parts: f"{parts[0]}://{parts[1]}{parts[2]}")


def nest(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@given(VALUES)
@example(nest(sanitize.MAX_DEPTH))
@example(nest(sanitize.MAX_DEPTH + 1))
@example({"a": {1: "x"}})
@example(("a", "b"))
def test_clean_values_skip_the_long_way(value: Any) -> None:
    marks: set[str] = set()
    slow = sanitize._sanitize(value, marks, 0)
    assert repr(sanitize.sanitize(value)) == repr((slow, sorted(marks)))


@given(VALUES)
def test_the_bound_of_a_size_holds(value: Any) -> None:
    event = {"context": sanitize.sanitize(value)[0]}
    size = measure_size(event)
    assert not is_surely_below(event, size)
    assert is_surely_below({"message": "x" * 100}, 1_000)


@given(ADDRESSES)
def test_plain_addresses_need_no_rule(address: str) -> None:
    if pipeline._PLAIN_ADDRESS.fullmatch(address):
        assert pipeline._scrub_signs(address, False) == address
        assert pipeline._scrub_signs(address, True) == address


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com/services/a",
        "https://api.example.com/recordings/7",
        "https://api.example.com/cvv/123",
        "https://api.example.com/home/maria",
        "https://api.example.com/calls/12345",
    ],
)
def test_other_addresses_take_all_rules(address: str) -> None:
    assert not pipeline._PLAIN_ADDRESS.fullmatch(address)


@given(VALUES)
def test_marks_are_found_in_every_text(value: Any) -> None:
    clean = scrub_event({"message": "call 415-555-2671", "context": sanitize.sanitize(value)[0], "tags": {"a": "b@c.de"}})
    kept = {name: item for name, item in clean.items() if name != "scrubbed"}
    text = json.dumps(kept, ensure_ascii=False)
    assert {"phone", "email"} <= set(clean["scrubbed"])
    assert all(f"[{kind}]" in text for kind in clean["scrubbed"])
