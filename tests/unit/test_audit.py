"""Findings of the advisory services are shown unchanged, and missing answers as unknown."""

import json

import pytest

from tools.audit import Findings, ServiceUnreachable, parse_npm_audit, parse_pip_audit


def test_a_known_flaw_is_named() -> None:
    answer = {
        "dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}, {"name": "b", "version": "2", "vulns": []}]
    }
    assert parse_pip_audit(json.dumps(answer)) == Findings(2, 0, ("a 1: CVE-1",))


def test_a_package_that_was_skipped_counts_as_not_checked() -> None:
    answer = {"dependencies": [{"name": "a", "skip_reason": "could not be audited"}]}
    assert parse_pip_audit(json.dumps(answer)) == Findings(0, 1, ())


def test_flaws_of_npm_packages_are_named() -> None:
    answer = {"vulnerabilities": {"left": {"severity": "high"}}, "metadata": {"dependencies": {"total": 12}}}
    assert parse_npm_audit(json.dumps(answer)) == Findings(12, 0, ("left: high",))


@pytest.mark.parametrize("answer", ["", "not json", "{}", '{"error": "unreachable"}'])
def test_no_answer_is_not_taken_for_a_good_one(answer: str) -> None:
    for read in (parse_pip_audit, parse_npm_audit):
        with pytest.raises(ServiceUnreachable):
            read(answer)
