"""How many connections each function holds at once, and what its sessions keep behind a pooler in transaction mode."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.connections import count_all, find_pooler, list_left, run_pooler
from bench.throughput import make_queues
from callwatch.runtime.log import logger
from local.sqs import server as local_queue
from simulator import scenes

# Their probe of the database, its figures and those of the product are read at once; with fewer connections they wait.
READ_AT_ONCE = {"get_health": 3, "get_metrics_prometheus": 3}


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Yield while the settings name the queues of a server; afterwards they name none."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.setenv(name, "")
    for name in ("ERROR", "CRITICAL", "DEAD_LETTER"):
        monkeypatch.setenv(f"{name}_QUEUE_URL", "")
    server = local_queue.start(tmp_path)
    try:
        with make_queues(server):
            yield
    finally:
        server.stop()


def test_a_pooler_keeps_nothing_and_one_connection_is_enough(
    database: str, queues: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setattr(logger, "disabled", True, raising=False)
    scenes.make_tables(database)
    program = find_pooler()
    with run_pooler(program, database) if program else contextlib.nullcontext(database) as used:
        needed = count_all(used)
        left = list_left(used) if program else []
    assert {name: most for name, most in needed.items() if most > READ_AT_ONCE.get(name, 1)} == {}
    assert needed["run_monitor"] == needed["digest_errors"] == needed["get_overview"] == 1
    assert needed["ingest_envelope"] == needed["authorize"] == 0
    if program is None:
        pytest.skip("PgBouncer is not installed (apt-get install pgbouncer): what sessions keep behind it is not tried")
    assert left == []
