"""Parses HTTP_CHECKS: further services to check, as a JSON list."""

import json
import re
from typing import Any, Literal, NotRequired, TypedDict
from urllib.parse import urlsplit

from callwatch.settings.values import parse_http_url


class HttpCheck(TypedDict):
    """One service to check over HTTP. expect_status: 200 if it is left out."""

    name: str
    url: str
    method: NotRequired[Literal["GET", "HEAD"]]
    expect_status: NotRequired[int]
    headers: NotRequired[dict[str, str]]


def parse_http_checks(raw: str) -> tuple[HttpCheck, ...]:
    """A JSON list of services to check over HTTP: name, url, and optionally method, expect_status and headers."""
    example = '[{"name": "crm", "url": "https://crm.example.com/health", "expect_status": 200, "headers": {}}]'
    expected = f"a JSON list such as {example}"
    try:
        checks = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(f"{expected}; this is not JSON") from None
    if not isinstance(checks, list):
        raise ValueError(f"{expected}; this is not a list")
    names = {"database", "deepgram", "openai", "convoso"}
    for number, check in enumerate(checks, start=1):
        fault = _find_fault(check, names)
        if fault:
            raise ValueError(f"{expected}; entry {number}: {fault}")
        names.add(check["name"])
    return tuple(checks)


def _find_fault(check: Any, taken: set[str]) -> str | None:
    """What is wrong with one entry of HTTP_CHECKS. The text never quotes values, because they may hold a key."""
    if not isinstance(check, dict) or set(check) - {"name", "url", "method", "expect_status", "headers"}:
        return "must be an object with only name, url, method, expect_status and headers"
    name, url, status, headers = (check.get(key) for key in ("name", "url", "expect_status", "headers"))
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return "name must have 1 to 40 lowercase letters, digits or _, and begin with a letter"
    if name in taken:
        return "name must be different from the name of every other check"
    try:
        parse_http_url(url if isinstance(url, str) else "")
    except ValueError as error:
        return f"url must be {error}"
    if "@" in urlsplit(str(url)).netloc:
        return "url must not hold a user or a password; use headers for them"
    if "expect_status" in check and (type(status) is not int or not 100 <= status <= 599):
        return "expect_status must be a number from 100 to 599"
    if check.get("method", "GET") not in ("GET", "HEAD"):
        return "method must be GET or HEAD"
    if "headers" in check and not _are_headers(headers):
        return "headers must be an object of texts that HTTP can carry"
    return None


def _are_headers(given: Any) -> bool:
    return isinstance(given, dict) and all(
        re.fullmatch(r"[A-Za-z0-9-]{1,100}", name) and isinstance(value, str) and re.fullmatch(r"[\x20-\x7e]{0,4000}", value)
        for name, value in given.items()
    )
