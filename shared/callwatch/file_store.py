"""Files that outlive a function: in a folder, or under a prefix of an S3 bucket, both with the same names.

A file is there as a whole or not at all, and durable once the call that wrote it returns.
"""

import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from callwatch.exceptions import FileMissing, FilesUnavailable

T = TypeVar("T")

MAX_LISTED = 1_000


def write_file(url: str, name: str, content: bytes | Path) -> None:
    """Keep a file under a name, in place of one that is there. Raises FilesUnavailable."""

    def put_object(bucket: str, key: str) -> None:
        if isinstance(content, bytes):
            _make_client().put_object(Bucket=bucket, Key=key, Body=content)
            return
        with content.open("rb") as body:
            _make_client().put_object(Bucket=bucket, Key=key, Body=body)

    _run(url, name, lambda path: _write_path(path, content, is_new=False), put_object)


def add_file(url: str, name: str, content: bytes) -> bool:
    """Keep a file under a name that is free; False, and nothing is written, if there is one. Raises FilesUnavailable."""

    def put_object(bucket: str, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            _make_client().put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    return _run(url, name, lambda path: _write_path(path, content, is_new=True), put_object)


def list_files(url: str) -> list[str]:
    """Names of the files right in the store, without those in its folders; at most MAX_LISTED. Raises FilesUnavailable."""

    def list_path(path: Path) -> list[str]:
        try:
            # A name that begins with a dot is a draft.
            names = sorted(entry.name for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        except FileNotFoundError:
            return []
        return names[:MAX_LISTED]

    def list_objects(bucket: str, prefix: str) -> list[str]:
        page = _make_client().list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/", MaxKeys=MAX_LISTED)
        return [str(entry["Key"]).removeprefix(prefix) for entry in page.get("Contents", [])]

    return _run(url, "", list_path, list_objects)


def has_file(url: str, name: str) -> bool:
    """Whether there is a file under a name. Raises FilesUnavailable."""

    def ask(bucket: str, key: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            _make_client().head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return False
            raise
        return True

    return _run(url, name, lambda path: path.is_file(), ask)


def read_file(url: str, name: str, start: int = 0, size: int | None = None) -> bytes:
    """A file, or the part of it with `size` bytes from `start` on. Raises FileMissing where there is none, FilesUnavailable."""

    def read(path: Path) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(-1 if size is None else size)

    def get_object(bucket: str, key: str) -> bytes:
        from botocore.exceptions import ClientError

        part = {} if size is None else {"Range": f"bytes={start}-{start + size - 1}"}
        try:
            content: bytes = _make_client().get_object(Bucket=bucket, Key=key, **part)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise FileMissing(f"there is no file {name}") from error
            raise
        return content

    return b"" if size == 0 else _run(url, name, read, get_object)


def find_file(url: str, name: str) -> bytes | None:
    """A whole file; None if there is none. Raises FilesUnavailable."""
    return read_file(url, name) if has_file(url, name) else None


def remove_file(url: str, name: str) -> None:
    """Remove a file, if there is one. Raises FilesUnavailable."""

    def delete_object(bucket: str, key: str) -> None:
        _make_client().delete_object(Bucket=bucket, Key=key)

    _run(url, name, lambda path: path.unlink(missing_ok=True), delete_object)


def _write_path(path: Path, content: bytes | Path, is_new: bool) -> bool:
    """Write a file, durable with its name; is_new: only if there is none. Returns whether it was written."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with content.open("rb") as source:
                while part := source.read(1 << 20):
                    file.write(part)
        file.flush()
        os.fsync(file.fileno())
    is_written = True
    if is_new:
        is_written = _link(draft, path)
    else:
        draft.replace(path)
    _sync_folder(path.parent)
    return is_written


def _link(draft: Path, path: Path) -> bool:
    """Give a draft a name that is free; whether it was."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: without it, a power failure may take back a file whose content is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _run(url: str, name: str, on_path: Callable[[Path], T], on_object: Callable[[str, str], T]) -> T:
    try:
        if not url.startswith("s3://"):
            return on_path(Path(url) / name)
        bucket, _slash, prefix = url.removeprefix("s3://").partition("/")
        return _ask_s3(lambda: on_object(bucket, f"{prefix.rstrip('/')}/{name}" if prefix else name))
    except FileNotFoundError as error:
        raise FileMissing(f"there is no file {name}") from error
    except OSError as error:
        raise FilesUnavailable(f"the store of files does not respond ({type(error).__name__})") from error


def _ask_s3(action: Callable[[], T]) -> T:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return action()
    except (BotoCoreError, ClientError) as error:
        raise FilesUnavailable(f"the store of files does not respond ({type(error).__name__})") from error


@functools.cache
def _make_client() -> Any:
    import boto3
    from botocore.config import Config

    make: Any = boto3.client
    return make("s3", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2}))
