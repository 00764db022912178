"""Parses the text of one environment variable into a checked value.

Each parser takes the raw text and returns the value, or raises ValueError whose text completes the sentence "NAME must be ...".
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from callwatch import times

if TYPE_CHECKING:
    import ipaddress

    from callwatch.settings.prices import PriceFile
    from callwatch.settings.status_page import StatusPage

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PayloadStore = Literal["s3"]


def parse_text(raw: str) -> str:
    """Any text, unchanged."""
    return raw


def build_integer_parser(low: int, high: int) -> Callable[[str], int]:
    """A parser for whole numbers from `low` to `high`, both inclusive."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"\d{1,9}", raw) or not low <= int(raw) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(raw)

    return parse


def parse_database_url(raw: str) -> str:
    """A PostgreSQL connection URL, or the JSON of a secret that Amazon RDS keeps for a database."""
    url = _build_url(raw) if raw.startswith("{") else raw
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL such as postgresql://user:password@host:5432/name")
    return url


def parse_role_url(raw: str) -> str | None:
    """The same; None for a secret that is not filled yet."""
    return None if raw == "{}" else parse_database_url(raw)


def parse_host_name(raw: str) -> str:
    """A host name."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", raw):
        raise ValueError("a host name such as db.example.com")
    return raw


def replace_host(url: str, host: str) -> str:
    """The same database URL with another host; the port stays."""
    lead, scheme, rest = url.partition("://")
    # The password may hold any character except these two, which end the authority of a URL.
    authority = re.split(r"[/?]", rest, maxsplit=1)[0]
    credentials, at, address = authority.rpartition("@")
    port = re.search(r":\d*$", address)
    return f"{lead}{scheme}{credentials}{at}{host}{port[0] if port else ''}{rest[len(authority) :]}"


def _build_url(raw: str) -> str:
    """The URL for {username, password, host, port, dbname}; the server's certificate is verified."""
    try:
        found = json.loads(raw)
        user, password, name = (quote(str(found[key]), safe="") for key in ("username", "password", "dbname"))
        return f"postgresql://{user}:{password}@{found['host']}:{int(found['port'])}/{name}?sslmode=verify-full"
    except (ValueError, KeyError, TypeError):
        raise ValueError("a URL, or a JSON secret with username, password, host, port and dbname") from None


def parse_http_url(raw: str) -> str:
    """An http or https URL, unchanged: a trailing slash is part of the path, and many receivers redirect without it."""
    expected = "a URL such as https://host[:port][/prefix]"
    try:
        parts = urlsplit(raw)
        has_valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(expected) from None
    is_plain = raw.isascii() and raw.isprintable() and " " not in raw
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_valid_port or not is_plain:
        raise ValueError(expected)
    return raw


def parse_base_url(raw: str) -> str:
    """An http or https URL to which paths are appended: without trailing slash, query, fragment or password."""
    url = parse_http_url(raw).rstrip("/")
    if any(sign in url for sign in "?#@"):
        raise ValueError("a URL such as https://host[:port][/prefix], without a query or a password")
    return url


@dataclass(frozen=True, slots=True)
class ScrubModes:
    """How much of an event is kept: everything that the scrubber finds harmless, or only listed fields."""

    default: str = "standard"
    by_project: tuple[tuple[int, str], ...] = ()

    def is_strict(self, project_id: int) -> bool:
        """Whether only listed fields of this project's events are kept."""
        return dict(self.by_project).get(project_id, self.default) == "strict"


def parse_scrub_modes(raw: str) -> ScrubModes:
    """One mode for all projects, `project:mode` entries, or both."""
    default, by_project = "standard", {}
    for entry in split_entries(raw):
        match = re.fullmatch(r"(?:(\d{1,9}):)?(standard|strict)", entry)
        if not match:
            raise ValueError("standard or strict, or project:mode entries, comma-separated, such as 1:strict,2:standard")
        if match[1] is None:
            default = match[2]
        else:
            by_project[int(match[1])] = match[2]
    return ScrubModes(default, tuple(sorted(by_project.items())))


def parse_region(raw: str) -> str:
    """The name of an AWS region."""
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+){1,3}-\d{1,2}", raw):
        raise ValueError("a region such as us-east-1")
    return raw


def parse_topic_arn(raw: str) -> str:
    """The ARN of an SNS topic."""
    if not re.fullmatch(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(\.fifo)?", raw):
        raise ValueError("an ARN such as arn:aws:sns:us-east-1:123456789012:alerts")
    return raw


def parse_texts(raw: str) -> dict[str, str]:
    """A JSON object of texts."""
    import json  # imported here because few installations set the variable

    expected = 'a JSON object of texts such as {"DISCORD_ALERT_WEBHOOK": "https://..."}'
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise ValueError(expected) from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(expected)
    return found


def parse_archive(raw: str) -> str:
    """An absolute folder path, or a bucket with a prefix: s3://bucket/prefix."""
    if not re.fullmatch(r"/[^\x00]*|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w!.*'()/-]*)?", raw):
        raise ValueError("s3://bucket/prefix, or the absolute path of a folder")
    return raw


def parse_payload_store(raw: str) -> PayloadStore | None:
    """Where payloads are stored; None: in PostgreSQL."""
    if raw not in ("postgres", "s3"):
        raise ValueError("postgres or s3")
    return "s3" if raw == "s3" else None


def parse_index_days(raw: str) -> int | None:
    """Days; None: as long as retention. Below 22, the row that tells a second delivery from a new error could be gone."""
    if raw.isascii() and raw.isdigit() and (int(raw) == 0 or 22 <= int(raw) <= 3650):
        return int(raw) or None
    raise ValueError("0 or a whole number from 22 to 3650")


def parse_networks(raw: str) -> "tuple[Network, ...]":
    """CIDRs, comma-separated -> ipaddress networks."""
    import ipaddress  # imported here because few installations set the variable

    try:
        return tuple(ipaddress.ip_network(entry) for entry in split_entries(raw))
    except ValueError:
        raise ValueError("CIDRs such as 10.1.0.0/16, comma-separated") from None


def parse_project_origins(raw: str) -> dict[int, tuple[str, ...]]:
    """project:origin entries, comma-separated -> the origins of each project that is named."""
    found: dict[int, tuple[str, ...]] = {}
    for entry in split_entries(raw):
        project, colon, origin = entry.partition(":")
        if not colon or not project.isascii() or not project.isdigit() or len(project) > 9:
            raise ValueError("project:origin entries such as 1:https://shop.example.com, comma-separated")
        found[int(project)] = (*found.get(int(project), ()), *parse_origins(origin))
    return found


def parse_origins(raw: str) -> tuple[str, ...]:
    """Web origins (scheme://host[:port]), comma-separated."""
    found = tuple(split_entries(raw))
    for origin in found:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
            raise ValueError("origins such as https://ops.example.com, comma-separated, without a path")
    return found


def parse_emails(raw: str) -> tuple[str, ...]:
    """E-mail addresses, comma-separated."""
    found = tuple(split_entries(raw))
    if not found or not all(re.fullmatch(r"[^@\s]+@[^@\s]+", address) for address in found):
        raise ValueError("e-mail addresses, comma-separated")
    return found


def parse_email(raw: str) -> str:
    """One e-mail address."""
    if not re.fullmatch(r"[^@\s,]+@[^@\s,]+", raw):
        raise ValueError("one e-mail address")
    return raw


def parse_time(raw: str) -> datetime:
    """A time with a time zone."""
    expected = "a time with a time zone such as 2026-11-29T12:00:00Z"
    try:
        return times.parse_time(raw, is_zoned=True)
    except ValueError:
        raise ValueError(expected) from None


def parse_prices(raw: str) -> "PriceFile":
    """The path of a file with prices and quotas -> what is in it."""
    # Few functions set the variable, and decimals take time to load.
    from callwatch.settings.prices import parse_prices_file

    return parse_prices_file(raw)


def parse_status_page(raw: str) -> "StatusPage":
    """The path of a file that describes the public status page -> what is in it."""
    from callwatch.settings.status_page import parse_status_page_file

    return parse_status_page_file(raw)


def parse_timezone(raw: str) -> str:
    """An IANA time zone name that this machine has."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("an IANA time zone name such as America/New_York") from None
    return raw


def split_entries(raw: str) -> list[str]:
    """The entries of a comma-separated list, without the empty ones."""
    return [entry.strip() for entry in raw.split(",") if entry.strip()]
