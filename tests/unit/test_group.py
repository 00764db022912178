"""Which occurrences are one error: a corpus of pairs that belong together and of pairs that do not."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callwatch.tracker.group import VERSION, fingerprint_of, normalise

CORPUS = Path(__file__).resolve().parents[1] / "fixtures" / "group_corpus.jsonl"


def test_each_pair_of_the_corpus_is_told_right() -> None:
    pairs: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    wrong = [pair["why"] for pair in pairs if (fingerprint_of(pair["a"]) == fingerprint_of(pair["b"])) is not pair["is_same"]]
    together = sum(pair["is_same"] for pair in pairs)
    print(f"{together} pairs of one group, {len(pairs) - together} of two: {len(pairs) - len(wrong)} right, {len(wrong)} wrong")
    assert not wrong
    assert len(pairs) >= 80


def test_a_fingerprint_says_by_which_rules_it_was_made() -> None:
    for event in ({"message": "x"}, {"message": "x", "fingerprint": ["ours"]}):
        assert re.fullmatch(rf"{VERSION}:[0-9a-f]{{32}}", fingerprint_of(event))


@given(st.text(max_size=300))
def test_a_message_is_normalised_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.sampled_from(["call {} failed", "took {} ms", "id={}", "({})", "x-{}"]))
def test_numbers_do_not_tell_messages_apart(one: int, other: int, form: str) -> None:
    assert normalise(form.format(one)) == normalise(form.format(other))
