"""Connects with the password of now: a database's secret may be changed while an execution environment lives on."""

import os
import time
from collections.abc import Callable

from callwatch.db.connect import Connection, open_connection
from callwatch.exceptions import ConfigurationError, DatabaseRefused
from callwatch.settings import load_settings
from callwatch.settings_named import forget_secrets

Connect = Callable[[str], Connection]
# A password that is simply wrong must not be asked for at each attempt.
_ASK_AGAIN_AFTER_S = 60.0


def following_its_secret(variable: str) -> Connect:
    """A way to connect that reads the variable's secret anew where the server refuses the password.

    Raises as open_connection: DatabaseRefused where the secret holds no other one, or was read within a minute.
    """
    valid: list[str] = []
    asked_at = [-_ASK_AGAIN_AFTER_S]

    def connect(dsn: str) -> Connection:
        used = valid[-1] if valid else dsn
        try:
            return open_connection(used)
        except DatabaseRefused:
            if time.monotonic() - asked_at[0] >= _ASK_AGAIN_AFTER_S:
                asked_at[0] = time.monotonic()
                valid[:] = filter(None, [_as_it_is_now(variable)])
            if not valid or valid[-1] == used:
                raise
            return open_connection(valid[-1])

    return connect


def _as_it_is_now(variable: str) -> str | None:
    """The connection string that the secret holds; None where none is named, or it cannot be read."""
    named = os.environ.get(variable) or os.environ.get("DATABASE_URL", "")
    if not named.startswith("arn:"):
        return None
    forget_secrets()
    try:
        return load_settings({"DATABASE_URL": named}).database_url
    except ConfigurationError:
        return None
