"""`make run`: starts the whole system on this machine in order, and stops it in reverse order."""

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast

from rich.console import Console

from callwatch.alerts.routing.routes_in_force import check_routes
from callwatch.alerts.rules.start_check import check_rules_file
from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import load_settings
from local.api_gateway.gateway import Gateway, Server, claim
from local.api_gateway.static_site import Page
from local.api_gateway.template import Template, load
from local.data_dir import DataDirError, hold_alone, open_data_dir
from local.database_roles import VARIABLES as ROLE_VARIABLES
from local.lambda_runtime import layers, workers
from local.lambda_runtime.triggers import QueueTrigger, Schedule, Trigger
from local.lambda_runtime.workers import FunctionFailed, FunctionTimedOut, Workers
from local.lent_settings import add_lent, write_lent
from local.options import Options, read_options
from local.postgres import server as postgres
from local.postgres.server import RunningPostgres
from local.private_file import write_private
from local.restart_alert import report_restart
from local.secrets import LocalSecrets, read_secrets
from local.sqs import server as local_queue
from local.sqs.queue_file import EXPIRED_FILE
from local.supervisor import Supervised, SupervisedPostgres, SupervisedQueue, Supervisor
from local.variables import build_values, list_stores
from local.webhook_inbox import Inbox

ROOT = Path(__file__).resolve().parent.parent
# The functions that the page calls first; the others start with their first request.
WARM = ["Authorize", "GetHealth", "GetStatus", "GetMetricsErrors"]
# How long a stop waits for the current cycle: vendors that hang take it some seconds.
_CYCLE_ENDS_S = 8.0
_TURN_S = 0.5


class StartError(Exception):
    """The system cannot start; the text is one line with the remedy."""


def main() -> int:
    """Start everything, print the addresses, wait for a signal, stop everything."""
    console = Console(highlight=False)
    # Everything that this run writes is private to its owner.
    os.umask(0o077)
    # A blank variable counts as unset.
    environ = {name: value for name, value in os.environ.items() if value.strip()}
    try:
        options = read_options(environ)
        # A signal handler may interrupt the holder of an Event's lock; SimpleQueue is reentrant.
        signals: SimpleQueue[int] = SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _frame: signals.put(number))
        stopped = threading.Event()
        with running(options, environ, console, stopped):
            _wait_for_signal(signals)
            stopped.set()
            console.print("\nstopping ...")
    except ConfigurationError as error:
        print(f"configuration: {error}", file=sys.stderr)
        return 2
    except (StartError, DataDirError, postgres.PostgresError, local_queue.QueueError, layers.LayerError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def _wait_for_signal(signals: "SimpleQueue[int]") -> None:
    """Wait in turns: a signal that arrives just before a wait begins is noted, and handled only when Python code runs again."""
    while True:
        with contextlib.suppress(Empty):
            signals.get(timeout=_TURN_S)
            return


@contextlib.contextmanager
def running(options: Options, environ: Mapping[str, str], console: Console, stopped: threading.Event) -> Iterator[None]:
    """Run the whole system during the block; stop parts in reverse order, also when one fails to start."""
    started_at = time.monotonic()
    settings = load_settings({**list_stores(options), **environ})
    check_rules_file(environ, settings)
    check_routes(settings)
    get_stages(settings.stages_file)
    for line in open_data_dir(options.data_dir):
        console.print(line, soft_wrap=True)
    run_file = options.data_dir / "run.json"
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold_alone(options.data_dir))
        workers.end_leftovers(options.data_dir / "functions.pids")
        run_file.unlink(missing_ok=True)
        write_lent(options.data_dir, {})
        claimed = stack.enter_context(contextlib.closing(_claim_port(options.port)))
        secrets = read_secrets(options.data_dir, environ)
        paths = layers.build()
        server = _start_database(options, environ, stack, console)
        database_url = environ.get("DATABASE_URL") or (server.dsn if server else "")
        queue = _start_queue(options, stack, console)
        endpoint_url = queue.running.endpoint_url
        values = build_values(environ, secrets, database_url, queue.running, options)
        supervised: list[Supervised] = [queue, *([SupervisedPostgres(server)] if server else [])]
        stack.callback(_supervise(supervised, values, console).stop)
        if "ALERT_WEBHOOK_URL" not in values:
            values |= _start_inbox(options, values, stack, console)
        template, queue_urls, sqs = _read_template(values, endpoint_url)
        pool = Workers(template.functions, paths, values, options.data_dir / "logs")
        stack.callback(pool.stop)
        if not _migrate(pool, console):
            # All functions connect as the owner.
            values = {name: value for name, value in values.items() if name not in ROLE_VARIABLES.values()}
            template, queue_urls, sqs = _read_template(values, endpoint_url)
            pool = Workers(template.functions, paths, values, options.data_dir / "logs")
            stack.callback(pool.stop)
        gateway = Server(Gateway(template, pool, Page(ROOT / "dashboard" / "dist", settings)), claimed)
        threading.Thread(target=gateway.serve_forever, args=(0.1,), daemon=True).start()
        stack.callback(gateway.server_close)
        stack.callback(gateway.shutdown)
        pool.start_in_advance([name for name in WARM if name in template.functions])
        triggers = _build_triggers(template, queue_urls, sqs, pool, options, console)
        for trigger in triggers:
            trigger.start()
            # A cycle that is killed keeps its lease, which would delay the next start's monitor.
            if isinstance(trigger, Schedule):
                stack.callback(trigger.join, _CYCLE_ENDS_S)
            stack.callback(trigger.stop)
        signal.signal(signal.SIGUSR1, lambda *_: _run_now(triggers))
        borrower = _Borrower(options.data_dir, values, queue_urls, pool, console.print)
        signal.signal(signal.SIGUSR2, lambda *_: threading.Thread(target=borrower.apply_lent, daemon=True).start())
        housekeeping = threading.Thread(target=_keep_house, args=(pool, options.data_dir, stopped, console.print), daemon=True)
        housekeeping.start()
        write_private(run_file, json.dumps(_build_facts(options, secrets, database_url)))
        stack.callback(run_file.unlink, missing_ok=True)
        _announce(console, options, secrets, time.monotonic() - started_at)
        yield


def _claim_port(port: int) -> socket.socket:
    """Bind the port at the start, so that no other process can take it meanwhile. Raises StartError."""
    try:
        return claim(port)
    except OSError:
        raise StartError(f"port {port} is in use: stop what listens there, or set PORT=") from None


def _start_database(
    options: Options, environ: Mapping[str, str], stack: contextlib.ExitStack, console: Console
) -> RunningPostgres | None:
    """Start the embedded server; None if DATABASE_URL names another one."""
    given = environ.get("DATABASE_URL")
    if given:
        postgres.check_server(given)
        console.print("database: the one of DATABASE_URL")
        return None
    server = postgres.start(options.data_dir)
    stack.callback(server.stop)
    console.print("database: embedded PostgreSQL is up")
    return server


def _start_queue(options: Options, stack: contextlib.ExitStack, console: Console) -> SupervisedQueue:
    queue = SupervisedQueue(local_queue.start(options.data_dir), options.data_dir)
    stack.callback(queue.stop)
    for note in queue.running.notes:
        console.print(note, soft_wrap=True)
    console.print("queue: up")
    return queue


def _supervise(supervised: Sequence[Supervised], values: Mapping[str, str], console: Console) -> Supervisor:
    settings = load_settings(values)
    supervisor = Supervisor(supervised, console.print, lambda restart: report_restart(settings, restart))
    supervisor.start()
    return supervisor


def _start_inbox(options: Options, values: Mapping[str, str], stack: contextlib.ExitStack, console: Console) -> dict[str, str]:
    """Start the default webhook receiver; return the target of alerts."""
    inbox = Inbox(options.data_dir, load_settings(values).alert_webhook_secret or (), console.print)
    threading.Thread(target=inbox.serve_forever, args=(0.2,), daemon=True).start()
    stack.callback(inbox.server_close)
    stack.callback(inbox.shutdown)
    allowed = values.get("WEBHOOK_ALLOWED_NETWORKS")
    networks = f"{allowed},127.0.0.1/32" if allowed else "127.0.0.1/32"
    return {"ALERT_WEBHOOK_URL": inbox.url, "WEBHOOK_ALLOWED_NETWORKS": networks}


def _read_template(values: Mapping[str, str], endpoint_url: str) -> tuple[Template, dict[str, str], Any]:
    """Read the template and create its queues."""
    import boto3

    names = load(ROOT / "template.yaml", values, {}).queues
    urls = {name: f"{endpoint_url}/{local_queue.ACCOUNT}/{name}" for name in names}
    client = boto3.client(
        "sqs",
        endpoint_url=endpoint_url,
        region_name=local_queue.REGION,
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="local",  # noqa: S106 - the local queue looks at the key's id alone
    )
    for name, attributes in names.items():
        client.create_queue(QueueName=name, Attributes=cast("Any", dict(attributes)))
    return load(ROOT / "template.yaml", values, urls), urls, client


def _migrate(pool: Workers, console: Console) -> bool:
    """Run Migrate; return whether functions have roles of their own in the database."""
    try:
        result = json.loads(pool.invoke("Migrate", b"{}"))
    except (FunctionFailed, FunctionTimedOut) as failure:
        raise StartError(f"the migrations failed ({failure}); see logs/Migrate.log in the data folder") from None
    console.print(f"migrations: {len(result['ran'])} ran" if result["ran"] else "migrations: nothing to do")
    console.print(f"database roles: {result['roles']}", soft_wrap=True)
    return bool(result["has_roles"])


def _build_triggers(
    template: Template, queue_urls: Mapping[str, str], sqs: Any, pool: Workers, options: Options, console: Console
) -> list[Trigger]:
    triggers: list[Trigger] = [
        QueueTrigger(source, queue_urls[source.queue], sqs, pool)
        for source in template.event_sources
        for _poller in range(min(source.most_at_once, workers.MAX_PROCESSES))
    ]
    return triggers + [Schedule(name, options.cycle_s, pool, console.print) for name in template.schedules]


def _run_now(triggers: list[Trigger]) -> None:
    """Handle SIGUSR1: start a cycle now, without waiting for the minute."""
    for trigger in triggers:
        if isinstance(trigger, Schedule):
            trigger.run_now()


class _Borrower:
    """Gives the functions their variables again, with what is lent."""

    def __init__(
        self, data_dir: Path, values: Mapping[str, str], queue_urls: Mapping[str, str], pool: Workers, say: Callable[[str], None]
    ) -> None:
        self._data_dir, self._values, self._queue_urls, self._pool, self._say = data_dir, values, queue_urls, pool, say
        self._lock = threading.Lock()

    def apply_lent(self) -> None:
        """Handle SIGUSR2, as Lambda handles a changed configuration: the next invocations start new processes."""
        with self._lock:
            values = add_lent(self._data_dir, self._values, self._say)
            self._pool.use(load(ROOT / "template.yaml", values, self._queue_urls).functions)


def _keep_house(pool: Workers, data_dir: Path, stopped: threading.Event, say: Callable[[str], None]) -> None:
    expired = data_dir / EXPIRED_FILE
    size = expired.stat().st_size if expired.is_file() else 0
    is_full = False
    while not stopped.wait(2):
        if expired.is_file() and expired.stat().st_size > size:
            size = expired.stat().st_size
            say(f"messages waited too long and were moved to {expired}: docs/troubleshooting.md tells how to bring them back")
        try:
            workers.note(data_dir / "functions.pids", pool.list_pids())
            is_full = False
        except OSError as error:
            if not is_full:
                say(f"{data_dir} takes no more ({error.strerror}): free some space; nothing that was accepted is lost")
            is_full = True
        pool.end_idle()


def _build_facts(options: Options, secrets: LocalSecrets, database_url: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{options.port}"
    return {
        "url": url,
        "admin_token": secrets.admin_token,
        "viewer_token": secrets.viewer_token,
        "dsn": f"http://{secrets.ingest_key}@127.0.0.1:{options.port}/1",
        "ingest_key": secrets.ingest_key,
        "database_url": database_url,
        "pid": os.getpid(),
    }


def _announce(console: Console, options: Options, secrets: LocalSecrets, seconds: float) -> None:
    console.print(f"\n[bold green]Callwatch is up[/] after {seconds:.1f} s. Ctrl-C stops everything.\n")
    console.print(f"  dashboard    http://127.0.0.1:{options.port}/admin/operations")
    console.print(f"  admin token  {secrets.admin_token}")
    console.print(f"  details       {options.data_dir / 'run.json'}\n", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
