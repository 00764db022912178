"""The store of files: the same in a folder and in a bucket, whole, and durable."""

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from callwatch import file_store
from callwatch.exceptions import FilesUnavailable
from callwatch.file_store import add_file, list_files, read_file, write_file


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield a store of each kind."""
    file_store._make_client.cache_clear()
    if request.param == "folder":
        yield str(tmp_path / "store")
        return
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="files")
        yield "s3://files/prefix"
    file_store._make_client.cache_clear()


def test_name_that_is_taken_keeps_its_file(url: str) -> None:
    assert add_file(url, "day/a", b"first")
    assert not add_file(url, "day/a", b"second")
    assert read_file(url, "day/a") == b"first"
    write_file(url, "day/a", b"third")
    assert read_file(url, "day/a") == b"third"


def test_one_of_many_writers_gets_the_name(tmp_path: Path) -> None:
    contents = [str(number).encode() * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda content: add_file(str(tmp_path), "a", content), contents))
    assert added.count(True) == 1
    assert read_file(str(tmp_path), "a") == contents[added.index(True)]
    assert os.listdir(tmp_path) == ["a"], "no draft is left"


def test_store_lists_what_lies_right_in_it(url: str) -> None:
    assert list_files(url) == []
    for name in ("b", "a", "folder/c"):
        write_file(url, name, b"x")
    assert list_files(url) == ["a", "b"]


@pytest.mark.parametrize("write", [write_file, add_file])
def test_name_is_as_durable_as_the_content(write: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    assert callable(write)
    write(str(tmp_path / "store"), "a", b"x")
    assert synced == [False, True]


def test_dead_store_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FilesUnavailable):
        add_file(str(tmp_path / "file"), "a", b"x")
    with pytest.raises(FilesUnavailable):
        list_files(str(tmp_path / "file"))
