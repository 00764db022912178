"""An embedded PostgreSQL for one measurement, migrated, to which the settings and the pools point."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from callwatch.db import migrate, reset_pool
from callwatch.settings import reset_settings
from local import postgres


@contextmanager
def own_database(options: Mapping[str, str] | None = None) -> Iterator[str]:
    """The connection string, for the length of the block; options: settings of postgresql.conf to start with."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    # PostgreSQL runs as another user where this one is root.
    folder.chmod(0o755)
    server = postgres.start(folder, options)
    os.environ["DATABASE_URL"] = server.dsn
    reset_settings()
    reset_pool()
    try:
        migrate(server.dsn)
        yield server.dsn
    finally:
        reset_pool()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
