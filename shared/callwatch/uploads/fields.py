"""Reads the fields of sentry-cli's bodies; each error names the field and the remedy."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from callwatch.exceptions import Invalid, NotFound
from callwatch.scrubbing.sanitize import sanitize
from callwatch.scrubbing.text import scrub_text
from callwatch.times import parse_time

MAX_RELEASE_CHARS = 200
MAX_COMMITS = 100
_MAX_SENT_COMMITS = 10_000
_MAX_MESSAGE_CHARS = 200
_MAX_PROJECTS = 20


def require_object(given: Any) -> dict[str, Any]:
    """The body, which must be an object. Raises Invalid."""
    if not isinstance(given, dict):
        raise Invalid("body", "must be a JSON object")
    return given


def read_text(given: Mapping[str, Any], name: str, limit: int, is_required: bool = False) -> str | None:
    """A text, sanitized and scrubbed; None if there is none. Raises Invalid."""
    value = given.get(name)
    if value in (None, "") and not is_required:
        return None
    if not isinstance(value, str) or not value.strip():
        raise Invalid(
            name, "is required and must be a text, more than blanks" if is_required else "must be a text, more than blanks"
        )
    if len(value) > limit:
        raise Invalid(name, f"must have at most {limit} characters")
    return _clean(value)[:limit]


def read_time(given: Mapping[str, Any], name: str) -> datetime | None:
    """A time; None if there is none. Raises Invalid."""
    value = given.get(name)
    if value is None:
        return None
    try:
        if not isinstance(value, str) or len(value) > 40:
            raise ValueError
        return parse_time(value, is_clamped=True)
    except ValueError:
        raise Invalid(name, "must be an ISO 8601 time such as 2026-01-31T12:00:00Z") from None


def read_release(name: str) -> str:
    """The name of a release. Raises Invalid."""
    if not name.strip() or len(name) > MAX_RELEASE_CHARS or any(char in name for char in "\0\r\n\t"):
        raise Invalid("version", f"must be a text of 1 to {MAX_RELEASE_CHARS} characters on one line, more than blanks")
    # As events have it, so that the two are the same release.
    return _clean(name.strip())


def read_projects(given: Mapping[str, Any], known: Collection[int]) -> list[int]:
    """The numbers of the projects in a body; none if it names none. Raises Invalid, NotFound."""
    projects = given.get("projects")
    if projects is None:
        return []
    if not isinstance(projects, list) or len(projects) > _MAX_PROJECTS:
        raise Invalid("projects", f"must be a list of at most {_MAX_PROJECTS} projects")
    return sorted({find_project(project, known) for project in projects})


def find_project(slug: Any, known: Collection[int]) -> int:
    """The project that sentry-cli calls so: its number; any name if there is only one project. Raises NotFound."""
    product = sorted(set(known) - {0})
    text = str(slug)
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) in product:
        return int(text)
    if len(product) == 1 and not text.isdigit():
        return product[0]
    raise NotFound("no project has this name: SENTRY_PROJECT must be the number of a project, as in its DSN")


def read_commits(given: Mapping[str, Any]) -> tuple[list[dict[str, Any]] | None, int | None]:
    """The newest commits without their authors, and how many there are; None if the body names none. Raises Invalid."""
    commits = given.get("commits")
    if commits is None:
        return None, None
    if not isinstance(commits, list) or len(commits) > _MAX_SENT_COMMITS:
        raise Invalid("commits", f"must be a list of at most {_MAX_SENT_COMMITS} commits")
    return [_read_commit(commit) for commit in commits[:MAX_COMMITS]], len(commits)


def _read_commit(commit: Any) -> dict[str, Any]:
    commit_id = commit.get("id") if isinstance(commit, dict) else None
    if not isinstance(commit_id, str) or not commit_id or len(commit_id) > 64:
        raise Invalid("commits", "each must be an object with an id of at most 64 characters")
    message = commit.get("message")
    first_line = message.strip().partition("\n")[0] if isinstance(message, str) else ""
    at = commit.get("timestamp")
    return {
        "id": _clean(commit_id),
        "message": _clean(first_line[: 4 * _MAX_MESSAGE_CHARS])[:_MAX_MESSAGE_CHARS] or None,
        "at": at if isinstance(at, str) and len(at) <= 40 and at.isascii() else None,
    }


def _clean(text: str) -> str:
    sanitized, _kinds = sanitize(text)
    return scrub_text(str(sanitized))
