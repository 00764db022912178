"""`make demo`: simulates the product on a running local system: a healthy day, then faults that break and recover in turn.

The product's tables are created in the local system's own database, and only if it contains no foreign product tables.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import psycopg2
from psycopg2 import extensions
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from simulator import product
from simulator.clients import raise_errors, send_requests
from simulator.farewell import forget_product, forget_readings, paused_monitor
from simulator.faults import exhaust_quota, stop_transcription
from simulator.surroundings import give_history, lent_vendors, resolve_groups, send_known_errors, take_history
from simulator.system import DemoError, LocalSystem, connect

T = TypeVar("T")
# The comment on the table of calls that marks the demo's tables.
MARK = "callwatch demo"
ERRORS = 60
# The errors of the spike are dated back, so that "in the last hour" ends this many seconds after they were sent, at the end of
# that minute: nobody wants to wait for an hour.
_SPIKE_LASTS_S = 40
# How often a healthy product is recreated: its crons beat each minute, and are late after two.
_LIFE_S = 30.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One fault: the alert, the fault itself, where to look, and what repairs it besides recreating the product.

    rule_ids: one of these rules must notify; the others may be inhibited by it.
    """

    title: str
    story: str
    breaks: Callable[[], None]
    rule_ids: tuple[str, ...]
    look: str
    repairs: Callable[[], None]


def main() -> int:
    """Play all scenes; return 1 and print one line if that fails or an alert does not arrive."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--data-dir", default=os.environ.get("DATA_DIR") or ".local", help="data folder of the running system (DATA_DIR=)"
    )
    parser.add_argument("--hold", type=float, default=20.0, metavar="S", help="seconds that each fault lasts")
    parser.add_argument("--scenes", type=int, default=9, metavar="N", help="play only the first N scenes")
    parser.add_argument("--clear", action="store_true", help="remove the tables of a demo that was killed, and exit")
    args = parser.parse_args()
    console = Console(highlight=False)
    try:
        system = connect(Path(args.data_dir))
        with_database = _connect_database(system)
        if args.clear:
            _remove(system, with_database, console)
            return 0
        with lent_vendors(system) as statuses:
            try:
                play(system, with_database, console, args.hold, args.scenes, statuses)
                _live_on(system, with_database, console)
            finally:
                with_database.rollback()
                _remove(system, with_database, console)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        console.print("The demo has ended; the alerts and their timelines stay.")
    return 0


def play(
    system: LocalSystem,
    conn: extensions.connection,
    console: Console,
    hold_s: float,
    most: int,
    statuses: MutableMapping[str, int],
) -> None:
    """Play a healthy day, then each scene: break, alert, notify, hold for `hold_s`, repair, resolve.

    statuses: what each vendor responds with. Raises DemoError if an alert or its end does not arrive.
    """
    console.print(
        Panel(
            f"Open, or reload, [bold]{system.url}/admin/operations[/]\nadmin token: {system.admin_token}", title="Callwatch demo"
        )
    )
    with console.status("Loading eight healthy days of calls ..."):
        count = _recreate_healthy(conn)
        give_history(conn)
        send_requests(system)
        send_known_errors(system)
        system.run_cycle()
    console.print(f"[bold]A healthy day.[/] {count:,} calls of eight days, all of them recorded, transcribed and analysed.")
    console.print("  made up too: the vendors, their uptime, and charts of the time before the system ran")
    with console.status("Waiting until nothing is wrong ..."):
        system.wait_until(
            lambda: not system.list_firing(), lambda: f"the healthy day still shows alerts: {', '.join(system.list_firing())}"
        )
    status = system.get("/api/status")
    console.print(f"  status: [green]{status['status']}[/] · look at: the first line of the page, then Pipeline and Services\n")
    for number, scene in enumerate(_list_scenes(system, conn, statuses)[:most], start=1):
        if system.list_firing_earlier().intersection(scene.rule_ids):
            console.print(f"[bold]{number}. {scene.title}[/]: skipped, because its alert already fires for other reasons\n")
            continue
        _play_scene(number, scene, system, conn, console, hold_s)
    console.print("[bold green]All is well again.[/] The incidents stay with their timelines: #/incidents on the page.")


def _live_on(system: LocalSystem, conn: extensions.connection, console: Console) -> None:
    """On a terminal, keep the product alive until Ctrl-C, so that the page stays green."""
    if not sys.stdin.isatty():
        return
    console.print("The product keeps working. Ctrl-C ends the demo and removes its tables.")
    while True:
        time.sleep(_LIFE_S)
        _recreate_healthy(conn)
        send_requests(system, _LIFE_S / 60)


def _list_scenes(system: LocalSystem, conn: extensions.connection, statuses: MutableMapping[str, int]) -> list[Scene]:
    def play_fault(fault: Callable[..., None]) -> None:
        # Just before the cycle, so that the product's crons have just beaten.
        _recreate_healthy(conn)
        _commit(conn, lambda: fault(conn, datetime.now(UTC)))

    def use_up_quota() -> None:
        play_fault(exhaust_quota)
        statuses["openai"] = HTTPStatus.TOO_MANY_REQUESTS

    def renew_quota() -> None:
        statuses["openai"] = HTTPStatus.OK

    return [
        Scene(
            "OpenAI's quota runs out", "Analyses fail with 429 insufficient_quota, while transcripts go on.",
            use_up_quota, ("vendor_quota",),
            "What is wrong now: one incident names the vendor, and\n  folds what follows from it; Services: OpenAI says why",
            renew_quota,
        ),
        Scene(
            "The transcription queue stops", "Its picking function is broken: work waits, and none is completed.",
            lambda: play_fault(stop_transcription), ("cron_idle", "pipeline_stopped"),
            "Pipeline: the stage with the red edge, its oldest\n  waiting item, and a click on the number: the items behind it",
            lambda: None,
        ),
        Scene(
            "Errors come in a burst", f"{ERRORS} real exceptions, raised and sent by the Sentry SDK for Python.",
            lambda: raise_errors(system, ERRORS, timedelta(hours=1) - timedelta(seconds=_SPIKE_LASTS_S)), ("high_error_rate",),
            "Errors in the head of the page: one new group, its\n  stack and cause, and [phone] where a number was",
            lambda: resolve_groups(system, "the demo repaired it"),
        ),
    ]  # fmt: skip


def _play_scene(
    number: int, scene: Scene, system: LocalSystem, conn: extensions.connection, console: Console, hold_s: float
) -> None:
    console.rule(f"{number}. {scene.title}")
    console.print(scene.story)
    scene.breaks()
    with console.status("Waiting for the alert ..."):
        alert = system.wait_until(lambda: system.find_told(scene.rule_ids), lambda: f"{' or '.join(scene.rule_ids)} did not fire")
    console.print(f"[bold red]FIRING[/] {alert['title']} ({alert['level']}): {escape(alert['message'])}")
    console.print(f"  value {alert['value']:g}, threshold {alert['threshold']:g}, runbook: #/runbooks/{alert['rule_id']}")
    others = [other for other in system.list_firing_alerts() if other["id"] != alert["id"]]
    for other in others:
        cause = f"follows from {other['suppressed_by']}, not sent" if other["suppressed_by"] else other["level"]
        console.print(f"  with it: {other['title']} ({cause})")
    with console.status("Waiting for the webhook ..."):
        said = "none: the same alert was sent a moment ago, and its cooldown has not ended"
        if not system.is_in_cooldown(alert):
            said = system.wait_until(
                lambda: _find_webhook(system, alert["id"]), lambda: "no webhook was delivered; GET /api/channels says why"
            )
    console.print(f"[bold]WEBHOOK[/] {said}")
    console.print(f"  look at: {escape(scene.look)}")
    with console.status(f"Left as it is for {hold_s:g} s ..."):
        time.sleep(hold_s)
    scene.repairs()
    console.print("The fault is repaired.")
    with console.status("Waiting until it is resolved ..."):
        system.wait_until(
            _keep_well(system, conn, lambda: not system.list_firing()),
            lambda: f"{scene.title}: alerts stay: {', '.join(system.list_firing())}",
        )
    console.print("[bold green]RESOLVED[/] and notified; the page is green again.")
    console.print("  look at: #/incidents, where it has an end now; open it for its timeline\n")


def _find_webhook(system: LocalSystem, alert_id: str) -> str | None:
    line = system.find_webhook(alert_id)
    if line is not None:
        return f"{line['message']['type']}, id {line['id']}, signature: [green]valid[/]"
    return "sent to the ALERT_WEBHOOK_URL of this system" if system.is_sent_elsewhere(alert_id) else None


def _keep_well(system: LocalSystem, conn: extensions.connection, look: Callable[[], T]) -> Callable[[], T]:
    """Return the same check, which first recreates the healthy product so that it keeps working."""
    due = time.monotonic()

    def look_while_well() -> T:
        nonlocal due
        if time.monotonic() >= due:
            _recreate_healthy(conn)
            send_requests(system, _LIFE_S / 60)
            due = time.monotonic() + _LIFE_S
        return look()

    return look_while_well


def _connect_database(system: LocalSystem) -> extensions.connection:
    """Connect to the system's database if its product tables are the demo's or absent. Raises DemoError."""
    try:
        conn = psycopg2.connect(system.database_url, connect_timeout=5)
    except psycopg2.OperationalError:
        raise DemoError("the system's database cannot be reached") from None
    with conn.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.calls') IS NOT NULL, obj_description(to_regclass('public.calls'))")
        has_calls, comment = cursor.fetchone() or (False, None)
    if has_calls and comment != MARK:
        raise DemoError("the database already holds a product's table `calls`, which the demo must not touch; set DATA_DIR=")
    return conn


def _recreate_healthy(conn: extensions.connection) -> int:
    """Recreate the product's tables as they are after eight healthy days; return the number of calls.

    One transaction, without a lock that blocks readers: the monitor sees the tables before or after.
    """

    def fill() -> int:
        product.create_tables(conn)
        with conn.cursor() as cursor:
            cursor.execute("COMMENT ON TABLE public.calls IS %s", (MARK,))
            for table in product.TABLES:
                cursor.execute(f'DELETE FROM public."{table}"')
        return product.load(conn, datetime.now(UTC), hours=product.ALWAYS)

    return _commit(conn, fill)


def _remove(system: LocalSystem, conn: extensions.connection, console: Console) -> None:
    with paused_monitor(conn):
        system.set_vendors({})
        _clear(conn)
    with console.status("Taking the product away without an alarm ..."):
        forget_product(system, conn)
    console.print("The demo's tables are gone, and the monitor is as before the demo.")


def _clear(conn: extensions.connection) -> None:
    def drop() -> None:
        take_history(conn)
        with conn.cursor() as cursor:
            for table in product.TABLES:
                cursor.execute(f'DROP TABLE IF EXISTS public."{table}" CASCADE')
        forget_readings(conn)

    _commit(conn, drop)


def _commit(conn: extensions.connection, work: Callable[[], T]) -> T:
    result = work()
    conn.commit()
    return result


if __name__ == "__main__":
    sys.exit(main())
