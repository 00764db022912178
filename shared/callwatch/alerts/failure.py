"""The one error of a delivery, and what may be kept of its text."""

import re
from urllib.parse import parse_qsl, unquote

from callwatch.settings import VARIABLES, Settings
from callwatch.tracker.scrub import scrub_text

_MOST_CHARACTERS = 300
# A shorter secret would take harmless words out, and no real one is.
_LEAST_SECRET = 6
# As of a word of an address: "services" is no secret.
_LEAST_WORD = 16
# Password, path and query; urlsplit refuses passwords that libpq takes.
_PARTS = re.compile(r"://(?:[^:@/?#]*(?::([^/]*))?@)?[^/?#]*([^?#]*)(?:\?([^#]*))?")
_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")


class DeliveryFailed(Exception):
    """A notification did not get through.

    is_permanent: no retry of this one helps. is_channel_wide: nor would any other get through now.
    retry_after_s: what the receiver asked for.
    """

    def __init__(
        self,
        message: str,
        is_permanent: bool = False,
        retry_after_s: float | None = None,
        is_channel_wide: bool = False,
    ) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.is_channel_wide = is_channel_wide
        self.retry_after_s = retry_after_s


def clean_error(text: str, settings: Settings) -> str:
    """What is kept of an error: one line, bounded, without addresses, secrets of ours, or anything private."""
    line = _ADDRESS.sub("[address]", " ".join(text.split()))
    for secret in _secrets(settings):
        line = line.replace(secret, "[secret]")
    return scrub_text("".join(character if character.isprintable() else "?" for character in line))[:_MOST_CHARACTERS]


def _secrets(settings: Settings) -> list[str]:
    """Secrets of ours that are text, and what is secret in those that are addresses; the longest first."""
    names = [variable.name.lower() for variable in VARIABLES if variable.is_secret]
    values = [value for name in names if isinstance(value := getattr(settings, name, None), str)]
    parts = [part for value in values if "://" in value for part in _parts_of(value)]
    return sorted({each for each in (*values, *parts) if len(each) >= _LEAST_SECRET}, key=len, reverse=True)


def _parts_of(address: str) -> list[str]:
    """What a receiver may say of an address that it was called by: its path, the tokens in it, its password."""
    found = _PARTS.search(address)
    password, path, query = found.groups(default="") if found else ("", "", "")
    words = [*path.split("/"), *(value for _name, value in parse_qsl(query))]
    tokens = [word for word in words if len(word) >= _LEAST_WORD]
    return [f"{path}?{query}", path, password, unquote(password), *tokens]
