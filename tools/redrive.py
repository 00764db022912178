"""`make redrive`: moves dead letters back into the queue, after their cause was fixed."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callwatch import sqs
from callwatch.digest.archive import count_archive, restore_archive
from callwatch.exceptions import QueueUnavailable
from local.sqs.queue_file import read_messages
from local.sqs.server import ACCOUNT, REGION, read_access_key

_EPILOG = """
Locally the queues are those of the running system (DATA_DIR). For a deployed system name its function, and have AWS
credentials at hand: make redrive ARGS="--function callwatch-prod-Redrive-..."

What still cannot be digested goes back to the dead letters with its reason; what was stored before is not counted again.
"""


def main() -> int:
    """Move dead letters, and print how many."""
    description = __doc__.partition(": ")[2] if __doc__ else None
    parser = argparse.ArgumentParser(
        prog="make redrive", description=description, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--limit", type=int, default=sqs.MAX_REDRIVE, help="move at most so many (10,000)")
    parser.add_argument("--file", type=Path, help="send the messages of this file instead, such as .local/queue.expired.jsonl")
    parser.add_argument("--function", metavar="NAME", help="the function Redrive of a deployed system: its name or ARN")
    args = parser.parse_args()
    if not 1 <= args.limit <= sqs.MAX_REDRIVE:
        parser.error(f"--limit must be a number from 1 to {sqs.MAX_REDRIVE}")
    try:
        if args.file:
            print(f"{send_file(find_data_dir(os.environ), args.file):,} messages sent; remove {args.file} now")
            return 0
        done = (
            redrive_deployed(args.function, args.limit) if args.function else redrive_local(find_data_dir(os.environ), args.limit)
        )
    except FileNotFoundError as error:
        print(f"redrive: {error.filename} is missing: start the system first (make run), or name a --function", file=sys.stderr)
        return 2
    except (QueueUnavailable, ValueError) as error:
        print(f"redrive: {error}", file=sys.stderr)
        return 1
    print(f"{done['moved']:,} dead letters moved back into the queue, {done['left']:,} left")
    if done["restored"] or done["archived"]:
        print(f"{done['restored']:,} archived messages moved back into the queue, {done['archived']:,} left")
    return 0


def find_data_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the running system."""
    return Path(environ.get("DATA_DIR") or ".local").resolve()


def redrive_local(folder: Path, limit: int) -> dict[str, int]:
    """Move dead letters, then archived messages, of the system that runs on a data folder.

    Raises FileNotFoundError, QueueUnavailable, ArchiveUnavailable.
    """
    base = _reach_queue(folder)
    dead, errors = f"{base}/DeadLetterQueue", f"{base}/ErrorQueue"
    moved, left, archive = sqs.redrive(dead, errors, limit), sqs.estimate_count(dead), str(folder / "archive")
    restored = restore_archive(archive, errors, limit)
    return {"moved": moved, "left": left, "restored": restored, "archived": count_archive(archive)}


def send_file(folder: Path, file: Path) -> int:
    """Send messages that were set aside in a file to their queues; return their number.

    Raises FileNotFoundError, ValueError naming a bad line before anything is sent, QueueUnavailable.
    """
    by_queue: dict[str, list[str]] = {}
    for name, body in read_messages(file):
        by_queue.setdefault(name, []).append(body)
    base = _reach_queue(folder)
    for name, bodies in by_queue.items():
        sqs.send(f"{base}/{name}", bodies)
    return sum(len(bodies) for bodies in by_queue.values())


def _reach_queue(folder: Path) -> str:
    """Return the base of queue URLs, after pointing boto3 to the local queue as functions do."""
    endpoint_url = f"http://127.0.0.1:{(folder / 'queue.port').read_text().strip()}"
    os.environ |= {
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": read_access_key(folder),
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    return f"{endpoint_url}/{ACCOUNT}"


def redrive_deployed(function: str, limit: int) -> dict[str, int]:
    """Invoke the deployed function. Raises QueueUnavailable if it cannot be invoked or fails."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: Any = boto3.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"limit": limit}).encode())
        found = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise QueueUnavailable(f"{function} cannot be invoked ({type(error).__name__})") from None
    if "moved" not in found:
        raise QueueUnavailable(f"{function} failed; its log says why")
    return {name: int(found.get(name, 0)) for name in ("moved", "left", "restored", "archived")}


if __name__ == "__main__":
    sys.exit(main())
