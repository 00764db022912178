"""Measures the CPU time of a new execution environment: loading the function, its first event, and an ordinary one.

Lambda loads a function with a whole CPU, and runs it with the share of one that its memory buys; so what the first event costs
beyond an ordinary one is divided by that share. Secrets are read from a server on this machine, events go to the local queue.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import boto3

from bench import ingest
from bench._secrets import serve_secrets
from local.lambda_runtime import layers
from local.sqs import server as local_queue

ROOT = Path(__file__).resolve().parents[1]
RUNS = 5
GOAL_MS = 250.0
VCPU_MB = 1_769
MEMORIES = (256, 512, 1_024)
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ingest-AbCdEf"
SECRETS = {"INGEST_KEYS": f"1:{ingest.KEY}", "USER_HASH_KEY": "k" * 64}

SCRIPT = """
import json, sys, time
bare = time.process_time()
import {name}
loaded = time.process_time()
events = json.load(open(sys.argv[1]))
ready = time.process_time()
{name}.lambda_handler(events[0], None)
first = time.process_time()
for event in events[1:6]:
    {name}.lambda_handler(event, None)
warm = time.process_time()
for event in events[6:]:
    {name}.lambda_handler(event, None)
last = time.process_time()
used = [loaded - bare, first - ready, (last - warm) / len(events[6:])]
print(json.dumps([1000 * value for value in used]), file=sys.stderr)
"""


def main() -> None:
    """Print CPU milliseconds by function and kind of layer."""
    with tempfile.TemporaryDirectory() as folder:
        server = local_queue.start(Path(folder))
        secrets = serve_secrets(lambda _asked: json.dumps(SECRETS))
        try:
            environ = make_environ(server, secrets.server_address[1])
            measure(Path(folder), environ)
        finally:
            secrets.shutdown()
            server.stop()


def make_environ(server: local_queue.RunningQueue, secrets_port: int) -> dict[str, str]:
    """Create the queues, and return the environment of the functions."""
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {**keys, "AWS_ENDPOINT_URL_SQS": server.endpoint_url}
    sqs = boto3.client("sqs")
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("errors", "critical")}
    return {
        **keys,
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
        "AWS_ENDPOINT_URL_SQS": server.endpoint_url,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{secrets_port}",
        "ERROR_QUEUE_URL": urls["errors"],
        "CRITICAL_QUEUE_URL": urls["critical"],
        "INGEST_KEYS": f"{ARN}:INGEST_KEYS::",
        "USER_HASH_KEY": f"{ARN}:USER_HASH_KEY::",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }


def measure(folder: Path, environ: Mapping[str, str]) -> None:
    """Measure with compiled modules and without, as an image without bytecode has to compile what it imports."""
    events = {"ingest_envelope": [ingest.build_request(ingest.build_payload(number)) for number in range(36)]}
    events["authorize"] = [json.loads((ROOT / "events" / "authorize.json").read_text())] * 36
    path = os.pathsep.join(str(place) for place in [ROOT / "functions", *layers.build()])
    print(
        f"{'CPU ms':<18}{'bytecode':<10}{'load':>8}{'first event':>13}{'ordinary':>10}   the first takes in ms at",
        *MEMORIES,
        "MB",
    )
    for name, given in events.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps(given))
        for kind in ("no", "yes"):
            variables = {**environ, "PYTHONPATH": path, "PYTHONPYCACHEPREFIX": str(folder / f"bytecode {kind}")}
            if kind == "no":
                variables["PYTHONDONTWRITEBYTECODE"] = "1"
            loaded, first, ordinary = run_best(name, file, variables)
            shown = "".join(f"{first / min(1, memory / VCPU_MB):>7.0f}" for memory in MEMORIES)
            print(f"{name:<18}{kind:<10}{loaded:>8.0f}{first:>13.1f}{ordinary:>10.2f}   {shown}")
            if kind == "yes" and name == "ingest_envelope":
                met = "met" if loaded + first <= GOAL_MS else "MISSED"
                print(f"load and first event of {name}: {loaded + first:.0f} ms CPU, goal {GOAL_MS:.0f}: {met}")


def run_best(name: str, file: Path, environ: Mapping[str, str]) -> list[float]:
    """Return the least of several runs for each figure; disturbances only add."""
    found = []
    for _ in range(RUNS + 1):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(name=name), str(file)], env=environ, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stderr.strip().splitlines()[-1]))
    return [min(column) for column in zip(*found[1:], strict=True)]


if __name__ == "__main__":
    main()
