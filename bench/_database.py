"""A migrated, embedded PostgreSQL for one benchmark; the settings and the pools point to it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from callwatch.db import migrate, reset_pool
from callwatch.settings import reset_settings
from local.postgres import server as postgres


@contextmanager
def own_database(options: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the connection string; options: settings of postgresql.conf to start with."""
    folder = Path(tempfile.mkdtemp(prefix="callwatch-bench-"))
    # As root, PostgreSQL runs as another user, who must be able to enter the folder.
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
