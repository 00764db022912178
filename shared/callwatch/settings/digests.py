"""Digests of the settings, by which the monitor notices a change. Secrets have none: SECRETS_VERSION changes with them."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path

from callwatch.settings.variables import VARIABLES

_MAX_BYTES = 4_000_000
# Addresses of the stack's own parts, which each local start chooses, and what Lambda sets.
_ADDRESSES = ("AWS_", "DATABASE_HOST", "ERROR_QUEUE_URL", "CRITICAL_QUEUE_URL", "DEAD_LETTER_QUEUE_URL")
# No setting: a deploy sets it, so that functions restart and read the secrets.
_OF_SECRETS = "SECRETS_VERSION"


def digest_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """A digest of each setting that is no secret, of the content where it names a file; empty where it is not set.

    A process reads a file once, as it does with the settings.
    """
    names = [variable.name for variable in VARIABLES if not variable.is_secret and not variable.name.startswith(_ADDRESSES)]
    return dict(_digest_all(tuple((name, environ.get(name, "")) for name in (*names, _OF_SECRETS))))


@functools.lru_cache(maxsize=1)
def _digest_all(values: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, _digest(name, value)) for name, value in values)


def _digest(name: str, value: str) -> str:
    if not value:
        return ""
    content = _read_file(value) if name.endswith("_FILE") else b""
    return hashlib.sha256(value.encode(errors="replace") + b"\n" + content).hexdigest()[:16]


def _read_file(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_MAX_BYTES)
    except (OSError, ValueError):
        # A problem of its own tells so.
        return b""
