"""`make hash`: prints the hash under which each user id of stdin is stored, one a line."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from callwatch.exceptions import CallwatchError
from callwatch.scrubbing.scrubber import hash_user
from callwatch.settings.load import load_settings
from local.secrets import read_secrets

_GIVEN = ("USER_HASH_KEY", "INGEST_KEYS")


class HashError(CallwatchError):
    """No key is known; the text is one line with the remedy."""


def main() -> int:
    """Print the hashes; a user id is not an argument, because every process on a machine can read those."""
    argparse.ArgumentParser(prog="make hash", description="Print the hash of each user id of stdin, one a line.").parse_args()
    try:
        key = find_key(os.environ)
    except CallwatchError as error:
        print(f"hash: {error}", file=sys.stderr)
        return 2
    for line in sys.stdin.read().splitlines():
        print(hash_user(line, key))
    return 0


def find_key(environ: Mapping[str, str]) -> str:
    """Return the key of the HMAC: from the environment, or that of the running system.

    Raises HashError if there is none, ConfigurationError for a bad value.
    """
    given = {name: environ[name] for name in _GIVEN if environ.get(name)}
    folder = Path(environ.get("DATA_DIR") or ".local").resolve()
    if not given and (folder / "secrets.json").is_file():
        given = dict(read_secrets(folder, {}).variables)
    key = load_settings(given).user_hash_key
    if key is None:
        raise HashError("no key: start the system first (make run), or set USER_HASH_KEY or INGEST_KEYS")
    return key


if __name__ == "__main__":
    sys.exit(main())
