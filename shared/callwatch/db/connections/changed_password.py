"""Connects with the current password: a database secret may change during the life of an execution environment."""

import os
import time
from collections.abc import Callable

from callwatch.db.core.connect import Connection, open_connection
from callwatch.exceptions import ConfigurationError, DatabaseRefused
from callwatch.settings import load_settings
from callwatch.settings.named_values import forget_secrets

Connect = Callable[[str], Connection]
# A wrong password must not cause a read of the secret at each attempt.
_ASK_AGAIN_AFTER_S = 60.0


def follow_secret(variable: str) -> Connect:
    """A connect function that reads the variable's secret again if the server refuses the password.

    Raises as open_connection; DatabaseRefused if the secret holds no other password, or was read within the last minute.
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
                valid[:] = filter(None, [_read_again(variable)])
            if not valid or valid[-1] == used:
                raise
            return open_connection(valid[-1])

    return connect


def _read_again(variable: str) -> str | None:
    """The connection string that the secret holds; None if the variable names no secret, or it cannot be read."""
    named = os.environ.get(variable) or os.environ.get("DATABASE_URL", "")
    if not named.startswith("arn:"):
        return None
    forget_secrets()
    is_product = variable != "DATABASE_URL" and bool(os.environ.get(variable))
    host = "" if is_product else os.environ.get("DATABASE_HOST", "")
    try:
        return load_settings({"DATABASE_URL": named, "DATABASE_HOST": host}).database_url
    except ConfigurationError:
        return None
