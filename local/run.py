"""`make run`: the whole system on this machine, started in order, stopped in order."""

import argparse
import contextlib
import fcntl
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console

from callwatch.alerts.manager import alert_manager
from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.stage_file import get_stages
from callwatch.settings import VARIABLES, load_settings
from local import layers, postgres, workers
from local import queue as local_queue
from local.gateway import Gateway, Server, claim
from local.inbox import Inbox
from local.page import Page
from local.secrets import LocalSecrets, secrets_of, write_private
from local.template import Template, load
from local.triggers import QueueTrigger, Schedule, Trigger
from local.workers import FunctionFailed, FunctionTimedOut, Workers

ROOT = Path(__file__).resolve().parent.parent
# The functions that the page asks first; the others start with their first request.
WARM = ["Authorize", "GetHealth", "GetStatus", "GetMetricsErrors"]
# As long as a stop waits for the cycle under way.
_CYCLE_ENDS_S = 3.0


class StartError(Exception):
    """The system cannot start; the text is one line with the remedy."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `make run` takes."""

    port: int
    data_dir: Path
    cycle_s: float


def main() -> int:
    """Start everything, say where it is, wait for a signal, stop everything."""
    console = Console(highlight=False)
    # A blank variable is one that is not set, whoever reads it.
    environ = {name: value for name, value in os.environ.items() if value.strip()}
    try:
        options = read_options(environ)
        # An event's lock may be in the very hands that a signal interrupts; this queue alone can be used then, too.
        signals: queue.SimpleQueue[int] = queue.SimpleQueue()
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
    except (StartError, postgres.PostgresError, local_queue.QueueError, layers.LayerError) as error:
        print(f"cannot start: {error}", file=sys.stderr)
        return 1
    return 0


def read_options(environ: Mapping[str, str]) -> Options:
    """PORT, DATA_DIR and CYCLE_S. Raises ConfigurationError naming the first bad one."""
    description = __doc__.splitlines()[0] if __doc__ else None
    parser = argparse.ArgumentParser(prog="make run", description=description)
    parser.add_argument("--port", default=environ.get("PORT") or "3000", help="port of the API and the page (PORT=)")
    parser.add_argument("--data-dir", default=environ.get("DATA_DIR") or ".local", help="kept between starts (DATA_DIR=)")
    parser.add_argument("--cycle", default=environ.get("CYCLE_S") or "60", help="seconds between cycles (CYCLE_S=)")
    given = parser.parse_args()
    if not given.port.isdigit() or not 1 <= int(given.port) <= 65535:
        raise ConfigurationError("PORT takes a number from 1 to 65535")
    try:
        cycle_s = float(given.cycle)
    except ValueError:
        cycle_s = 0.0
    if not 1 <= cycle_s <= 3600:
        raise ConfigurationError("CYCLE_S takes seconds from 1 to 3600")
    return Options(int(given.port), Path(given.data_dir).resolve(), cycle_s)


@contextlib.contextmanager
def running(options: Options, environ: Mapping[str, str], console: Console, stopped: threading.Event) -> Iterator[None]:
    """The whole system for the block; whatever started is stopped in the opposite order, also when a part fails."""
    started_at = time.monotonic()
    settings = load_settings(environ)
    alert_manager.rules(settings)
    get_stages(settings.stages_file)
    _make_folder(options.data_dir)
    run_file = options.data_dir / "run.json"
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_one(options.data_dir))
        workers.end_leftovers(options.data_dir / "functions.pids")
        run_file.unlink(missing_ok=True)
        claimed = stack.enter_context(contextlib.closing(_claim_port(options.port)))
        secrets = secrets_of(options.data_dir, environ)
        paths = layers.build()
        database_url = _database(options, environ, stack, console)
        endpoint_url = _queue(options, stack, console)
        values = _values(environ, secrets, database_url, endpoint_url, options)
        if "ALERT_WEBHOOK_URL" not in values:
            values |= _inbox(options, values, stack, console)
        template, queue_urls, sqs = _template(values, endpoint_url)
        pool = Workers(template.functions, paths, values, options.data_dir / "logs")
        stack.callback(pool.stop)
        _migrate(pool, console)
        server = Server(Gateway(template, pool, Page(ROOT / "dashboard" / "dist")), claimed)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        pool.warm([name for name in WARM if name in template.functions])
        triggers = _triggers(template, queue_urls, sqs, pool, options, console)
        for trigger in triggers:
            trigger.start()
            # A cycle that is ended amid its work leaves its lease, and keeps the next start's monitor waiting for that.
            if isinstance(trigger, Schedule):
                stack.callback(trigger.join, _CYCLE_ENDS_S)
            stack.callback(trigger.stop)
        signal.signal(signal.SIGUSR1, lambda *_: _run_now(triggers))
        housekeeping = threading.Thread(target=_keep_house, args=(pool, options.data_dir, stopped), daemon=True)
        housekeeping.start()
        write_private(run_file, json.dumps(_facts(options, secrets, database_url)))
        stack.callback(run_file.unlink, missing_ok=True)
        _announce(console, options, secrets, time.monotonic() - started_at)
        yield


def _make_folder(data_dir: Path) -> None:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "lock").touch()
    except OSError as error:
        raise ConfigurationError(f"DATA_DIR takes a folder that can be written to ({error.strerror}: {data_dir})") from None


@contextlib.contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; it falls with the process. Raises StartError where another holds it."""
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"{data_dir} is in use by another `make run`: stop it, or set DATA_DIR=") from None
        yield


def _claim_port(port: int) -> socket.socket:
    """Take the port at the start, so that nothing started meanwhile can. Raises StartError."""
    try:
        return claim(port)
    except OSError:
        raise StartError(f"port {port} is in use: stop what listens there, or set PORT=") from None


def _database(options: Options, environ: Mapping[str, str], stack: contextlib.ExitStack, console: Console) -> str:
    given = environ.get("DATABASE_URL")
    if given:
        postgres.check_server(given)
        console.print("database: the one of DATABASE_URL")
        return given
    server = postgres.start(options.data_dir)
    stack.callback(server.stop)
    console.print("database: embedded PostgreSQL is up")
    return server.dsn


def _queue(options: Options, stack: contextlib.ExitStack, console: Console) -> str:
    server = local_queue.start(options.data_dir)
    stack.callback(server.stop)
    console.print("queue: up")
    return server.endpoint_url


def _inbox(options: Options, values: Mapping[str, str], stack: contextlib.ExitStack, console: Console) -> dict[str, str]:
    """Start the receiver that stands in for a webhook target; where alerts then go."""
    inbox = Inbox(options.data_dir, load_settings(values).alert_webhook_secret or (), console.print)
    threading.Thread(target=inbox.serve_forever, args=(0.2,), daemon=True).start()
    stack.callback(inbox.server_close)
    stack.callback(inbox.shutdown)
    allowed = values.get("WEBHOOK_ALLOWED_NETWORKS")
    networks = f"{allowed},127.0.0.1/32" if allowed else "127.0.0.1/32"
    return {"ALERT_WEBHOOK_URL": inbox.url, "WEBHOOK_ALLOWED_NETWORKS": networks}


def _values(
    environ: Mapping[str, str], secrets: LocalSecrets, database_url: str, endpoint_url: str, options: Options
) -> dict[str, str]:
    """The local values of variables: what the person set, what we made up, where our parts are."""
    given = {variable.name: environ[variable.name] for variable in VARIABLES if environ.get(variable.name)}
    for name in ("RULES_FILE", "STAGES_FILE"):
        if name in given:
            # A function runs in a folder of its own, where a relative path would lead nowhere.
            given[name] = str(Path(given[name]).resolve())
    # A topic is reached at Amazon, or at the server that stands in for it.
    given |= {name: environ[name] for name in ("AWS_ENDPOINT_URL_SNS",) if environ.get(name)}
    return {
        "STAGE": "local",
        "NODE_ENV": "development",
        "VERCEL_ENV": "development",
        "APP_URL": f"http://127.0.0.1:{options.port}",
        **secrets.variables,
        **given,
        "DATABASE_URL": database_url,
        "PRODUCT_DATABASE_URL": given.get("PRODUCT_DATABASE_URL", database_url),
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
    }


def _template(values: Mapping[str, str], endpoint_url: str) -> tuple[Template, dict[str, str], Any]:
    """Read the template and make its queues."""
    import boto3

    names = load(ROOT / "template.yaml", values, {}).queues
    urls = {name: f"{endpoint_url}/{local_queue.ACCOUNT}/{name}" for name in names}
    client = boto3.client(
        "sqs",
        endpoint_url=endpoint_url,
        region_name=local_queue.REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - the local queue asks for none
    )
    for name, attributes in names.items():
        client.create_queue(QueueName=name, Attributes=cast("Any", dict(attributes)))
    return load(ROOT / "template.yaml", values, urls), urls, client


def _migrate(pool: Workers, console: Console) -> None:
    try:
        result = json.loads(pool.invoke("Migrate", b"{}"))
    except (FunctionFailed, FunctionTimedOut) as failure:
        raise StartError(f"the migrations failed ({failure}); see logs/Migrate.log in the data folder") from None
    console.print(f"migrations: {len(result['ran'])} ran" if result["ran"] else "migrations: nothing to do")


def _triggers(
    template: Template, queue_urls: Mapping[str, str], sqs: Any, pool: Workers, options: Options, console: Console
) -> list[Trigger]:
    triggers: list[Trigger] = [QueueTrigger(source, queue_urls[source.queue], sqs, pool) for source in template.event_sources]
    return triggers + [Schedule(name, options.cycle_s, pool, console.print) for name in template.schedules]


def _run_now(triggers: list[Trigger]) -> None:
    """What SIGUSR1 asks for: a cycle now, without waiting for the minute."""
    for trigger in triggers:
        if isinstance(trigger, Schedule):
            trigger.run_now()


def _keep_house(pool: Workers, data_dir: Path, stopped: threading.Event) -> None:
    while not stopped.wait(2):
        workers.note(data_dir / "functions.pids", pool.pids())
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
    console.print(f"\n[bold green]Callwatch is up[/] after {seconds:.1f} s. Ctrl-C stops all of it.\n")
    console.print(f"  dashboard    http://127.0.0.1:{options.port}/admin/operations")
    console.print(f"  admin token  {secrets.admin_token}")
    console.print(f"  all else     {options.data_dir / 'run.json'}\n", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
