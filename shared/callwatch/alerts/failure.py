"""The one error of a delivery, and what may be kept of its text."""

import re

from callwatch.settings import VARIABLES, Settings
from callwatch.tracker.scrub import scrub_text

_MOST_CHARACTERS = 300
# A shorter secret would take harmless words out, and no real one is.
_LEAST_SECRET = 6
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
    names = [variable.name.lower() for variable in VARIABLES if variable.is_secret]
    values = [getattr(settings, name, None) for name in names]
    return [value for value in values if isinstance(value, str) and len(value) >= _LEAST_SECRET]
