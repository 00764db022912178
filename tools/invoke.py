"""Invokes one function with an event under AWS's runtime client, against the database and queue of a running system."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.api_gateway.template import load
from local.database_roles import find_usable_urls
from local.lambda_runtime import layers
from local.lambda_runtime.workers import FunctionFailed, FunctionTimedOut, Workers
from local.run import ROOT
from local.secrets import read_secrets
from local.sqs.server import ACCOUNT, read_access_key


def main() -> int:
    """Print the function's response, as in `python -m tools.invoke GetHealth events/get_health.json`."""
    parser = argparse.ArgumentParser(prog="invoke", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("function", help="logical id in template.yaml, such as GetHealth")
    parser.add_argument("event", type=Path, help="a JSON file, such as events/get_health.json")
    args = parser.parse_args()
    data_dir = Path(os.environ.get("DATA_DIR") or ".local").resolve()
    if not (data_dir / "run.json").is_file():
        print("invoke: start the system first: make run", file=sys.stderr)
        return 2
    with start_workers(data_dir, os.environ) as workers:
        try:
            answer = workers.invoke(args.function, args.event.read_bytes())
        except KeyError:
            print(f"invoke: template.yaml has no function {args.function}", file=sys.stderr)
            return 2
        except (FunctionFailed, FunctionTimedOut) as failure:
            print(f"invoke: {args.function} failed: {failure or type(failure).__name__}", file=sys.stderr)
            return 1
    print(json.dumps(json.loads(answer), indent=2))
    return 0


@contextmanager
def start_workers(data_dir: Path, environ: Mapping[str, str]) -> Iterator[Workers]:
    """Start function processes next to those of the system that runs on a data folder."""
    running = json.loads((data_dir / "run.json").read_text())
    endpoint_url = f"http://127.0.0.1:{(data_dir / 'queue.port').read_text()}"
    secrets = read_secrets(data_dir, environ)
    values = {
        **environ,
        **secrets.variables,
        "STAGE": "local",
        "DATABASE_URL": running["database_url"],
        **find_usable_urls(running["database_url"], secrets),
        "APP_URL": running["url"],
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
        "AWS_ACCESS_KEY_ID": read_access_key(data_dir),
    }
    path = ROOT / "template.yaml"
    urls = {name: f"{endpoint_url}/{ACCOUNT}/{name}" for name in load(path, values, {}).queues}
    workers = Workers(load(path, values, urls).functions, layers.build(), values, data_dir / "logs")
    try:
        yield workers
    finally:
        workers.stop()


if __name__ == "__main__":
    sys.exit(main())
