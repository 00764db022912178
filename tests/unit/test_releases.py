"""The order of releases: a corpus of pairs of names, and what decides where names do not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.grouping.releases import (
    Resolution,
    compare_releases,
    is_regression,
    list_commits,
    merge_spellings,
    needs_history,
)
from callwatch.models.error import GroupStatus

CORPUS = Path(__file__).resolve().parents[1] / "fixtures" / "release_order.jsonl"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def group(fixed_in: str | None, state: GroupStatus = "resolved") -> Resolution:
    return {"state": state, "state_changed_at": NOW, "resolved_in_release": fixed_in}


def test_each_pair_of_releases_is_ordered_right() -> None:
    pairs: list[dict[str, Any]] = [json.loads(line) for line in CORPUS.read_text().splitlines()]
    wrong = []
    for pair in pairs:
        found = compare_releases(pair["one"], pair["other"]), compare_releases(pair["other"], pair["one"])
        expected = (None, None) if pair["order"] is None else (pair["order"], -pair["order"])
        if found != expected:
            wrong.append((pair["why"], found))
    print(f"{len(pairs)} pairs of releases: {len(pairs) - len(wrong)} right, {len(wrong)} wrong")
    assert not wrong
    assert len(pairs) >= 60


@given(st.text(max_size=60), st.text(max_size=60))
def test_order_of_any_two_names_is_the_same_both_ways(one: str, other: str) -> None:
    order, reverse = compare_releases(one, other), compare_releases(other, one)
    assert (order is None) == (reverse is None)
    assert (order or 0) == -(reverse or 0)
    assert compare_releases(one, one) == 0


NUMBERS = st.integers(0, 99)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "-rc.1", "-rc.2"])), max_size=9))
def test_versions_sort_by_their_numbers(versions: list[tuple[int, int, int, str]]) -> None:
    for one in versions:
        for other in versions:
            names = [f"{major}.{minor}.{patch}{pre}" for major, minor, patch, pre in (one, other)]
            key = [(*each[:3], each[3] or "~") for each in (one, other)]
            assert compare_releases(*names) == (key[0] > key[1]) - (key[0] < key[1])


@pytest.mark.parametrize(
    ("fixed_in", "release", "expected"),
    [
        (None, "1.0.0", True),
        ("1.2.0", None, True),
        ("1.2.0", "1.2.0", True),
        ("1.2.0", "1.1.9", False),
        ("1.2.0", "1.2.0-rc.1", False),
        ("v1.2.0", "1.3.0", True),
        ("app:1.10", "app:1.9", False),
        ("3F2A91C0D4E5", "3f2a91c", True),
    ],
)
def test_names_decide_where_they_can(fixed_in: str | None, release: str | None, expected: bool) -> None:
    assert is_regression(group(fixed_in), NOW + timedelta(hours=1), release) is expected


def test_first_sight_decides_where_names_do_not() -> None:
    seen = {"aaaaaa1": NOW - timedelta(days=2), "bbbbbb2": NOW - timedelta(days=1), "ccccccc3": NOW + timedelta(hours=1)}
    later = NOW + timedelta(hours=2)
    assert needs_history(group("bbbbbb2"), "aaaaaa1")
    assert not is_regression(group("bbbbbb2"), later, "aaaaaa1", seen)
    assert is_regression(group("aaaaaa1"), later, "bbbbbb2", seen)
    assert is_regression(group("bbbbbb2"), later, "ccccccc3", seen)


def test_commit_is_known_in_each_of_its_spellings() -> None:
    old, fix = "3f2a91c0d4e5f60718293a4b5c6d7e8f90a1b2c3", "aaaabbbbccccddddeeeeffff0000111122223333"
    asked = {old[:12], f"app@{fix.upper()}", "1.2.0"}
    assert list_commits(asked) == {old[:7], fix[:7]}
    others = {old: NOW - timedelta(days=2), fix: NOW - timedelta(days=1), f"x{old[:7]}": NOW - timedelta(days=9)}
    seen = merge_spellings({}, asked, others)
    assert seen == {old[:12]: others[old], f"app@{fix.upper()}": others[fix]}
    assert not is_regression(group(f"app@{fix.upper()}"), NOW + timedelta(hours=2), old[:12], seen)


def test_fix_that_nobody_has_seen_begins_with_resolution() -> None:
    seen = {"dpl_old": NOW - timedelta(days=2), "dpl_next": NOW + timedelta(hours=1)}
    later = NOW + timedelta(hours=2)
    assert not is_regression(group("dpl_fix"), later, "dpl_old", seen)
    assert is_regression(group("dpl_fix"), later, "dpl_next", seen)
    assert is_regression(group("dpl_fix"), later, "dpl_unknown", {})


def test_only_a_resolved_group_can_come_back() -> None:
    assert not is_regression(group("1.0", state="new"), NOW + timedelta(hours=1), "2.0")
    assert not is_regression(group("1.0"), NOW - timedelta(hours=1), "1.0")
    assert not is_regression(group(None), NOW - timedelta(hours=1), "2.0")
    assert not needs_history(group("1.0"), "2.0")


def test_newer_release_counts_though_its_error_waited() -> None:
    before = NOW - timedelta(seconds=1)
    seen = {"dpl_fix": NOW - timedelta(days=1), "dpl_old": NOW - timedelta(days=2)}
    assert is_regression(group("1.0"), before, "1.1")
    assert not is_regression(group("1.0"), before, "0.9")
    assert is_regression(group("dpl_fix"), before, "dpl_unknown", seen)
    assert not is_regression(group("dpl_fix"), before, "dpl_old", seen)
    assert not is_regression(group("dpl_fix"), before, "dpl_unknown", {}), "it began before the resolution, which is all we know"


@given(st.sampled_from(["0.9", "1.0", "1.1", None]), st.floats(-9, 9), st.floats(0, 9))
def test_later_occurrence_is_no_weaker_evidence(release: str | None, at_s: float, more_s: float) -> None:
    at = NOW + timedelta(seconds=at_s)
    earlier, later = (is_regression(group("1.0"), moment, release) for moment in (at, at + timedelta(seconds=more_s)))
    assert later >= earlier
