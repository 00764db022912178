"""No text is a protocol: with every sentence of the package changed, rules, notifications and channels behave the same."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.reworded import change_words, is_sentence

ROOT = Path(__file__).resolve().parents[2]


def play(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.support.alert_story", *arguments]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == 0, found.stderr[-2000:]
    story: dict[str, Any] = json.loads(found.stdout)
    return story


def mask_texts(found: Any) -> Any:
    """Replace each text that people read; codes, ids and figures stay."""
    if isinstance(found, dict):
        return {name: mask_texts(value) for name, value in found.items()}
    if isinstance(found, list):
        return [mask_texts(value) for value in found]
    return "(a text)" if isinstance(found, str) and re.search(r"\s", found.strip()) else found


def list_texts(found: Any) -> set[str]:
    if isinstance(found, dict):
        return set().union(*map(list_texts, found.values()), set())
    if isinstance(found, list):
        return set().union(*map(list_texts, found), set())
    return {found} if isinstance(found, str) and " " in found else set()


@pytest.fixture(scope="module")
def stories() -> tuple[dict[str, Any], dict[str, Any]]:
    return play(), play("reworded")


def test_changed_sentences_change_no_behavior(stories: tuple[dict[str, Any], dict[str, Any]]) -> None:
    usual, reworded = stories
    assert mask_texts(reworded["story"]) == mask_texts(usual["story"])


def test_story_has_alerts_and_its_sentences_did_change(stories: tuple[dict[str, Any], dict[str, Any]]) -> None:
    usual, reworded = stories
    minutes = [*usual["story"]["together"], *(minute for story in usual["story"]["alone"].values() for minute in story)]
    assert {change[1] for minute in minutes for change in minute["changes"]} >= {"firing", "resolved"}
    assert sum(len(minute["sent"]) for minute in minutes) > 50
    assert reworded["changed"] > 200
    assert usual["changed"] == 0
    texts = list_texts(usual["story"])
    # Figures with a unit, such as "25 %", are no sentences; Slack's dates have a language of their own.
    kept = {text for text in texts & list_texts(reworded["story"]) if len(re.findall(r"[A-Za-z]{2,}", text)) > 2}
    kept = {text for text in kept if "<!date^" not in text}
    assert kept <= {"a note of the product", "3 of 4 failed"}, kept


@pytest.mark.parametrize(
    ("text", "is_prose"),
    [("It began ", True), ("measured {value}", True), ("firing", False), ("SELECT id FROM t", False), ("%d %b %Y", False),
     ("<td style='a: b'>", False), (", ", False)],
)  # fmt: skip
def test_sentence_is_distinguished_from_codes(text: str, is_prose: bool) -> None:
    assert is_sentence(text) == is_prose


def test_change_keeps_length_and_placeholders() -> None:
    assert change_words("It began {at} ago, 5 s") == "tI nageb {at} oga, 5 s"
