"""Measures each function in a new process against a local PostgreSQL and queue, and says what memory its work asks for.

Lambda loads a function with a whole CPU, and runs it with the share of one that its memory buys (1,769 MB are one CPU), so the
time of a request follows from its CPU time. Secrets come from a server on this machine, the tables hold a day of calls, and the
requests are those of events/. BENCH_FUNCTIONS=get_health,authorize measures only these. Linux only. What a network adds (VPC, TLS
to AWS and RDS) only an account shows.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

from bench._secrets import serve_secrets
from local.api_gateway.template import Function, load
from local.database_roles import find_usable_urls
from local.lambda_runtime import layers
from local.secrets import read_secrets
from local.sqs.server import ACCOUNT, read_access_key
from local.system import System, running_system
from simulator import scenes
from tools.cost.prices import MILLION, find_price

ROOT = Path(__file__).resolve().parents[1]
RUNS = 2
VCPU_MB = 1_769
SIZES = (256, 512, 1_024, 1_769)
# A person waits for the first request of a new environment; senders and the authorizer stand in the way of others.
MOST_FIRST_MS = {"ingest": 500.0, "authorize": 500.0, "digest_cloudwatch_logs": 500.0}
MOST_FIRST_MS_ANY = 1_000.0
MOST_WARM_MS = 250.0
# A queue or the schedule invokes these.
NOBODY_WAITS = frozenset({"run_monitor", "digest_critical", "digest_errors", "digest_cloudwatch_logs"})
# Their example is smaller than their work: bodies and batches of 6 MB, source maps, a cycle with a backlog.
LEAST_MB = {"ingest": 512, "digest_errors": 1_024, "run_monitor": 1_024, "digest": 512, "serve_uploads": 512}
LEAST_MB |= {"call_mcp": 512, "dry_run_rule": 512, "get_error": 512, "get_occurrence": 512}
# The rule memory_usage warns at 80 %; Lambda's runtime and its extensions need about 30 MB more than the process here.
MOST_MEMORY, RUNTIME_MB = 0.7, 30.0
# What a request waits for PostgreSQL or SQS, as in docs/cost.md.
WAIT_MS = {"ingest": 12.0, "authorize": 0.0}
WAIT_MS_ANY = 30.0
# Their example events change AWS itself, and they run only while a stack changes.
OF_THE_DEPLOYMENT = frozenset({"make_secrets", "migrate", "publish_page", "empty_bucket", "guard_database", "watch_release"})
JSON_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:values-AbCdEf"
URL_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:{role}-AbCdEf"

SCRIPT = """
import json, re, sys, time
class Context:
    function_name, aws_request_id, memory_limit_in_mb = "{name}", "bench", 512
    def get_remaining_time_in_millis(self): return 50_000
event = json.load(open("{event}"))
def handle():
    before = time.process_time()
    if {calls}: module.lambda_handler(json.loads(json.dumps(event)), Context())
    return time.process_time() - before
bare = time.process_time()
import {name} as module
used = [time.process_time() - bare, handle()]
used.append(min(handle() for _ in range(5)))
# Of this program alone: the peak that getrusage knows begins with the process that started it.
peak_kb = int(re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps([1000 * value for value in used] + [peak_kb / 1024]), file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """CPU milliseconds and peak megabytes of one function."""

    init_ms: float
    first_ms: float
    warm_ms: float
    peak_mb: float


def main() -> None:
    """Print a row for each function."""
    with running_system(cycle_s=60) as system, tempfile.TemporaryDirectory() as folder:
        scenes.make_tables(system.database_url)
        scenes.load_day(system.database_url)
        functions, values = read_functions(system)
        secrets = serve_values(values)
        try:
            show(functions, values, secrets.server_address[1], Path(folder))
        finally:
            secrets.shutdown()


def read_functions(system: System) -> tuple[Mapping[str, Function], Mapping[str, str]]:
    """Return the template's functions by the name of their module, and the local values of their variables."""
    endpoint_url = f"http://127.0.0.1:{(system.data_dir / 'queue.port').read_text()}"
    kept = read_secrets(system.data_dir, {})
    values = {
        **kept.variables,
        "STAGE": "local",
        "DATABASE_URL": system.database_url,
        **find_usable_urls(system.database_url, kept),
        "APP_URL": system.url,
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
        "AWS_ACCESS_KEY_ID": read_access_key(system.data_dir),
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    path = ROOT / "template.yaml"
    urls = {name: f"{endpoint_url}/{ACCOUNT}/{name}" for name in load(path, values, {}).queues}
    found = load(path, values, urls).functions.values()
    return {function.handler.partition(".")[0]: function for function in found}, values


def show(functions: Mapping[str, Function], values: Mapping[str, str], secrets_port: int, folder: Path) -> None:
    """Measure and print; the last columns compare the memory of the template with the one that the rules choose."""
    chosen = os.environ.get("BENCH_FUNCTIONS", "").split(",")
    print(
        f"{'function':<24}{'INIT':>6}{'first':>7}{'warm':>7}  CPU ms{'peak':>6} MB{'now':>7} MB{'first':>7}{'warm':>6} ms at that"
        f"{'chosen':>8} MB{'first':>7} ms{'USD a million':>15}"
    )
    for name, function in sorted(functions.items()):
        if chosen != [""] and name not in chosen:
            continue
        found = measure(name, function, values, secrets_port, folder)
        size = choose_memory(name, found)
        now = function.memory_mb
        delta = price_million(name, found, size) - price_million(name, found, now)
        print(
            f"{name:<24}{found.init_ms:>6.0f}{found.first_ms:>7.0f}{found.warm_ms:>7.1f}{found.peak_mb:>14.0f}{now:>12}"
            f"{scale(found.first_ms, now):>10.0f}{scale(found.warm_ms, now):>6.0f}{size:>19}{scale(found.first_ms, size):>10.0f}"
            f"{delta:>+18.2f}",
            flush=True,
        )


def measure(name: str, function: Function, values: Mapping[str, str], secrets_port: int, folder: Path) -> Measured:
    """Return the least of several runs for each figure; disturbances only add."""
    script = SCRIPT.format(name=name, event=ROOT / "events" / f"{name}.json", calls=name not in OF_THE_DEPLOYMENT)
    environ = make_environ(function, values, secrets_port, folder)
    found = []
    for _ in range(RUNS):
        done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
        found.append(json.loads(done.stderr.strip().splitlines()[-1]))
    return Measured(*(min(column) for column in zip(*found, strict=True)))


def make_environ(function: Function, values: Mapping[str, str], secrets_port: int, folder: Path) -> dict[str, str]:
    """Return the variables of a deployed function: secrets by ARN, everything else as it is locally."""
    path = os.pathsep.join(str(place) for place in [ROOT / "functions", *layers.build()])
    given = dict(function.environment)
    for variable, value in given.items():
        if variable.endswith("DATABASE_URL") and value:
            given[variable] = URL_ARN.format(role=next(role for role, url in list_urls(values).items() if url == value))
        elif value and is_secret(variable):
            given[variable] = f"{JSON_ARN}:{variable}::"
    aws = {key: value for key, value in values.items() if key.startswith("AWS_")}
    return {
        **given,
        **aws,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": path,
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        # Lambda sets it: with it functions load their secrets while they are imported.
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{secrets_port}",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }


def is_secret(variable: str) -> bool:
    """Whether the template takes a variable from a secret of several values."""
    return f":{variable}::" in (ROOT / "template.yaml").read_text()


def list_urls(values: Mapping[str, str]) -> dict[str, str]:
    """Return the database's URL by the role that connects."""
    names = {"owner": "DATABASE_URL", "reader": "READER_DATABASE_URL", "writer": "WRITER_DATABASE_URL"}
    return {role: values[name] for role, name in names.items() if values.get(name)}


def serve_values(values: Mapping[str, str]) -> ThreadingHTTPServer:
    """Serve the values as one secret, and one for each database URL."""
    texts = {URL_ARN.format(role=role): url for role, url in list_urls(values).items()}
    return serve_secrets(lambda asked: texts.get(asked) or json.dumps(dict(values)))


def choose_memory(name: str, found: Measured) -> int:
    """Return the least size that holds the peak and answers in time, cold and warm; the largest where none does."""
    most_ms = find_for(name, MOST_FIRST_MS, MOST_FIRST_MS_ANY)
    for size in SIZES:
        is_quick = name in NOBODY_WAITS or scale(found.warm_ms, size) <= MOST_WARM_MS
        is_large = size >= find_for(name, LEAST_MB, 0) and found.peak_mb + RUNTIME_MB <= MOST_MEMORY * size
        if is_large and is_quick and scale(found.first_ms, size) <= most_ms:
            return size
    return SIZES[-1]


def price_million(name: str, found: Measured, size: int) -> float:
    """What the time of a million warm requests costs in USD."""
    run_s = (scale(found.warm_ms, size) + find_for(name, WAIT_MS, WAIT_MS_ANY)) / 1000
    return MILLION * run_s * size / 1024 * find_price("lambda_gb_s")


def find_for(name: str, known: Mapping[str, float], otherwise: float) -> float:
    """Return the value of the group of functions that a name belongs to."""
    return next((value for prefix, value in known.items() if name.startswith(prefix)), otherwise)


def scale(cpu_ms: float, size: int) -> float:
    """How long so much work takes at a memory size."""
    return cpu_ms / min(1.0, size / VCPU_MB)


if __name__ == "__main__":
    main()
