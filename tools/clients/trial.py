"""One trial: a client sends under a marker of its own, and what is stored under it is counted."""

import random
import string
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from local.system import System
from tools.clients.environments import ClientFailed, install, send
from tools.clients.table import Client, Runtime

_WAIT_S = 20.0
_ERRORS = "SELECT count(*) FROM callwatch.error_logs WHERE message LIKE %s"
_LANGUAGES: dict[Runtime, str] = {"python": "Python", "node": "Node.js", "ruby": "Ruby", "go": "Go", "php": "PHP"}
_REQUESTS = "SELECT count(*) FROM callwatch.api_logs WHERE route LIKE %s"


@dataclass(frozen=True, slots=True)
class Trial:
    """What a client sent and what was stored; failure: why nothing was sent."""

    client: Client
    errors: int = 0
    requests: int = 0
    failure: str | None = None

    @property
    def is_complete(self) -> bool:
        """Whether everything that was sent is stored, once."""
        return self.failure is None and (self.errors, self.requests) == (self.client.errors, self.client.requests)

    @property
    def result(self) -> str:
        """One word, or why nothing was sent."""
        return "all" if self.is_complete else self.failure or "NOT ALL"


def try_client(client: Client, system: System, folder: Path) -> Trial:
    """Install a client if it is not there, let it send, and wait until what it sent is stored, or for 20 s."""
    marker = "".join(random.choices(string.ascii_lowercase, k=12))  # noqa: S311
    environ = {"DSN": system.dsn, "MARKER": marker, "OTLP_URL": f"{system.url}/api/1/otlp", "INGEST_KEY": system.ingest_key}
    try:
        send(client, install(client, folder), environ)
    except ClientFailed as error:
        return Trial(client, failure=str(error))
    deadline = time.monotonic() + _WAIT_S
    while True:
        found = Trial(client, *count_stored(system.database_url, marker))
        if found.is_complete or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def count_stored(database_url: str, marker: str) -> tuple[int, int]:
    """How many errors and requests are stored that hold a marker."""
    with psycopg2.connect(database_url) as conn, conn.cursor() as cursor:
        counts = []
        for statement in (_ERRORS, _REQUESTS):
            cursor.execute(statement, (f"%{marker}%",))
            counts.append(cursor.fetchone())
    conn.close()
    errors, requests = (int(row[0]) if row else 0 for row in counts)
    return errors, requests


def render_table(trials: list[Trial]) -> str:
    """The trials as a table in Markdown."""
    lines = ["| client | version | errors sent | stored | requests sent | stored | |", "|---|---|---:|---:|---:|---:|---|"]
    for trial in trials:
        client = trial.client
        stored = ("", "") if trial.failure else (trial.errors, trial.requests)
        name = f"{client.name} ({_LANGUAGES[client.runtime]})"
        counts = (client.errors, stored[0], client.requests, stored[1])
        lines.append(f"| {name} | {client.version} | {' | '.join(map(str, counts))} | {trial.result} |")
    return "\n".join(lines)
