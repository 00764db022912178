"""Files that outlive a function: in a folder, or under a prefix of an S3 bucket. A file is there whole, or not at all."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from callwatch.exceptions import FilesUnavailable

T = TypeVar("T")


def write_file(url: str, name: str, content: bytes, content_type: str = "application/json") -> None:
    """Write a file durably; one of the same name is replaced at once. Raises FilesUnavailable."""
    place = _split(url)
    if place:
        bucket, key = place[0], place[1] + name
        _run(lambda: _client().put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type))
    else:
        _run(lambda: _write(Path(url), name, content))


def read_file(url: str, name: str) -> bytes | None:
    """The content of a file; None if there is none. Raises FilesUnavailable."""
    place = _split(url)
    if place:
        return _run(lambda: _get_object(place[0], place[1] + name))
    try:
        return _run((Path(url) / name).read_bytes)
    except FilesUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def _split(url: str) -> tuple[str, str] | None:
    """Bucket and prefix; None for a folder."""
    if not url.startswith("s3://"):
        return None
    bucket, _slash, prefix = url.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""


def _run(action: Callable[[], T]) -> T:
    try:
        return action()
    except OSError as error:
        raise FilesUnavailable(f"the store of files does not respond ({type(error).__name__})") from error
    except Exception as error:
        # botocore takes long to import, and a folder does not need it.
        if not type(error).__module__.startswith(("botocore.", "boto3.")):
            raise
        raise FilesUnavailable(f"the store of files does not respond ({type(error).__name__})") from error


def _get_object(bucket: str, key: str) -> bytes | None:
    client = _client()
    try:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except client.exceptions.NoSuchKey:
        return None
    return content


def _write(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{name}.{os.getpid()}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # The name must be durable, too.
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@functools.cache
def _client() -> Any:
    import boto3
    from botocore.config import Config

    make: Any = boto3.client
    return make("s3", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}))
