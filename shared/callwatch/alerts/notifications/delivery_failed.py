"""The error of a failed delivery, and what may be stored of its text."""

import re
from urllib.parse import parse_qsl, unquote

from callwatch.scrubbing.scrubber import scrub_text
from callwatch.settings import VARIABLES, Settings

_MAX_CHARACTERS = 300
# Removing a shorter value would remove harmless words; no real secret is shorter.
_MIN_SECRET = 6
# The minimum for a word of an address: "services" is no secret.
_MIN_WORD = 16
# Password, path and query; urlsplit rejects passwords that libpq accepts.
_PARTS = re.compile(r"://(?:[^:@/?#]*(?::([^/]*))?@)?[^/?#]*([^?#]*)(?:\?([^#]*))?")
_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")


class DeliveryFailed(Exception):
    """A notification could not be delivered.

    is_permanent: a retry of it cannot succeed. is_channel_wide: nor can any other message of the channel now.
    retry_after_s: the wait that the receiver asks for.
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
    """Reduce an error to one bounded line without addresses, our secrets, or private data."""
    line = _ADDRESS.sub("[address]", " ".join(text.split()))
    for secret in _list_secrets(settings):
        line = line.replace(secret, "[secret]")
    return scrub_text("".join(character if character.isprintable() else "?" for character in line))[:_MAX_CHARACTERS]


def _list_secrets(settings: Settings) -> list[str]:
    """List our secrets that are text, and the secret parts of those that are addresses; the longest first."""
    names = [variable.name.lower() for variable in VARIABLES if variable.is_secret]
    every = [settings, *(own for own in settings.named_channels.values() if own is not None)]
    values = [value for own in every for name in names if isinstance(value := getattr(own, name, None), str)]
    parts = [part for value in values if "://" in value for part in _split_parts(value)]
    return sorted({each for each in (*values, *parts) if len(each) >= _MIN_SECRET}, key=len, reverse=True)


def _split_parts(address: str) -> list[str]:
    """List the parts of an address that a receiver may quote: its path, the tokens in it, its password."""
    found = _PARTS.search(address)
    password, path, query = found.groups(default="") if found else ("", "", "")
    words = [*path.split("/"), *(value for _name, value in parse_qsl(query))]
    tokens = [word for word in words if len(word) >= _MIN_WORD]
    return [f"{path}?{query}", path, password, unquote(password), *tokens]
