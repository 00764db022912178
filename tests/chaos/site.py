"""The system under fault tests: its database, queues and processes, and the load during a fault."""

import contextlib
import functools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import psycopg2

from local import processes
from local.postgres import server as postgres
from local.postgres.server import RunningPostgres
from local.sqs.server import ACCOUNT, REGION, read_access_key
from local.system import System
from tests.conftest import FAST

# The lock with which a test blocks a writer.
_HELD = 4711


@dataclass
class Site:
    """What fault tests operate on."""

    folder: Path
    postgres: RunningPostgres
    system: System = field(init=False)

    @functools.cached_property
    def sqs(self) -> Any:
        """Return a client of the local queue."""
        port = (self.system.data_dir / "queue.port").read_text()
        session = boto3.Session(read_access_key(self.system.data_dir), "local", region_name=REGION)
        return session.client("sqs", endpoint_url=f"http://127.0.0.1:{port}")

    def queue_url(self, name: str = "ErrorQueue") -> str:
        """Return the URL of a queue by its logical id."""
        return f"http://127.0.0.1:{(self.system.data_dir / 'queue.port').read_text()}/{ACCOUNT}/{name}"

    def set_visibility(self, seconds: int) -> None:
        """Set how long a received message stays hidden."""
        for name in ("ErrorQueue", "CriticalQueue", "DeadLetterQueue"):
            self.sqs.set_queue_attributes(QueueUrl=self.queue_url(name), Attributes={"VisibilityTimeout": str(seconds)})

    def waiting(self, name: str = "ErrorQueue") -> int:
        """Count messages of a queue, including received ones."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.queue_url(name), AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def put(self, bodies: list[str], name: str = "ErrorQueue") -> None:
        """Send messages directly to a queue, without the API."""
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            self.sqs.send_message_batch(QueueUrl=self.queue_url(name), Entries=entries)

    def peek(self, name: str = "ErrorQueue") -> list[dict[str, Any]]:
        """Return all messages of an idle queue; they can be received again at once."""
        found: dict[str, dict[str, Any]] = {}
        given = {"QueueUrl": self.queue_url(name), "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        # Hidden long enough to see them all; a short poll may find nothing although there is something.
        while messages := self.sqs.receive_message(**given, VisibilityTimeout=60, WaitTimeSeconds=1).get("Messages"):
            found |= {message["MessageId"]: message for message in messages}
        for message in found.values():
            self.sqs.change_message_visibility(
                QueueUrl=given["QueueUrl"], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return list(found.values())

    @property
    def dsn(self) -> str:
        """Return the address of the monitor's database."""
        return self.postgres.dsn

    def sql(self, statement: str, *params: Any) -> list[tuple[Any, ...]]:
        """Run one statement on the database; return the rows of a query."""
        with contextlib.closing(psycopg2.connect(self.dsn)) as conn, conn, conn.cursor() as cursor:
            cursor.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def functions(self, module: str = "") -> list[psutil.Process]:
        """Return processes of functions, or of one by its module."""
        found = []
        for process in psutil.Process(self.system.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                line = process.cmdline()
                if "awslambdaric" in line and line[-1].startswith(module):
                    found.append(process)
        return found

    def kill(self, module: str = "") -> int:
        """Kill processes of functions; return their number."""
        killed = self.functions(module)
        for process in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        return len(killed)

    @contextlib.contextmanager
    def no_monitor(self) -> Iterator[None]:
        """Hold the monitor's lease during the block as another monitor would: cycles are skipped, the queue fills."""
        insert = "INSERT INTO callwatch.monitor_lease VALUES ('monitor', 'the test', now(), now() + interval '10 minutes')"
        self.system.wait_until(
            lambda: self.sql(insert + " ON CONFLICT (name) DO NOTHING RETURNING holder"), 40, what="a pause between two cycles"
        )
        try:
            yield
        finally:
            self.free_lease()

    @contextlib.contextmanager
    def writers_held(self, environment: str) -> Iterator[Callable[[], None]]:
        """Block writers of an environment's errors in their COPY, until the yielded function is called or the block ends."""
        with contextlib.closing(psycopg2.connect(self.postgres.dsn)) as holder, holder.cursor() as cursor:
            holder.autocommit = True

            def go_on() -> None:
                cursor.execute("SELECT pg_advisory_unlock_all()")

            cursor.execute("SELECT pg_advisory_lock(%s)", (_HELD,))
            cursor.execute(
                """CREATE FUNCTION callwatch.held() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN PERFORM pg_advisory_xact_lock_shared(%s); RETURN NEW; END $$;
                   CREATE TRIGGER held BEFORE INSERT ON callwatch.error_logs FOR EACH ROW
                   WHEN (NEW.environment = %s AND NEW.message = 'boom 50') EXECUTE FUNCTION callwatch.held()""",
                (_HELD, environment),
            )
            try:
                yield go_on
            finally:
                go_on()
                cursor.execute("DROP FUNCTION callwatch.held CASCADE")

    def is_writer_held(self) -> bool:
        """Return whether a writer is blocked in its COPY."""
        waiting = """SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE locktype = 'advisory' AND objid = %s AND NOT granted AND query LIKE 'COPY callwatch.%%error_logs%%'"""
        return bool(self.sql(waiting, _HELD))

    @contextlib.contextmanager
    def queue_stopped(self) -> Iterator[None]:
        """Freeze the queue during the block; it answers pending requests afterwards."""
        server = processes.find((self.system.data_dir / "queue.pid").read_text())
        assert server is not None
        server.suspend()
        try:
            yield
        finally:
            server.resume()

    def free_lease(self) -> None:
        """End the lease of a dead monitor, instead of waiting 30 s."""
        self.sql("DELETE FROM callwatch.monitor_lease")

    def stop_postgres(self) -> None:
        """Stop the database."""
        self.postgres.stop()

    def start_postgres(self) -> None:
        """Start it again with its data and port."""
        self.postgres = postgres.start(self.folder / "own", FAST)

    def send(self, environment: str, count: int, **fields: Any) -> list[str]:
        """Send errors in one request; return the accepted ids, none if the request failed."""
        return self._post(_errors(environment, count, fields))

    def _post(self, items: list[dict[str, Any]]) -> list[str]:
        try:
            status, body, _headers = self.system.call("POST", "/api/errors", self.system.ingest_key, items)
        except OSError:
            return []
        return list(body["ids"]) if status == 202 else []

    @contextlib.contextmanager
    def load(self, environment: str, per_request: int = 10, pause_s: float = 0.1, **fields: Any) -> Iterator[set[str]]:
        """Run two senders during the block; yield the growing set of accepted ids.

        A request without a response is repeated with the same ids: it may have been accepted.
        """
        accepted: set[str] = set()
        is_over = threading.Event()

        def work() -> None:
            while not is_over.wait(pause_s):
                items = _errors(environment, per_request, fields)
                for _attempt in range(300):
                    if ids := self._post(items):
                        accepted.update(ids)
                        break
                    time.sleep(pause_s)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield accepted
        finally:
            is_over.set()
            for thread in threads:
                thread.join(60)

    def stored(self, environment: str) -> int:
        """Count the rows of an environment."""
        return int(self.sql("SELECT count(*) FROM callwatch.error_logs WHERE environment = %s", environment)[0][0])

    def wait_until_stored(self, environment: str, accepted: set[str] | list[str], timeout_s: float = 60) -> None:
        """Wait until all accepted errors are stored and the queues are empty, then check that each is stored once."""

        def is_done() -> bool:
            return self.waiting() == self.waiting("CriticalQueue") == 0 and self.stored(environment) >= len(accepted)

        assert accepted
        self.system.wait_until(is_done, timeout_s, f"{len(accepted)} errors in PostgreSQL")
        self.prove(environment, accepted)

    def prove(self, environment: str, accepted: set[str] | list[str]) -> None:
        """Check that accepted equals stored, with one row each, and that every counter equals the rows."""
        rows = self.sql("SELECT replace(event_id::text, '-', '') FROM callwatch.error_logs WHERE environment = %s", environment)
        assert Counter(row[0] for row in rows) == Counter(accepted)
        for counter in ("hourly", "by_minute", "by_group", "by_group_minute"):
            ((counted,),) = self.sql(
                f"SELECT sum(count) FROM callwatch.error_counts_{counter} WHERE environment = %s", environment
            )
            assert counted == len(accepted), counter
        ((counted,),) = self.sql("SELECT sum(count) FROM callwatch.error_groups WHERE environment = %s", environment)
        assert counted == len(accepted)


def _errors(environment: str, count: int, fields: dict[str, Any]) -> list[dict[str, Any]]:
    given = {"environment": environment, "context": {"blob": "word " * 300}, **fields}
    return [{"message": f"boom {n}", "event_id": uuid.uuid4().hex, **given} for n in range(count)]
