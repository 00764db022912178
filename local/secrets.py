"""Tokens and keys of the local system: made up once, kept in DATA_DIR, replaced by what the environment gives."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callwatch.exceptions import ConfigurationError
from callwatch.settings import load_settings


@dataclass(frozen=True, slots=True)
class LocalSecrets:
    """The values that functions get, and those that run.json shows."""

    variables: Mapping[str, str]
    admin_token: str
    viewer_token: str
    ingest_key: str


def secrets_of(data_dir: Path, environ: Mapping[str, str]) -> LocalSecrets:
    """Read or make the secrets of a data folder; variables of `environ` go before them."""
    path = data_dir / "secrets.json"
    try:
        kept = json.loads(path.read_text()) if path.is_file() else {}
    except ValueError:
        raise ConfigurationError(f"{path} is damaged: delete it, and tokens and keys are made anew") from None
    made = made_up() | kept
    if made != kept:
        write_private(path, json.dumps(made))
    variables = {name: environ.get(name) or value for name, value in made.items()}
    settings = load_settings(variables)
    admin, viewer, keys = settings.admin_secret or (), settings.viewer_secret or (), settings.ingest_keys or {}
    first_key = next(iter(keys.get(1) or next(iter(keys.values()), ("",))))
    return LocalSecrets(variables, admin[0].token, viewer[0].token, first_key)


def made_up() -> dict[str, str]:
    """Fresh values of all secrets that are nobody else's to give, by variable."""
    return {
        "ADMIN_SECRET": f"admin:{secrets.token_hex(20)}",
        "VIEWER_SECRET": f"viewer:{secrets.token_hex(20)}",
        "INGEST_KEYS": f"1:{secrets.token_hex(16)}",
        "USER_HASH_KEY": secrets.token_hex(32),
        "ALERT_WEBHOOK_SECRET": f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
    }


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner may read, in one step: readers see the old one or the new one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(content)
    draft.replace(path)
