"""`make run`: starts the whole system on this machine in order, and stops it in reverse order."""

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

from rich.console import Console

from callwatch.alerts.routing.routes_in_force import check_routes
from callwatch.alerts.rules.start_check import check_rules_file
from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import VARIABLES, load_settings
from callwatch.settings.named_channels import is_named_variable
from local.api_gateway.gateway import Gateway, Server, claim
from local.api_gateway.static_site import Page
from local.api_gateway.template import Template, load
from local.data_dir import DataDirError, hold_alone, open_data_dir
from local.database_roles import VARIABLES as ROLE_VARIABLES
from local.database_roles import list_role_urls
from local.lambda_runtime import layers, workers
from local.lambda_runtime.triggers import QueueTrigger, Schedule, Trigger
from local.lambda_runtime.workers import FunctionFailed, FunctionTimedOut, Workers
from local.postgres import server as postgres
from local.postgres.server import RunningPostgres
from local.private_file import write_private
from local.restart_alert import report_restart
from local.secrets import LocalSecrets, read_secrets
from local.sqs import server as local_queue
from local.sqs.queue_file import EXPIRED_FILE
from local.sqs.server import RunningQueue
from local.supervisor import Supervised, SupervisedPostgres, SupervisedQueue, Supervisor
from local.webhook_inbox import Inbox

ROOT = Path(__file__).resolve().parent.parent
# The functions that the page calls first; the others start with their first request.
WARM = ["Authorize", "GetHealth", "GetStatus", "GetMetricsErrors"]
# How long a stop waits for the current cycle.
_CYCLE_ENDS_S = 3.0


class StartError(Exception):
    """The system cannot start; the text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `make run`."""

    port: int
    data_dir: Path
    cycle_s: float


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
            signals.get()
            stopped.set()
            console.print("\nstopping ...")
    except ConfigurationError as error:
        print(f"configuration: {error}", file=sys.stderr)
        return 2
    except (StartError, DataDirError, postgres.PostgresError, local_queue.QueueError, layers.LayerError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def read_options(environ: Mapping[str, str]) -> Options:
    """Read PORT, DATA_DIR and CYCLE_S. Raises ConfigurationError naming the first bad one."""
    description = __doc__.splitlines()[0] if __doc__ else None
    parser = argparse.ArgumentParser(prog="make run", description=description)
    parser.add_argument("--port", default=environ.get("PORT") or "3000", help="port of the API and the page (PORT=)")
    parser.add_argument(
        "--data-dir", default=environ.get("DATA_DIR") or ".local", help="folder for data kept between starts (DATA_DIR=)"
    )
    parser.add_argument("--cycle", default=environ.get("CYCLE_S") or "60", help="seconds between cycles (CYCLE_S=)")
    given = parser.parse_args()
    if not given.port.isdigit() or not 1 <= int(given.port) <= 65535:
        raise ConfigurationError("PORT must be a number from 1 to 65535")
    try:
        cycle_s = float(given.cycle)
    except ValueError:
        cycle_s = 0.0
    if not 1 <= cycle_s <= 3600:
        raise ConfigurationError("CYCLE_S must be seconds from 1 to 3600")
    return Options(int(given.port), Path(given.data_dir).resolve(), cycle_s)


@contextlib.contextmanager
def running(options: Options, environ: Mapping[str, str], console: Console, stopped: threading.Event) -> Iterator[None]:
    """Run the whole system during the block; stop parts in reverse order, also when one fails to start."""
    started_at = time.monotonic()
    settings = load_settings({**_list_stores(options), **environ})
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
        claimed = stack.enter_context(contextlib.closing(_claim_port(options.port)))
        secrets = read_secrets(options.data_dir, environ)
        paths = layers.build()
        server = _start_database(options, environ, stack, console)
        database_url = environ.get("DATABASE_URL") or (server.dsn if server else "")
        queue = _start_queue(options, stack, console)
        endpoint_url = queue.running.endpoint_url
        values = _values(environ, secrets, database_url, queue.running, options)
        supervised: list[Supervised] = [queue, *([SupervisedPostgres(server)] if server else [])]
        stack.callback(_supervise(supervised, values, console).stop)
        if "ALERT_WEBHOOK_URL" not in values:
            values |= _inbox(options, values, stack, console)
        template, queue_urls, sqs = _template(values, endpoint_url)
        pool = Workers(template.functions, paths, values, options.data_dir / "logs")
        stack.callback(pool.stop)
        if not _migrate(pool, console):
            # All functions connect as the owner.
            values = {name: value for name, value in values.items() if name not in ROLE_VARIABLES.values()}
            template, queue_urls, sqs = _template(values, endpoint_url)
            pool = Workers(template.functions, paths, values, options.data_dir / "logs")
            stack.callback(pool.stop)
        gateway = Server(Gateway(template, pool, Page(ROOT / "dashboard" / "dist", settings)), claimed)
        threading.Thread(target=gateway.serve_forever, args=(0.1,), daemon=True).start()
        stack.callback(gateway.server_close)
        stack.callback(gateway.shutdown)
        pool.warm([name for name in WARM if name in template.functions])
        triggers = _triggers(template, queue_urls, sqs, pool, options, console)
        for trigger in triggers:
            trigger.start()
            # A cycle that is killed keeps its lease, which would delay the next start's monitor.
            if isinstance(trigger, Schedule):
                stack.callback(trigger.join, _CYCLE_ENDS_S)
            stack.callback(trigger.stop)
        signal.signal(signal.SIGUSR1, lambda *_: _run_now(triggers))
        housekeeping = threading.Thread(target=_keep_house, args=(pool, options.data_dir, stopped, console.print), daemon=True)
        housekeeping.start()
        write_private(run_file, json.dumps(_facts(options, secrets, database_url)))
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


def _inbox(options: Options, values: Mapping[str, str], stack: contextlib.ExitStack, console: Console) -> dict[str, str]:
    """Start the default webhook receiver; return the target of alerts."""
    inbox = Inbox(options.data_dir, load_settings(values).alert_webhook_secret or (), console.print)
    threading.Thread(target=inbox.serve_forever, args=(0.2,), daemon=True).start()
    stack.callback(inbox.server_close)
    stack.callback(inbox.shutdown)
    allowed = values.get("WEBHOOK_ALLOWED_NETWORKS")
    networks = f"{allowed},127.0.0.1/32" if allowed else "127.0.0.1/32"
    return {"ALERT_WEBHOOK_URL": inbox.url, "WEBHOOK_ALLOWED_NETWORKS": networks}


def _values(
    environ: Mapping[str, str], secrets: LocalSecrets, database_url: str, queue: RunningQueue, options: Options
) -> dict[str, str]:
    """Return the local values of variables: set by the person, generated, or addresses of local parts."""
    given = {variable.name: environ[variable.name] for variable in VARIABLES if environ.get(variable.name)}
    known = {**secrets.variables, **given}
    kept = {variable.name: known[variable.name] for variable in VARIABLES if variable.kept_in and variable.name in known}
    given = {name: text for name, text in given.items() if name not in kept}
    kept |= {name: text for name, text in environ.items() if text and is_named_variable(name, VARIABLES)}
    if kept and "CHANNEL_SETTINGS" not in given:
        given["CHANNEL_SETTINGS"] = json.dumps(kept)
    for name in ("RULES_FILE", "ROUTES_FILE", "STAGES_FILE", "PRICES_FILE", "STATUS_PAGE_FILE"):
        if name in given:
            # A function runs in its own folder, where a relative path would be wrong.
            given[name] = str(Path(given[name]).resolve())
    # A topic is reached at Amazon, or at the configured replacement.
    given |= {name: environ[name] for name in ("AWS_ENDPOINT_URL_SNS",) if environ.get(name)}
    return {
        "STAGE": "local",
        "NODE_ENV": "development",
        "VERCEL_ENV": "development",
        "APP_URL": f"http://127.0.0.1:{options.port}",
        **_list_stores(options),
        **secrets.variables,
        **given,
        "DATABASE_URL": database_url,
        # Without a database of its own, the product is read through the function's own connection.
        "PRODUCT_DATABASE_URL": given.get("PRODUCT_DATABASE_URL", ""),
        **list_role_urls(database_url, secrets),
        "AWS_ENDPOINT_URL_SQS": queue.endpoint_url,
        "AWS_ACCESS_KEY_ID": queue.access_key,
    }


def _list_stores(options: Options) -> dict[str, str]:
    """Return the folders that take the place of buckets."""
    return {
        "ARCHIVE_URL": str(options.data_dir / "archive"),
        "STATUS_PAGE_STORE": str(options.data_dir / "status_page"),
        "PAYLOADS_URL": str(options.data_dir / "payloads"),
        "SOURCE_MAPS_URL": str(options.data_dir / "source-maps"),
    }


def _template(values: Mapping[str, str], endpoint_url: str) -> tuple[Template, dict[str, str], Any]:
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


def _triggers(
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


def _keep_house(pool: Workers, data_dir: Path, stopped: threading.Event, say: Callable[[str], None]) -> None:
    expired = data_dir / EXPIRED_FILE
    size = expired.stat().st_size if expired.is_file() else 0
    is_full = False
    while not stopped.wait(2):
        if expired.is_file() and expired.stat().st_size > size:
            size = expired.stat().st_size
            say(f"messages waited too long and were moved to {expired}: docs/troubleshooting.md tells how to bring them back")
        try:
            workers.note(data_dir / "functions.pids", pool.pids())
            is_full = False
        except OSError as error:
            if not is_full:
                say(f"{data_dir} takes no more ({error.strerror}): free some space; nothing that was accepted is lost")
            is_full = True
        pool.end_idle()


def _facts(options: Options, secrets: LocalSecrets, database_url: str) -> dict[str, Any]:
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
