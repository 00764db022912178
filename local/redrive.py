"""`make redrive`: brings dead letters back into the queue, after what poisoned them was mended."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callwatch import queue
from callwatch.exceptions import QueueUnavailable
from local.queue import ACCOUNT, REGION

_EPILOG = """
Locally the queues are those of the running system (DATA_DIR). For a deployed system name its function, and have AWS
credentials at hand: make redrive ARGS="--function callwatch-prod-Redrive-..."

What still cannot be digested goes back to the dead letters with its reason; what was stored before is not counted again.
"""


def main() -> int:
    """Move dead letters, say how many."""
    description = __doc__.partition(": ")[2] if __doc__ else None
    parser = argparse.ArgumentParser(
        prog="make redrive", description=description, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=int, default=queue.REDRIVE_MOST, help="move at most so many (10,000)")
    parser.add_argument("--function", metavar="NAME", help="the function Redrive of a deployed system: its name or ARN")
    args = parser.parse_args()
    if not 1 <= args.limit <= queue.REDRIVE_MOST:
        parser.error(f"--limit takes a number from 1 to {queue.REDRIVE_MOST}")
    try:
        done = deployed(args.function, args.limit) if args.function else local(data_dir(os.environ), args.limit)
    except FileNotFoundError as error:
        print(f"redrive: {error.filename} is missing: start the system first (make run), or name a --function", file=sys.stderr)
        return 2
    except QueueUnavailable as error:
        print(f"redrive: {error}", file=sys.stderr)
        return 1
    print(f"{done['moved']:,} dead letters moved back into the queue, {done['left']:,} left")
    return 0


def data_dir(environ: Mapping[str, str]) -> Path:
    """The folder of the running system."""
    return Path(environ.get("DATA_DIR") or ".local").resolve()


def local(folder: Path, limit: int) -> dict[str, int]:
    """Move dead letters of the system that runs on a data folder. Raises FileNotFoundError, QueueUnavailable."""
    endpoint_url = f"http://127.0.0.1:{(folder / 'queue.port').read_text().strip()}"
    dead, errors = (f"{endpoint_url}/{ACCOUNT}/{name}" for name in ("DeadLetterQueue", "ErrorQueue"))
    # boto3 as local functions have it: any credentials, our endpoint.
    os.environ |= {
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    return {"moved": queue.redrive(dead, errors, limit), "left": queue.approximate_count(dead)}


def deployed(function: str, limit: int) -> dict[str, int]:
    """Have the deployed function do it. Raises QueueUnavailable where it cannot be invoked or fails."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: Any = boto3.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"limit": limit}).encode())
        found = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise QueueUnavailable(f"{function} cannot be invoked ({type(error).__name__})") from None
    if "moved" not in found:
        raise QueueUnavailable(f"{function} failed; its log says why")
    return {"moved": int(found["moved"]), "left": int(found["left"])}


if __name__ == "__main__":
    sys.exit(main())
