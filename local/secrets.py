"""Tokens and keys of the local system: generated once, kept in DATA_DIR, overridden by the environment."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callwatch.db import ROLES, RoleName
from callwatch.exceptions import ConfigurationError
from callwatch.runtime.generated_secrets import generate_secrets
from callwatch.settings import load_settings
from local.private_file import write_private


@dataclass(frozen=True, slots=True)
class LocalSecrets:
    """The values for functions, and those for run.json."""

    variables: Mapping[str, str]
    admin_token: str
    viewer_token: str
    ingest_key: str
    role_passwords: Mapping[RoleName, str]


def read_secrets(data_dir: Path, environ: Mapping[str, str]) -> LocalSecrets:
    """Read or generate the secrets of a data folder; `environ` overrides them. Raises ConfigurationError."""
    path = data_dir / "secrets.json"
    kept = _read_kept(path)
    made = generate_secrets() | {_name_password(role): secrets.token_hex(24) for role in ROLES} | kept
    if made != kept:
        write_private(path, json.dumps(made))
    passwords = {role: made.pop(_name_password(role)) for role in ROLES}
    variables = {name: environ.get(name) or value for name, value in made.items()}
    settings = load_settings(variables)
    admin, viewer, keys = settings.admin_secret or (), settings.viewer_secret or (), settings.ingest_keys or {}
    first_key = next(iter(keys.get(1) or next(iter(keys.values()), ("",))))
    return LocalSecrets(variables, admin[0].token, viewer[0].token, first_key, passwords)


def _name_password(role: RoleName) -> str:
    return f"{role.upper()}_DATABASE_PASSWORD"


def _read_kept(path: Path) -> dict[str, str]:
    """Read the secrets of earlier starts. Raises ConfigurationError naming the file if it is invalid."""
    if not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_bytes())
        if not isinstance(kept, dict) or not all(isinstance(value, str) and _is_plain(value) for value in kept.values()):
            raise ValueError("no object of texts")
        # A value that is no valid setting was not written by us.
        load_settings({name: value for name, value in kept.items() if name in generate_secrets()})
    except (ValueError, RecursionError, ConfigurationError):
        remedy = "restore a copy of it, or delete it, and new tokens and keys are made"
        raise ConfigurationError(f"{path} is damaged: {remedy}") from None
    return kept


def _is_plain(value: str) -> bool:
    """Whether a text can be a secret of ours: a lone surrogate could not even become a variable of a process."""
    return value != "" and value.isascii() and value.isprintable()
