"""Whether an occurrence means that a resolved error is back."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any


def is_regression(group: Mapping[str, Any], occurred_at: datetime, release: Any) -> bool:
    """True where the group was resolved before the occurrence, in this release or an earlier one.

    Resolved in a release: occurrences of older releases are still expected, for they run on somewhere. Which of two commits is
    the older one nobody can tell by their names: then those are older in which the group was seen before (`seen_in`).
    """
    if group["state"] != "resolved" or occurred_at <= group["state_changed_at"]:
        return False
    fixed_in = group["resolved_in_release"]
    if not fixed_in or release is None or release == fixed_in:
        return True
    if _is_commit(str(release)) or _is_commit(str(fixed_in)):
        return release not in (group["seen_in"] or ())
    return release_order(str(release)) >= release_order(str(fixed_in))


def _is_commit(release: str) -> bool:
    name = release.rpartition("@")[2]
    return re.fullmatch(r"[0-9a-f]{7,64}", name) is not None and not name.isdigit()


def release_order(release: str) -> list[tuple[int, int, str]]:
    """A sort key in which "1.10" follows "1.9": numbers by value, words by letters."""
    parts = re.findall(r"\d+|[a-z]+", release.rpartition("@")[2].lower())
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
