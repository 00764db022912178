"""What is private goes and what is not stays: a corpus of both, with precision and recall."""

import json
from pathlib import Path
from typing import Any

from callwatch.tracker.scrub import scrub_value

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def corpus(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / f"scrub_{name}.jsonl").read_text().splitlines()]


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def test_everything_private_in_the_corpus_goes_and_nearly_nothing_else() -> None:
    private, harmless = corpus("private"), corpus("harmless")
    missed = [
        (case, clean)
        for case in private
        for clean in [text_of(scrub_value(case["value"]))]
        if any(p in clean for p in case["private"])
    ]
    wrong = [(case["value"], clean) for case in harmless for clean in [scrub_value(case["value"])] if clean != case["value"]]
    recall = 1 - len(missed) / len(private)
    precision = (len(private) - len(missed)) / (len(private) - len(missed) + len(wrong))
    print(f"private {len(private)}, harmless {len(harmless)}: recall {recall:.4f}, precision {precision:.4f}")
    assert not missed, missed[:20]
    assert len(wrong) / len(harmless) < 0.01, wrong[:20]
    assert len(private) >= 200
    assert len(harmless) >= 300


def test_what_went_is_marked_by_its_kind() -> None:
    unmarked = [
        (case, clean)
        for case in corpus("private")
        for clean in [text_of(scrub_value(case["value"]))]
        if f"[{case['kind']}]" not in clean
    ]
    assert not unmarked, unmarked[:20]


def test_scrubbing_again_changes_nothing() -> None:
    for case in [*corpus("private"), *corpus("harmless")]:
        once = scrub_value(case["value"])
        assert scrub_value(once) == once, case
