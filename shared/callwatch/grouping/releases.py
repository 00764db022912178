"""Decides whether an occurrence means that a resolved error is back: the order of releases, from their names or their history."""

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from callwatch.models.error import GroupStatus

FirstSeen = Mapping[str, datetime]


class Resolution(TypedDict):
    """What decides whether a group is back: its state, since when, and the release that resolved it."""

    state: GroupStatus
    state_changed_at: datetime
    resolved_in_release: str | None


_MAX_CHARS = 200
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MIN_COMMIT_CHARS = 7
_HEX = re.compile(r"[0-9a-f]{7,64}")
# What people and tools put in front of a version or a commit.
_PREFIX = re.compile(
    r"^(?:refs/tags/|release[-_/ ]?|rel[-_/]|version[-_/ ]?|ver[-_/]?|build[-_/. ]?|tag[-_/]|deploy[-_/ ]?"
    r"|[rb](?=\d{1,6}$)|v\.?)(?=v?\d)",
    re.IGNORECASE,
)
_COMMIT_PREFIX = re.compile(r"^(?:git|sha|sha1|sha256|commit|rev|revision|g)[-_:+@/.]?(?=[0-9a-f]{7,64}$)")
# Any other word in front of a commit, such as a branch or a service: "main-3f2a91c".
_NAMED_COMMIT = re.compile(r"^(?:[a-z][a-z0-9]{0,40}[-_:/.]){1,4}(?=[0-9a-f]{7,64}$)(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)")
_VERSION = re.compile(
    r"(?P<numbers>\d{1,18}(?:\.\d{1,18}){0,5})"
    r"(?:(?:[-_.~](?=[a-z])|-)(?P<suffix>[0-9a-z.-]{1,100})|(?P<pep440>(?:a|b|c|rc|alpha|beta|dev|pre|post|p|r|m)\d{0,6}))?"
    r"(?:\+(?P<build>[0-9a-z.-]{1,100}))?"
)
_NUMBERED_PRE = re.compile(r"\d+|[a-z]+")
# "git describe": the tag, how many commits follow it, and the commit.
_DESCRIBED = re.compile(r"(?P<tag>.{1,100})-(?P<commits>\d{1,6})-g[0-9a-f]{7,40}(?:-dirty)?")
# With dots it is a version: "2024.10.1".
_DATE = re.compile(r"(?P<date>20\d\d[-_]?[01]\d[-_]?[0-3]\d)(?:[t_.-]?(?P<time>\d{6}|\d{4})z?)?(?:[-._](?P<number>\d{1,3}))?")
# As stores of apps show it: "7.10 (5012)", "7.10 build 5012".
_BUILD_IN_WORDS = re.compile(r"(?<=\d) ?(?:\((?:build )?|,? build )(\d{1,18})\)?$", re.IGNORECASE)
_CLOCK_TIME = re.compile(r"^(\d{4}-\d\d-\d\d[T ]\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?")
# Parts that are no pre-release: "1.2.3-alpine" is the version 1.2.3 on another base, "1.2.3.post1" follows it.
_BASES = re.compile(
    r"alpine|slim|bullseye|bookworm|buster|jammy|focal|noble|debian|ubuntu|arm64|amd64|x86|prod|production|final|ga|release"
)
_FOLLOWS = frozenset({"post", "patch", "hotfix", "sp", "p", "r", "rev"})
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Release:
    """A release's name, taken apart: names of one kind and package can be compared."""

    kind: str
    package: str
    key: Key


def is_regression(group: Resolution, occurred_at: datetime, release: str | None, first_seen: FirstSeen | None = None) -> bool:
    """True if an occurrence that the resolution did not know of shows that the error is back.

    After a resolution in a release, occurrences of older releases are still expected, because those releases still run
    somewhere. A newer release has the fix, so that its occurrence counts whenever it happened: it may have waited in the queue
    while somebody resolved the error. Where names do not show which release is older, `first_seen` decides: when each release
    was seen first. In the same release, and without one, only what happened after the resolution counts.
    """
    if group["state"] != "resolved":
        return False
    fixed_in, is_later = group["resolved_in_release"], occurred_at > group["state_changed_at"]
    if not fixed_in or release is None:
        return is_later
    order = compare_releases(release, fixed_in)
    if order is not None:
        return order > 0 or (order == 0 and is_later)
    # A release that nobody has seen yet begins now; the fix begins at its resolution at the latest.
    seen = first_seen or {}
    fixed_at = min(seen.get(fixed_in, group["state_changed_at"]), group["state_changed_at"])
    begun_at = seen.get(release, occurred_at)
    return begun_at > fixed_at or (begun_at == fixed_at and is_later)


def needs_history(group: Resolution, release: str | None) -> bool:
    """Whether only the times at which releases were first seen can tell if the group is back."""
    fixed_in = group["resolved_in_release"]
    if group["state"] != "resolved" or not fixed_in or release is None:
        return False
    return compare_releases(release, fixed_in) is None


def list_commits(releases: Iterable[str]) -> set[str]:
    """The first seven digits of each commit among these names: all spellings of it contain them."""
    parsed = filter(None, (_parse(release[:_MAX_CHARS]) for release in releases))
    return {release.key[0][:_MIN_COMMIT_CHARS] for release in parsed if release.kind == "commit"}


def merge_spellings(seen: FirstSeen, releases: Iterable[str], others: FirstSeen) -> FirstSeen:
    """First sights by name, where a commit was first seen in any of its spellings: short, in capitals, behind a word."""
    merged = dict(seen)
    for release in releases:
        for other, at in others.items():
            if compare_releases(release, other) == 0:
                merged[release] = min(at, merged.get(release, at))
    return merged


def compare_releases(one: str, other: str) -> int | None:
    """-1, 0 or 1 as `one` is older than, the same as or newer than `other`; None if their names do not show it."""
    if one == other:
        return 0
    first, second = _parse(one[:_MAX_CHARS]), _parse(other[:_MAX_CHARS])
    if first is None or second is None or first.kind != second.kind:
        return None
    # Who resolves an error often names the version alone.
    if first.package and second.package and first.package != second.package:
        return None
    if first.kind == "commit":
        # One may be the short form of the other.
        is_same = first.key[0].startswith(second.key[0]) or second.key[0].startswith(first.key[0])
        return 0 if is_same else None
    return (first.key > second.key) - (first.key < second.key)


def _parse(release: str) -> _Release | None:
    if _UUID.fullmatch(release):
        return None
    package, name = _split_package(release.strip())
    name = name.lower()
    commit = _NAMED_COMMIT.sub("", _COMMIT_PREFIX.sub("", name))
    if _HEX.fullmatch(commit) and (not commit.isdigit() or commit != name):
        return _Release("commit", "", (commit,))
    name = _PREFIX.sub("", name, count=1).removeprefix("v")
    described = _DESCRIBED.fullmatch(name)
    if described:
        tag = _parse_version(_PREFIX.sub("", described["tag"]).removeprefix("v"))
        return _Release("version", package, (*tag, int(described["commits"]))) if tag else None
    date = _DATE.fullmatch(name)
    if date:
        digits = re.sub(r"\D", "", date["date"])
        return _Release("date", package, (digits, (date["time"] or "").ljust(6, "0"), int(date["number"] or 0)))
    version = _parse_version(name)
    return _Release("version", package, (*version, 0)) if version else None


def _split_package(release: str) -> tuple[str, str]:
    """Package and version of "package@1.0", of the image "registry/team/app:1.0", and of "app-1.0" and "app/1.0"."""
    release = _BUILD_IN_WORDS.sub(r"+\1", _CLOCK_TIME.sub(r"\1\2\3", release))
    package, at, name = release.rpartition("@")
    if at and name.startswith(("sha256:", "sha1:")):
        # A tag before the digest has an order, which the digest has not.
        image, colon, tag = package.rpartition(":")
        return (image.lower(), tag) if colon and "/" not in tag else (package.lower(), name.partition(":")[2])
    if at:
        return package.lower(), name
    image, colon, tag = release.rpartition(":")
    if colon and "/" not in tag:
        return image.lower(), tag
    named = re.fullmatch(r"([A-Za-z][A-Za-z_-]{0,60}?)[-_/](v?\d[\w.+-]*)", release)
    if named and not _PREFIX.match(release):
        return named[1].lower(), named[2]
    return "", release


def _parse_version(name: str) -> Key | None:
    """A sort key: the numbers, then whether and which pre-release it is, then a build number."""
    match = _VERSION.fullmatch(name)
    if match is None:
        return None
    numbers = [int(part) for part in match["numbers"].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    build = match["build"] or ""
    rank, words = _rank_suffix(match["suffix"] or match["pep440"])
    return (tuple(numbers), rank, words, (1, int(build)) if build.isdigit() else (0, 0))


def _rank_suffix(suffix: str | None) -> tuple[int, Key]:
    """Where a version with this suffix stands: before the version itself (0), at it (1), or after it (2)."""
    parts = [part for part in re.split(r"[-._]", suffix or "") if part]
    words: list[str] = list(itertools.chain.from_iterable(_NUMBERED_PRE.findall(part) for part in parts))
    if not words or _BASES.fullmatch(words[0]):
        return 1, ()
    # Semantic Versioning 2.0, section 11: numbers come before words, and a longer list follows its beginning.
    key = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in words)
    return (2 if words[0] in _FOLLOWS else 0), key
