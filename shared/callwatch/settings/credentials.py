"""Parses the credentials of a configuration: keys, named tokens, ingest keys, webhook secrets.

Each parser takes the raw text and returns the value, or raises ValueError whose text completes the sentence "NAME must be ...".
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from callwatch.settings.values import split_entries

MIN_SECRET_BYTES = 16
MIN_TOKEN_LENGTH = 16


@dataclass(frozen=True, slots=True)
class NamedToken:
    """A bearer token and the name of the person or program that uses it."""

    name: str
    token: str

    def __repr__(self) -> str:
        return f"NamedToken(name={self.name!r})"


def parse_key(raw: str) -> str:
    """A key that an HTTP header can carry. Quotes around it, from a shell or a file, are refused."""
    if not re.fullmatch(r"[\x21-\x7e]+", raw) or raw[0] in "\"'" or raw[-1] in "\"'":
        raise ValueError("a key of letters, digits and signs, without spaces and without surrounding quotes")
    return raw


def parse_room_id(raw: str) -> str:
    """The id of a Matrix room."""
    if not re.fullmatch(r"![\x21-\x7e]{1,254}", raw):
        raise ValueError("the id of a room such as !abc:example.com; an alias that begins with # is none")
    return raw


def build_token_parser(default_name: str) -> Callable[[str], tuple[NamedToken, ...]]:
    """A parser for comma-separated `[name:]token` entries; a token has at least 16 characters."""

    def parse(raw: str) -> tuple[NamedToken, ...]:
        expected = f"[name:]token entries, comma-separated; each token has at least {MIN_TOKEN_LENGTH} characters and no spaces"
        tokens = []
        for entry in split_entries(raw):
            name, colon, token = entry.rpartition(":")
            if len(token) < MIN_TOKEN_LENGTH or re.search(r"\s", token) or (colon and not re.fullmatch(r"[\w.@-]{1,64}", name)):
                raise ValueError(expected)
            tokens.append(NamedToken(name or default_name, token))
        if not tokens:
            raise ValueError(expected)
        return tuple(tokens)

    return parse


def parse_ingest_keys(raw: str) -> dict[int, tuple[str, ...]]:
    """`project:key` entries -> keys by project id; a project may have several keys during a rotation."""
    keys: dict[int, tuple[str, ...]] = {}
    for entry in split_entries(raw):
        match = re.fullmatch(r"(\d{1,9}):([0-9a-f]{32})", entry)
        if not match:
            raise ValueError("project:key entries, comma-separated: a whole number, a colon and 32 lowercase hex digits")
        project_id, key = int(match[1]), match[2]
        if any(key in others for project, others in keys.items() if project != project_id):
            raise ValueError("a different key for each project: a key that two projects share does not identify the sender")
        if key not in keys.get(project_id, ()):
            keys[project_id] = (*keys.get(project_id, ()), key)
    return keys


def parse_drain_secrets(raw: str) -> dict[int, tuple[str, ...]]:
    """`[project:]secret` entries -> secrets by project id, 1 where none is named; several during a rotation."""
    secrets: dict[int, tuple[str, ...]] = {}
    for entry in split_entries(raw):
        match = re.fullmatch(r"(?:(\d{1,9}):)?([!-9;-~]{16,200})", entry)
        if not match:
            raise ValueError("[project:]secret entries, comma-separated: each secret has at least 16 characters, and no colon")
        project_id = int(match[1] or 1)
        secrets[project_id] = (*secrets.get(project_id, ()), match[2])
    return secrets


def parse_signing_secrets(raw: str) -> tuple[str, ...]:
    """Secrets that sign, comma-separated; of our own the first signs, each is accepted."""
    secrets = tuple(split_entries(raw))
    if not secrets or any(not re.fullmatch(r"[\x21-\x7e]{16,200}", secret) for secret in secrets):
        raise ValueError("at least 16 letters, digits or signs without spaces; several are comma-separated")
    return secrets


def parse_webhook_secrets(raw: str) -> tuple[bytes, ...]:
    """Standard Webhooks secrets (`whsec_` + base64) -> the signing keys, newest first.

    A key has at least 16 bytes, so that it cannot be guessed.
    """
    expected = f"whsec_ followed by the base64 of at least {MIN_SECRET_BYTES} bytes; several are comma-separated"
    secrets = []
    for entry in split_entries(raw):
        try:
            key = base64.b64decode(entry.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not entry.startswith("whsec_") or len(key) < MIN_SECRET_BYTES:
            raise ValueError(expected)
        secrets.append(key)
    if not secrets:
        raise ValueError(expected)
    return tuple(secrets)
