"""Scrubbing of private and harmless corpora, with recall and false positives by kind.

`pytest -s` prints the tables. Texts marked as held out come from templates that no rule was written against.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from callwatch.scrubbing.detectors.folding import fold_letters
from callwatch.scrubbing.detectors.people.word_lists import load_words
from callwatch.scrubbing.scrubber import scrub_value
from tests.support.person_names import RARE_FIRST_NAMES, RARE_SURNAMES
from tests.support.scrub_texts import Text, make_texts
from tests.support.value_spellings import find_value

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
SEED = 20261129


def corpus(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / f"scrub_{name}.jsonl").read_text().splitlines()]


def render_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_missed(text: Text) -> bool:
    clean = render_text(scrub_value(text.text))
    return any(find_value(value, clean) for value in text.private)


def is_changed(text: Text) -> bool:
    return bool(scrub_value(text.text) != text.text)


def print_table(title: str, rows: Iterable[tuple[str, bool]]) -> tuple[int, list[str]]:
    """Print a line for each kind; return the number of texts and the failed ones."""
    sizes: dict[str, int] = defaultdict(int)
    wrong: dict[str, int] = defaultdict(int)
    for kind, is_wrong in rows:
        sizes[kind] += 1
        wrong[kind] += is_wrong
    print(f"\n{title:<28}{'texts':>7}{'wrong':>7}")
    for kind in sorted(sizes):
        print(f"{kind:<28}{sizes[kind]:>7}{wrong[kind]:>7}   {1 - wrong[kind] / sizes[kind]:.4f}")
    total, bad = sum(sizes.values()), sum(wrong.values())
    print(f"{'all':<28}{total:>7}{bad:>7}   {1 - bad / total:.4f}")
    return total, [kind for kind in wrong for _ in range(wrong[kind])]


def judge(texts: Sequence[Text], check: Any) -> list[tuple[Text, bool]]:
    return [(text, check(text)) for text in texts]


def label(text: Text) -> str:
    return f"{text.kind}{', held out' if text.is_held_out else ''}"


def test_recall_and_false_positives_over_all_kinds() -> None:
    private = judge([*make_texts("private", SEED), *make_texts("named", SEED)], is_missed)
    harmless = judge([*make_texts("harmless", SEED), *make_texts("unnamed", SEED)], is_changed)
    lived = [
        Text(f"{case['kind']}, from life", render_text(case["value"]), tuple(case["private"]), False)
        for case in corpus("private")
    ]
    calm = [Text("harmless, from life", render_text(case["value"]), (), False) for case in corpus("harmless")]
    private += judge(lived, is_missed)
    harmless += judge(calm, is_changed)
    size, missed = print_table("private", [(label(text), is_wrong) for text, is_wrong in private])
    calm_size, wrong = print_table("harmless", [(label(text), is_wrong) for text, is_wrong in harmless])
    assert min(size, calm_size) >= 1000
    assert len(missed) / size <= 0.01, [text for text, is_wrong in private if is_wrong][:20]
    assert len(wrong) / calm_size <= 0.01, [text for text, is_wrong in harmless if is_wrong][:20]


def test_names_are_told_from_things() -> None:
    named, things = (
        judge(list(make_texts("named", SEED + 1)), is_missed),
        judge(list(make_texts("unnamed", SEED + 1)), is_changed),
    )
    size, missed = print_table("names", [(label(text), is_wrong) for text, is_wrong in named])
    things_size, wrong = print_table("things", [(label(text), is_wrong) for text, is_wrong in things])
    assert min(size, things_size) >= 400
    assert len(missed) / size <= 0.02, [text for text, is_wrong in named if is_wrong]
    assert len(wrong) / things_size <= 0.01, [text for text, is_wrong in things if is_wrong]


def test_names_of_no_list_are_recognized() -> None:
    known = load_words().first_names | load_words().surnames
    assert not [name for name in (*RARE_FIRST_NAMES, *RARE_SURNAMES) if fold_letters(name) in known]
    rare = judge(list(make_texts("rare", SEED)), is_missed)
    size, missed = print_table("names of no list", [(label(text), is_wrong) for text, is_wrong in rare])
    held_out = [is_wrong for text, is_wrong in rare if text.is_held_out]
    assert size >= 300
    assert len(missed) / size <= 0.02, [text for text, is_wrong in rare if is_wrong][:20]
    assert sum(held_out) / len(held_out) <= 0.02


def test_written_texts_go_and_stay_by_kind() -> None:
    cases = corpus("written")
    private = [Text(case["kind"], render_text(case["value"]), tuple(case["private"]), False) for case in cases if case["private"]]
    missed = [case for case in cases if case["private"] and is_left(case)]
    wrong = [case for case in cases if not case["private"] and scrub_value(case["value"]) != case["value"]]
    harmless = len(cases) - len(private)
    print_table("written, private", [(case["kind"], case in missed) for case in cases if case["private"]])
    print_table("written, harmless", [(case["kind"], case in wrong) for case in cases if not case["private"]])
    assert min(len(private), harmless) >= 400
    for kind in {case["kind"] for case in cases}:
        of_kind = [case for case in cases if case["kind"] == kind]
        assert sum(case in missed for case in of_kind) <= 0.02 * len(of_kind), [case for case in missed if case["kind"] == kind]
        assert sum(case in wrong for case in of_kind) <= 0.01 * len(of_kind) + 1, [case for case in wrong if case["kind"] == kind]
    assert len(wrong) <= 0.01 * harmless


def is_left(case: dict[str, Any]) -> bool:
    clean = render_text(scrub_value(case["value"]))
    return any(value in clean for value in case["private"])


def test_held_out_texts_fare_as_well() -> None:
    private = [*make_texts("private", SEED + 2), *make_texts("named", SEED + 2)]
    harmless = [*make_texts("harmless", SEED + 2), *make_texts("unnamed", SEED + 2)]
    missed = [text for text in private if text.is_held_out and is_missed(text)]
    wrong = [text for text in harmless if text.is_held_out and is_changed(text)]
    assert len(missed) / sum(text.is_held_out for text in private) <= 0.02, missed
    assert len(wrong) / sum(text.is_held_out for text in harmless) <= 0.01, wrong


def test_texts_from_life_go_and_stay_as_marked() -> None:
    missed = [
        (case, clean)
        for case in corpus("private")
        for clean in [render_text(scrub_value(case["value"]))]
        if any(value in clean for value in case["private"]) or f"[{case['kind']}]" not in clean
    ]
    wrong = [
        (case["value"], clean) for case in corpus("harmless") for clean in [scrub_value(case["value"])] if clean != case["value"]
    ]
    assert not missed, missed[:20]
    assert not wrong, wrong[:20]


def test_scrubbing_again_changes_nothing() -> None:
    values = [case["value"] for case in [*corpus("private"), *corpus("harmless")]]
    values += [text.text for text in [*make_texts("private", SEED), *make_texts("named", SEED)]]
    unstable = [
        (once, twice) for value in values for once in [scrub_value(value)] for twice in [scrub_value(once)] if once != twice
    ]
    assert not unstable, unstable[:10]
