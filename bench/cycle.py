"""Plays the monitor's cycle at scale: 1,000 rules, 10,000 instances, 100,000 new groups and a product's million rows at once.

Each cycle is run_monitor's own handler in a process of its own, with a durable PostgreSQL and the local SQS server. A cycle is
idle (nothing fires), the first after a flood (every instance begins to fire, the groups are new and messages wait), steady (all
of it goes on firing) or the last (all of it ends). A tenth of everything is measured before, for the ratio. CYCLE_RULES sets the
rules of the larger size (1,000: about five minutes; 100: one).
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypedDict

import psycopg2

from bench import pipeline
from bench._database import own_database
from bench._results import build_figure, write_results
from bench.digest import build_messages
from bench.throughput import MB_PER_VCPU, make_queues, read_server_cpu_s
from callwatch import sqs
from callwatch.db import connection, execute, fetch_one
from local.lambda_runtime import layers
from local.sqs import server as local_queue

ROOT = Path(__file__).resolve().parents[1]
RULES = int(os.environ.get("CYCLE_RULES", "1_000"))
# MemorySize of RunMonitor in the template.
MEMORY_MB = 1_024
MOST_S, MOST_MB = 10.0, 512.0
STEADY = 3
# The built-in rules about external alerts and failing jobs have half of the instances, rules of RULES_FILE the other half.
_PROJECTS = 10
_OPTIONS = {"max_wal_size": "4GB", "autovacuum": "off"}

# One cycle for each line of input; a line of output tells what it took.
CHILD = """
import json, os, re, sys, time
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
class Context:
    function_name, aws_request_id, memory_limit_in_mb = "run_monitor", "bench", 1024
    def get_remaining_time_in_millis(self): return 54_000
bare = time.process_time()
import run_monitor
from callwatch.db.connections.watchdog import WatchedCursor
answers.write(json.dumps({"cpu_s": time.process_time() - bare}) + "\\n")
asked = [0]
execute = WatchedCursor.execute
def count(cursor, *given):
    asked[0] += 1
    return execute(cursor, *given)
WatchedCursor.execute = count
steps = {}
def timed(name, run):
    def step(cycle):
        began, before = time.process_time(), asked[0]
        try:
            return run(cycle)
        finally:
            steps[name] = [time.process_time() - began, asked[0] - before]
    return name, step
build = run_monitor.build_steps
run_monitor.build_steps = lambda own: [timed(*each) for each in build(own)]
for _line in sys.stdin:
    steps.clear()
    open("/proc/self/clear_refs", "w").write("5")
    clock, cpu, before = time.perf_counter(), time.process_time(), asked[0]
    report = run_monitor.lambda_handler({}, Context())
    took = {"s": time.perf_counter() - clock, "cpu_s": time.process_time() - cpu, "statements": asked[0] - before}
    peak_kb = int(re.search("VmHWM:\\\\s+(\\\\d+)", open("/proc/self/status").read())[1])
    answers.write(json.dumps({**took, "peak_mb": peak_kb / 1024, "steps": steps, "report": report}) + "\\n")
"""

# A tenth of the groups of the last hour is of the last quarter, whose groups the rules list one by one.
_NEW_GROUPS = """
    CREATE TEMPORARY TABLE made AS
        SELECT n, md5('flood' || n) AS fingerprint, %(now)s - n * interval '1 hour' / %(groups)s AS at
        FROM generate_series(1, %(groups)s) AS n;
    SELECT set_config('callwatch.has_words', 'on', true);
    INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, type, message, severity, category, state,
            count, users, first_seen_at, last_seen_at, made_at, level)
        SELECT 1, 'production', '2:' || fingerprint, 'Flood: ' || fingerprint, 'Flood', fingerprint,
               (ARRAY['low', 'medium', 'high', 'critical'])[1 + n %% 4], 'api', 'new', 1, 0, at, at, at, 'error'
        FROM made ORDER BY n;
    INSERT INTO callwatch.error_group_words (group_id, words)
        SELECT id, to_tsvector('simple', title) FROM callwatch.error_groups WHERE type = 'Flood' ORDER BY id;
    INSERT INTO callwatch.error_fingerprints
        SELECT project_id, environment, fingerprint, id FROM callwatch.error_groups WHERE type = 'Flood';
    INSERT INTO callwatch.error_counts_hourly
        SELECT date_trunc('hour', first_seen_at), 1, 'production', severity, category, count(*)
        FROM callwatch.error_groups WHERE type = 'Flood' GROUP BY 1, 4, 5;
    INSERT INTO callwatch.error_counts_by_minute
        SELECT date_trunc('minute', first_seen_at), 1, 'production', severity, category, count(*)
        FROM callwatch.error_groups WHERE type = 'Flood' GROUP BY 1, 4, 5;
    INSERT INTO callwatch.error_counts_by_group
        SELECT date_trunc('hour', first_seen_at), 1, 'production', id, 1 FROM callwatch.error_groups WHERE type = 'Flood';
    INSERT INTO callwatch.error_counts_by_group_minute (minute, project_id, environment, group_id, count)
        SELECT date_trunc('minute', first_seen_at), 1, 'production', id, 1 FROM callwatch.error_groups WHERE type = 'Flood';
"""
_FIRE = """
    INSERT INTO callwatch.external_alerts AS known (project_id, source, fingerprint, is_firing, level, name, labels, summary,
            starts_at, changed_at, expires_at)
        SELECT 1 + n %% %(projects)s, 'alertmanager', md5(n::text), true, 'error', 'Disk' || n %% %(kinds)s,
               jsonb_build_object('source', 'alertmanager', 'alertname', 'Disk' || n %% %(kinds)s, 'instance', 'host-' || n),
               'disk of host-' || n || ' is full', %(now)s, %(now)s, NULL
        FROM generate_series(1, %(each)s) AS n
    ON CONFLICT (project_id, source, fingerprint) DO UPDATE SET is_firing = true, starts_at = EXCLUDED.starts_at,
        changed_at = EXCLUDED.changed_at;
    INSERT INTO callwatch.check_in_monitors (project_id, environment, slug, first_at, last_at)
        SELECT 1 + n %% %(projects)s, 'production', 'job-' || n / %(projects)s, %(now)s, %(now)s
        FROM generate_series(0, %(each)s - 1) AS n
    ON CONFLICT (project_id, environment, slug) DO UPDATE SET last_at = EXCLUDED.last_at;
    INSERT INTO callwatch.check_ins (monitor_id, message_id, run_id, status, at, duration_s, release)
        SELECT id, gen_random_uuid(), gen_random_uuid(), 'error', %(now)s, 3, NULL FROM callwatch.check_in_monitors
"""
_END = """
    UPDATE callwatch.external_alerts SET is_firing = false, changed_at = %(now)s;
    INSERT INTO callwatch.check_ins (monitor_id, message_id, run_id, status, at, duration_s, release)
        SELECT id, gen_random_uuid(), gen_random_uuid(), 'ok', %(now)s, 3, NULL FROM callwatch.check_in_monitors
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything there is; instances are those that fire after the flood."""

    rules: int

    @property
    def instances(self) -> int:
        """Instances of alerts."""
        return 10 * self.rules

    @property
    def groups(self) -> int:
        """New groups of the last hour."""
        return 100 * self.rules

    @property
    def rows(self) -> int:
        """Rows in each large table of the product."""
        return 1_000 * self.rules


class Took(TypedDict):
    """One cycle. server_s: CPU of PostgreSQL. steps: CPU seconds and statements. stored_ms: durations by the stored row."""

    s: float
    cpu_s: float
    server_s: float
    statements: int
    peak_mb: float
    steps: dict[str, tuple[float, int]]
    stored_ms: dict[str, float]
    errors: dict[str, str]
    firing: int


def main() -> None:
    """Print what each kind of cycle takes at both sizes, and the ratios."""
    small, large = measure(Size(RULES // 10)), measure(Size(RULES))
    figures = []
    print(f"{'ratio at ten times the size':<24}{'CPU':>10}{'statements':>14}{'peak MB':>10}")
    for name, found in large.items():
        before = small[name]
        print(
            f"{name:<24}{found['cpu_s'] / before['cpu_s']:>10.1f}{found['statements'] / before['statements']:>14.1f}"
            f"{found['peak_mb'] / before['peak_mb']:>10.1f}"
        )
    for rules, cycles in ((RULES // 10, small), (RULES, large)):
        for name, took in cycles.items():
            for figure, value, unit, limit in (
                ("duration", took["s"], "s", MOST_S), ("duration in Lambda", estimate_lambda_s(took), "s", MOST_S),
                ("CPU", took["cpu_s"], "s", None), ("CPU of PostgreSQL", took["server_s"], "s", None),
                ("peak", took["peak_mb"], "MB", MOST_MB), ("statements", took["statements"], "", None),
            ):  # fmt: skip
                figures.append(build_figure(f"{name}: {figure}", value, unit, limit, rules=rules))
    worst_s, worst_mb = max(map(estimate_lambda_s, large.values())), max(took["peak_mb"] for took in large.values())
    print(f"slowest cycle with {MEMORY_MB:,} MB in Lambda: {worst_s:.1f} s (at most {MOST_S:g})")
    print(f"largest peak: {worst_mb:.0f} MB (at most {MOST_MB:g})")
    write_results("cycle", figures)


def estimate_lambda_s(took: Took) -> float:
    """Estimate the seconds of a cycle in Lambda: its CPU at the share of its memory, and PostgreSQL's, for which it waits."""
    return took["cpu_s"] / min(1.0, MEMORY_MB / MB_PER_VCPU) + took["server_s"]


def measure(size: Size) -> dict[str, Took]:
    """Return what each kind of cycle took at one size; prints each when it ends."""
    print(
        f"{size.rules:,} rules, {size.instances:,} instances, {size.groups:,} new groups an hour,"
        f" {size.rows:,} rows in each large table of the product"
    )
    found: dict[str, Took] = {}
    with tempfile.TemporaryDirectory() as text, own_database(_OPTIONS) as dsn, _receive_webhooks() as webhook_url:
        folder = Path(text)
        server = local_queue.start(folder)
        try:
            with make_queues(server) as queue_url:
                _fill_product(dsn, size.rows)
                (folder / "rules.json").write_text(json.dumps(build_rules(size.rules)))
                environ = _build_environ(folder, webhook_url)
                with _run_monitor(environ, folder) as monitor:
                    show(found, "idle, cold", monitor.run())
                    show(found, "idle", _run_several(monitor))
                    _begin_flood(size, queue_url, 1)
                    show(found, "flood", monitor.run())
                    show(found, "steady", _run_several(monitor))
                with _run_monitor(environ, folder) as monitor:
                    show(found, "steady, cold", monitor.run())
                    _change(_END)
                    show(found, "end", monitor.run())
                    show(found, "idle after", _run_several(monitor))
                with _run_monitor(environ, folder) as monitor:
                    _begin_flood(size, queue_url, 2)
                    show(found, "flood, cold", monitor.run())
        finally:
            server.stop()
    return found


def build_rules(count: int) -> list[dict[str, object]]:
    """Build the entries of a RULES_FILE: a quarter on external alerts by name, a quarter on jobs, the rest on single figures."""
    rules: list[dict[str, object]] = []
    for number in range(count):
        kind, place = number % 4, number // 4
        entry: dict[str, object] = {"id": f"own-{number}", "name": f"Own {number}", "level": "error", "channels": ["webhook"]}
        if kind == 0:
            entry |= {"metric": "external.error", "comparison": ">=", "threshold": 1, "labels": {"alertname": f"Disk{place}"}}
        elif kind == 1:
            entry |= {"metric": "check_in.failed", "comparison": ">=", "threshold": 1, "labels": {"monitor": f"job-{place}"}}
        elif kind == 2:
            entry |= {"metric": "queue.pending", "comparison": ">", "threshold": 10_000_000 + number}
        else:
            entry |= {"metric": "errors.last_hour", "comparison": ">", "threshold": 10_000_000 + number}
        rules.append(entry)
    return rules


class Monitor:
    """A process that runs cycles. init_cpu_s: what its imports took."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log
        self.init_cpu_s: float = self._read()["cpu_s"]

    def run(self) -> Took:
        """Run one cycle."""
        server_s = read_server_cpu_s()
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told = self._read()
        server_s = read_server_cpu_s() - server_s
        with connection() as conn:
            row = fetch_one(conn, "SELECT steps FROM callwatch.monitor_cycles ORDER BY id DESC LIMIT 1")
            firing = fetch_one(conn, "SELECT count(*) AS count FROM callwatch.rule_states WHERE state = 'firing'")
        assert row is not None
        assert firing is not None
        return {
            "s": told["s"],
            "cpu_s": told["cpu_s"],
            "server_s": server_s,
            "statements": told["statements"],
            "peak_mb": told["peak_mb"],
            "steps": told["steps"],
            "stored_ms": {step["name"]: step["duration_ms"] for step in row["steps"]},
            "errors": {name: step["error"] for name, step in told["report"]["steps"].items() if step["error"]},
            "firing": firing["count"],
        }

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the monitor ended: {self._log.read_text()[-2000:]}")
        return json.loads(line)


def _run_several(monitor: Monitor) -> Took:
    """Return the cycle with the least CPU of several."""
    return min((monitor.run() for _ in range(STEADY)), key=lambda took: took["cpu_s"])


def show(found: dict[str, Took], name: str, took: Took) -> None:
    """Print a cycle and its five most expensive steps."""
    found[name] = took
    steps = sorted(took["steps"], key=lambda step: -took["steps"][step][0])[:5]
    told = "; ".join(
        f"{step} {took['steps'][step][0]:.2f} CPU s, {took['stored_ms'].get(step, 0) / 1000:.2f} s,"
        f" {took['steps'][step][1]:,} statements"
        for step in steps
    )
    print(
        f"  {name:<14}{took['s']:>7.2f} s{took['cpu_s']:>7.2f} CPU s{took['server_s']:>7.2f} CPU s of PostgreSQL"
        f"{took['peak_mb']:>6.0f} MB{took['statements']:>9,} statements{took['firing']:>8,} fire"
        f"{'   FAILED ' + str(took['errors']) if took['errors'] else ''}\n                {told}",
        flush=True,
    )


@contextmanager
def _run_monitor(environ: Mapping[str, str], folder: Path) -> Iterator[Monitor]:
    log = folder / "monitor.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            yield Monitor(process, log)
        finally:
            process.kill()
            process.communicate()


def _build_environ(folder: Path, webhook_url: str) -> dict[str, str]:
    """Return the variables of a deployed monitor, as far as this system has what they name."""
    kept = ("PATH", "DATABASE_URL", "ERROR_QUEUE_URL", "CRITICAL_QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "AWS_ENDPOINT_URL_SQS")
    return {
        **{name: os.environ[name] for name in (*kept, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")},
        "PYTHONPATH": os.pathsep.join(str(place) for place in [ROOT / "functions", *layers.build()]),
        "AWS_LAMBDA_FUNCTION_NAME": "run_monitor",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "POWERTOOLS_LOG_LEVEL": "ERROR",
        "RULES_FILE": str(folder / "rules.json"),
        "STATE_DIR": str(folder),
        "ALERT_WEBHOOK_URL": webhook_url,
        "ALERT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


@contextmanager
def _receive_webhooks() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    finally:
        server.shutdown()


def _fill_product(dsn: str, rows: int) -> None:
    """Fill the product's tables, with the indexes that the monitor advises."""
    now = datetime.now(UTC)
    pipeline.fill(dsn, now, rows)
    pipeline.run(dsn, *pipeline.list_advice(now), "VACUUM ANALYZE")


def _begin_flood(size: Size, queue_url: str, number: int) -> None:
    """Make everything fire; the groups of a minute wait in the queue. number: of the flood, whose waiting groups are new ones."""
    given = {"now": datetime.now(UTC), "groups": size.groups, "each": size.instances // 4, "projects": _PROJECTS}
    if number == 1:
        _change(_NEW_GROUPS, **given)
    _change(_FIRE, kinds=size.rules // 4, **given)
    waiting = size.groups // 60
    sqs.send(queue_url, build_messages(waiting, 100 + number, groups=waiting))
    _gather_statistics()


def _change(statements: str, **given: object) -> None:
    with connection() as conn:
        execute(conn, statements, {"now": datetime.now(UTC), **given})
        conn.commit()


def _gather_statistics() -> None:
    """Give the planner the statistics that autovacuum would have gathered meanwhile."""
    with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as conn:
        conn.autocommit = True
        with conn.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
