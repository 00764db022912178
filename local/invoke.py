"""Invokes one function with an event under AWS's runtime client, against the database and queue of a running system."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local import layers
from local.queue import ACCOUNT
from local.run import ROOT
from local.secrets import secrets_of
from local.template import load
from local.workers import FunctionFailed, FunctionTimedOut, Workers


def main() -> int:
    """`python -m local.invoke GetHealth events/get_health.json` prints the function's answer."""
    parser = argparse.ArgumentParser(prog="invoke", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("function", help="logical id in template.yaml, such as GetHealth")
    parser.add_argument("event", type=Path, help="a JSON file, such as events/get_health.json")
    args = parser.parse_args()
    data_dir = Path(os.environ.get("DATA_DIR") or ".local").resolve()
    if not (data_dir / "run.json").is_file():
        print("invoke: start the system first: make run", file=sys.stderr)
        return 2
    with workers_of(data_dir, os.environ) as workers:
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
def workers_of(data_dir: Path, environ: Mapping[str, str]) -> Iterator[Workers]:
    """Function processes beside those of the system that runs on a data folder."""
    running = json.loads((data_dir / "run.json").read_text())
    endpoint_url = f"http://127.0.0.1:{(data_dir / 'queue.port').read_text()}"
    values = {
        **environ,
        **secrets_of(data_dir, environ).variables,
        "STAGE": "local",
        "DATABASE_URL": running["database_url"],
        "PRODUCT_DATABASE_URL": environ.get("PRODUCT_DATABASE_URL") or running["database_url"],
        "APP_URL": running["url"],
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
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
