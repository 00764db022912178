"""What the advisory services answer is told as it is, and what they do not answer as not known."""

import json

import pytest

from local.audit import Findings, ServiceUnreachable, of_node, of_python


def test_a_known_flaw_is_named() -> None:
    answer = {
        "dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}, {"name": "b", "version": "2", "vulns": []}]
    }
    assert of_python(json.dumps(answer)) == Findings(2, 0, ("a 1: CVE-1",))


def test_a_package_that_was_skipped_counts_as_not_checked() -> None:
    answer = {"dependencies": [{"name": "a", "skip_reason": "could not be audited"}]}
    assert of_python(json.dumps(answer)) == Findings(0, 1, ())


def test_flaws_of_npm_packages_are_named() -> None:
    answer = {"vulnerabilities": {"left": {"severity": "high"}}, "metadata": {"dependencies": {"total": 12}}}
    assert of_node(json.dumps(answer)) == Findings(12, 0, ("left: high",))


@pytest.mark.parametrize("answer", ["", "not json", "{}", '{"error": "unreachable"}'])
def test_no_answer_is_not_taken_for_a_good_one(answer: str) -> None:
    for read in (of_python, of_node):
        with pytest.raises(ServiceUnreachable):
            read(answer)
