"""Parses SMTP_URL: a mail server, how it is secured, and who logs in."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_EXPECTED = (
    "a URL such as smtps://user:password@mail.example.com:465, smtp://user:password@mail.example.com:587 (STARTTLS), or"
    " smtp+plain://relay:25 without a login"
)
_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}


class SmtpServer(NamedTuple):
    """A mail server. A login is only sent over TLS."""

    host: str
    port: int
    is_implicit_tls: bool
    has_starttls: bool
    user: str
    password: str


def parse_smtp_url(raw: str) -> str:
    """The URL of a mail server, unchanged."""
    read_smtp_server(raw)
    return raw


def read_smtp_server(url: str) -> SmtpServer:
    """Read a mail server from its URL: smtps has TLS from the start, smtp demands STARTTLS, smtp+plain has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
        user, password = unquote(parts.username or "", errors="strict"), unquote(parts.password or "", errors="strict")
    except ValueError:
        raise ValueError(_EXPECTED) from None
    is_plain = parts.scheme == "smtp+plain"
    has_rest = parts.path not in ("", "/") or parts.query or parts.fragment
    is_printable = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or has_rest or not is_printable:
        raise ValueError(_EXPECTED)
    if (is_plain and parts.netloc.count("@")) or bool(user) != bool(password) or not _is_plain_text(user + password):
        raise ValueError(_EXPECTED)
    return SmtpServer(
        parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "smtps", parts.scheme == "smtp", user, password
    )


def _is_plain_text(text: str) -> bool:
    """Whether the login commands can carry a text."""
    return text.isascii() and text.isprintable()
