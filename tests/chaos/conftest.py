"""One running system for all faults, on a PostgreSQL of its own that tests can stop."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.postgres import server as postgres
from local.system import running_system
from tests.chaos.site import Site
from tests.conftest import FAST


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """Yield the system with a cycle of 1 s; unfinished messages are redelivered after 2 s, not minutes."""
    with tempfile.TemporaryDirectory(prefix="callwatch-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        found = Site(folder, postgres.start(folder / "own", FAST))
        try:
            with running_system(1, folder / "system", {"DATABASE_URL": found.postgres.dsn}) as system:
                found.system = system
                found.set_visibility(2)
                yield found
        finally:
            found.postgres.stop()
