"""The language check: what it finds, and that it can fail."""

import ast
import subprocess
from pathlib import Path

import pytest

from tools.language import (
    check_decision,
    check_folders,
    check_names,
    check_sentences,
    check_text,
    check_tree,
    check_typescript_names,
)


@pytest.mark.parametrize("line", ["whoever asks is told", "# mended since", "it is read anew", "a time-out of 3 s"])
def test_banned_word_is_found_with_a_remedy(line: str) -> None:
    findings = list(check_text(f"fine\n{line}\n"))
    assert findings
    assert all(number == 2 and "write: " in what for number, what in findings)


def test_plain_sentence_passes() -> None:
    assert list(check_text("The monitor sends a notification.\nRecommended timeout: 3 s\n")) == []


@pytest.mark.parametrize(
    "line",
    [
        "What is late counts as a timeout.",
        "It ends. What was cut is marked in",
        "- What breaks is reported.",
        "**Meaning.** What it says is true.",
    ],
)
def test_clause_as_subject_is_found(line: str) -> None:
    assert [number for number, _what in check_sentences(f"fine\n{line}\n")] == [2]


@pytest.mark.parametrize(
    "line",
    ["## What you get", "| What is late | counts |", "What is sent, and what is not:", "What is late?", "It shows what is late."],
)
def test_question_heading_and_object_clause_pass(line: str) -> None:
    assert list(check_sentences(line)) == []


def test_typescript_function_without_a_verb_is_found() -> None:
    source = "export function nameOf(x) {}\nconst keyOf = (x) => x;\nfunction indexOffset() {}\n"
    assert len(list(check_typescript_names(source))) == 2


def test_long_test_name_is_found() -> None:
    assert len(list(check_names(ast.parse(f"def test_{'a' * 56}() -> None: ...\n")))) == 1
    assert list(check_names(ast.parse(f"def test_{'a' * 55}() -> None: ...\n"))) == []


def test_function_without_a_verb_is_found() -> None:
    assert len(list(check_names(ast.parse("def name_of(x): ...\nasync def _key_of(x): ...\n")))) == 2


def test_tree_finds_a_noun_in_code_but_not_in_tests(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for folder in ("cli", "tests"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "figures.py").write_text("def trends(): ...\n")
    (finding,) = check_tree(tmp_path)
    assert finding.startswith("cli/figures.py:1: begin the name with a verb")
    assert finding.endswith(": trends")


def test_decision_needs_title_status_and_date() -> None:
    assert list(check_decision("# 7. Take the lease in a row\n\nAccepted, 2026-11-29\n")) == []
    assert len(list(check_decision("# The lease\n"))) == 2


def test_crowded_folder_and_vague_module_are_found() -> None:
    modules = [Path(f"shared/callwatch/db/table_{number}.py") for number in range(19)]
    findings = list(check_folders([*modules, Path("shared/callwatch/alerts/parts.py")]))
    assert len(findings) == 2
