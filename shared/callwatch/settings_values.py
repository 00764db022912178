"""How the text of one environment variable becomes a checked value.

Each parser takes the raw text and returns the value, or raises ValueError whose text completes the
sentence "NAME takes ...".
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class NamedToken:
    """A bearer token and the name of who acts with it."""

    name: str
    token: str

    def __repr__(self) -> str:
        return f"NamedToken(name={self.name!r})"


def text(raw: str) -> str:
    """Any text, taken as it is."""
    return raw


def key(raw: str) -> str:
    """A key that a header of HTTP can carry; the quotes of a shell or of a file around it are no part of it."""
    if not re.fullmatch(r"[\x21-\x7e]+", raw) or raw[0] in "\"'" or raw[-1] in "\"'":
        raise ValueError("a key of letters, digits and signs, without spaces and without quotes around it")
    return raw


def integer_between(low: int, high: int) -> Any:
    """A parser for whole numbers from `low` to `high`, both included."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"\d{1,9}", raw) or not low <= int(raw) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(raw)

    return parse


def database_url(raw: str) -> str:
    """A PostgreSQL connection URL, or the JSON that Amazon RDS keeps in a database's secret."""
    url = _url_of_rds_secret(raw) if raw.startswith("{") else raw
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL such as postgresql://user:password@host:5432/name")
    return url


def _url_of_rds_secret(raw: str) -> str:
    """The URL to what {username, password, host, port, dbname} describes, with the server's certificate verified."""
    try:
        found = json.loads(raw)
        user, password, name = (quote(str(found[key]), safe="") for key in ("username", "password", "dbname"))
        return f"postgresql://{user}:{password}@{found['host']}:{int(found['port'])}/{name}?sslmode=verify-full"
    except (ValueError, KeyError, TypeError):
        raise ValueError("a URL, or a secret in JSON with username, password, host, port and dbname") from None


def http_url(raw: str) -> str:
    """An http or https URL, as it is: a slash at its end is part of a path, and many a receiver redirects where it is missing."""
    takes = "a URL such as https://host[:port][/prefix]"
    try:
        parts = urlsplit(raw)
        has_valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(takes) from None
    is_plain = raw.isascii() and raw.isprintable() and " " not in raw
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_valid_port or not is_plain:
        raise ValueError(takes)
    return raw


def base_url(raw: str) -> str:
    """An http or https URL to which paths are appended: so it has no slash at its end, no query, fragment or password."""
    url = http_url(raw).rstrip("/")
    if any(sign in url for sign in "?#@"):
        raise ValueError("a URL such as https://host[:port][/prefix], without a query and without a password")
    return url


def named_tokens(default_name: str) -> Any:
    """A parser for `[name:]token` entries, comma-separated; tokens have 16 characters or more."""

    def parse(raw: str) -> tuple[NamedToken, ...]:
        takes = "[name:]token, comma-separated, each token of 16 or more characters without spaces"
        tokens = []
        for entry in _entries(raw):
            name, colon, token = entry.rpartition(":")
            if len(token) < 16 or re.search(r"\s", token) or (colon and not re.fullmatch(r"[\w.@-]{1,64}", name)):
                raise ValueError(takes)
            tokens.append(NamedToken(name or default_name, token))
        if not tokens:
            raise ValueError(takes)
        return tuple(tokens)

    return parse


def ingest_keys(raw: str) -> dict[int, tuple[str, ...]]:
    """`project:key` entries -> keys by project id; a project may have several keys, for rotation."""
    keys: dict[int, tuple[str, ...]] = {}
    for entry in _entries(raw):
        match = re.fullmatch(r"(\d{1,9}):([0-9a-f]{32})", entry)
        if not match:
            raise ValueError("project:key, comma-separated: a whole number, a colon and 32 hex digits in lower case")
        project_id = int(match[1])
        keys[project_id] = (*keys.get(project_id, ()), match[2])
    return keys


def webhook_secrets(raw: str) -> tuple[bytes, ...]:
    """Standard Webhooks secrets (`whsec_` + base64) -> the signing keys, newest first."""
    secrets = []
    for entry in _entries(raw):
        try:
            key = base64.b64decode(entry.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not entry.startswith("whsec_") or not key:
            raise ValueError("whsec_ followed by base64, several comma-separated")
        secrets.append(key)
    return tuple(secrets)


def topic_arn(raw: str) -> str:
    """The ARN of an SNS topic."""
    if not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?", raw):
        raise ValueError("an ARN such as arn:aws:sns:us-east-1:123456789012:alerts")
    return raw


def networks(raw: str) -> tuple[Any, ...]:
    """CIDRs, comma-separated -> ipaddress networks."""
    import ipaddress  # only where the variable is set: saves its import elsewhere

    try:
        return tuple(ipaddress.ip_network(entry) for entry in _entries(raw))
    except ValueError:
        raise ValueError("CIDRs such as 10.1.0.0/16, comma-separated") from None


def origins(raw: str) -> tuple[str, ...]:
    """Web origins (scheme://host[:port]), comma-separated."""
    found = tuple(_entries(raw))
    for origin in found:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            raise ValueError("origins such as https://ops.example.com, comma-separated, without a path")
    return found


def emails(raw: str) -> tuple[str, ...]:
    """E-mail addresses, comma-separated."""
    found = tuple(_entries(raw))
    if not found or not all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in found):
        raise ValueError("e-mail addresses, comma-separated")
    return found


def email(raw: str) -> str:
    """One e-mail address."""
    if not re.fullmatch(r"[^@\s,]+@[^@\s,]+", raw):
        raise ValueError("one e-mail address")
    return raw


def timezone(raw: str) -> str:
    """An IANA time zone name that this machine knows."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("an IANA time zone name such as America/New_York") from None
    return raw


def http_checks(raw: str) -> tuple[dict[str, Any], ...]:
    """A JSON list of services to check over HTTP: name, url, and optionally expect_status and headers."""
    example = '[{"name": "crm", "url": "https://crm.example.com/health", "expect_status": 200, "headers": {}}]'
    takes = f"a JSON list such as {example}"
    try:
        checks = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(f"{takes}; this is not JSON") from None
    if not isinstance(checks, list):
        raise ValueError(f"{takes}; this is not a list")
    names = {"database", "deepgram", "openai", "convoso"}
    for number, check in enumerate(checks, start=1):
        wrong = _wrong_with(check, names)
        if wrong:
            raise ValueError(f"{takes}; entry {number}: {wrong}")
        names.add(check["name"])
    return tuple(checks)


def _wrong_with(check: Any, taken: set[str]) -> str | None:
    """What is wrong with one entry of HTTP_CHECKS; its values are never quoted, they may hold a key."""
    if not isinstance(check, dict) or set(check) - {"name", "url", "expect_status", "headers"}:
        return "is an object of name, url, expect_status and headers alone"
    name, url, status, headers = (check.get(key) for key in ("name", "url", "expect_status", "headers"))
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        return "name is 1 to 40 lower-case letters, digits and _, and begins with a letter"
    if name in taken:
        return "name is taken by another check"
    try:
        http_url(url if isinstance(url, str) else "")
    except ValueError as error:
        return f"url is {error}"
    if "@" in urlsplit(str(url)).netloc:
        return "url holds no user and password: headers may"
    if "expect_status" in check and (type(status) is not int or not 100 <= status <= 599):
        return "expect_status is a number from 100 to 599"
    if "headers" in check and not _are_headers(headers):
        return "headers is an object of texts that HTTP can carry"
    return None


def _are_headers(given: Any) -> bool:
    return isinstance(given, dict) and all(
        re.fullmatch(r"[A-Za-z0-9-]{1,100}", name) and isinstance(value, str) and re.fullmatch(r"[\x20-\x7e]{0,4000}", value)
        for name, value in given.items()
    )


def _entries(raw: str) -> list[str]:
    return [entry.strip() for entry in raw.split(",") if entry.strip()]
