"""Whatever JSON within a text contains, the message of an event is one that UTF-8 and PostgreSQL's jsonb can hold."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.scrubbing.sanitize import render_json
from callwatch.scrubbing.scrubber import scrub_value
from tests.support.flooded_ingest import FloodedIngest, build_envelope

ODD = st.sampled_from(["\ud800", "\udc00 x", "\x00", "a@corp-example.com", "415-555-0143", "\u2603", "\ud83d\ude00", "name", ""])
LEAVES = st.one_of(ODD, st.none(), st.integers(-5, 2**70), st.floats())
NESTED = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ODD, inner, max_size=3)), max_leaves=8
)


def wrap(value: Any, depth: int) -> str:
    """The value as JSON within JSON."""
    text = json.dumps(value)
    return wrap({"customer": text, "phone": "415-555-0143"}, depth - 1) if depth else text


def list_texts(value: Any) -> list[str]:
    """All texts in a value, keys included."""
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in list_texts(item))]
    return [text for item in value for text in list_texts(item)] if isinstance(value, list) else [str(value)]


@given(NESTED, st.integers(0, 3), st.sampled_from(["", "payload: ", "%7B "]))
def test_scrubbed_texts_can_be_encoded(value: Any, depth: int, before: str) -> None:
    scrub_value({"body": before + wrap(value, depth)})["body"].encode()


@given(NESTED)
def test_rendered_json_is_the_same_value(value: Any) -> None:
    text = render_json(value)
    text.encode()
    assert json.dumps(json.loads(text)) == json.dumps(json.loads(json.dumps(value)))


@pytest.mark.parametrize("text", ["\ud800", "\udfff" * 19, "a\x00b"])
@pytest.mark.parametrize("place", ["extra", "contexts", "tags", "breadcrumbs", "request", "user", "message", "fingerprint"])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_an_odd_sign_in_nested_json_is_stored(text: str, place: str, depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest = FloodedIngest(monkeypatch)
    nested = wrap({"first_name": "Rosalind", "note": text, text: [text]}, depth)
    given = {"message": nested, "fingerprint": [nested], "breadcrumbs": [{"message": nested}]}.get(place, {"a": nested})
    assert ingest.send_envelope(build_envelope({"message": "m", place: given}))[0] == 200
    # jsonb refuses both.
    assert not re.search("[\x00\ud800-\udfff]", "".join(list_texts(ingest.sent[-1]["event"])))
    assert "Rosalind" not in json.dumps(ingest.sent)
