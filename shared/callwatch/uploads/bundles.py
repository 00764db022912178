"""Bundles of source maps: made of their parts, checked, recorded, and deleted when nobody uses them anymore."""

import hashlib
import tempfile
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.source_maps import delete_bundles, has_bundle, lock_expired, note_upload, save_bundle
from callwatch.exceptions import Invalid
from callwatch.file_store import has_file, read_file, remove_file, write_file
from callwatch.source_maps.bundle import MappedScript, Piece, list_scripts
from callwatch.source_maps.uploaded_files import build_bundle_name, build_chunk_name
from callwatch.uploads.chunks import CHECKSUM, CHUNK_BYTES, MAX_BUNDLE_BYTES
from callwatch.uploads.fields import read_projects, read_release, read_text, require_object

_MAX_CHUNKS = MAX_BUNDLE_BYTES // CHUNK_BYTES
_READERS = 8
_DELETED_AT_ONCE = 20

Answer = dict[str, Any]


def assemble(conn: AnyConnection, url: str, body: Any, known: Collection[int], now: datetime) -> Answer:
    """Make a bundle of its parts, or say which are missing. The caller commits.

    Raises Invalid, NotFound, and FilesUnavailable if the store does not respond.
    """
    given = require_object(body)
    checksum, chunks = _read_checksums(given)
    projects = read_projects(given, known) or sorted(set(known) - {0})[:1]
    release = read_release(given["version"]) if isinstance(given.get("version"), str) and given["version"] else ""
    dist = read_text(given, "dist", 100) or ""
    names = [build_bundle_name(project_id, checksum) for project_id in projects]
    if all(has_bundle(conn, project_id, checksum) for project_id in projects) and all(has_file(url, name) for name in names):
        # Sent again, perhaps under another release: it is there.
        for project_id in projects:
            note_upload(conn, project_id, checksum, release, dist, now)
        return _describe("ok")
    missing = _list_missing(url, chunks)
    if missing:
        return _describe("not_found", missing)
    try:
        _make(conn, url, projects, {"checksum": checksum, "release": release, "dist": dist, "now": now}, chunks)
    except Invalid as error:
        # sentry-cli shows the detail; a refusal it would only repeat.
        return _describe("error", detail=error.message)
    for chunk in chunks:
        remove_file(url, build_chunk_name(chunk))
    return _describe("ok")


def delete_unused(conn: AnyConnection, url: str | None, before: datetime) -> int:
    """Delete some of the bundles that were neither uploaded nor used since a time; returns how many. The caller commits."""
    expired = lock_expired(conn, before, _DELETED_AT_ONCE)
    for bundle in expired:
        if url:
            # The file first: after a crash between the two, the row still names it.
            remove_file(url, build_bundle_name(bundle["project_id"], bundle["checksum"]))
    if expired:
        delete_bundles(conn, [bundle["id"] for bundle in expired])
    return len(expired)


def _make(conn: AnyConnection, url: str, projects: Sequence[int], bundle: dict[str, Any], chunks: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle"
        size = _join(url, chunks, path, bundle["checksum"])
        scripts = [_build_row(script) for script in list_scripts(path)]
        if not scripts:
            raise Invalid("bundle", "has no script: sentry-cli finds scripts and their maps in the folder that it is given")
        for project_id in projects:
            # The row first: its lock makes a deletion of the same bundle wait until the file is there.
            save_bundle(conn, {**bundle, "project_id": project_id, "size_bytes": size}, scripts)
            write_file(url, build_bundle_name(project_id, bundle["checksum"]), path)


def _join(url: str, chunks: Sequence[str], path: Path, checksum: str) -> int:
    """Write the parts to one file; returns its size. Raises Invalid if it is another file than was announced."""
    whole = hashlib.sha1(usedforsecurity=False)
    size = 0
    with path.open("wb") as file, ThreadPoolExecutor(_READERS) as readers:
        for content in _read_in_order(readers, url, chunks):
            whole.update(content)
            size += len(content)
            file.write(content)
    if whole.hexdigest() != checksum:
        raise Invalid("checksum", "must be the checksum of the parts in their order")
    return size


def _read_in_order(readers: ThreadPoolExecutor, url: str, chunks: Sequence[str]) -> Iterator[bytes]:
    """The parts in order, no more than a few in memory at once."""
    for start in range(0, len(chunks), _READERS):
        yield from readers.map(lambda chunk: read_file(url, build_chunk_name(chunk)), chunks[start : start + _READERS])


def _list_missing(url: str, chunks: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(chunks))
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(lambda chunk: has_file(url, build_chunk_name(chunk)), unique))
    return [chunk for chunk, is_there in zip(unique, found, strict=True) if not is_there]


def _read_checksums(given: dict[str, Any]) -> tuple[str, list[str]]:
    checksum, chunks = given.get("checksum"), given.get("chunks")
    if not isinstance(checksum, str) or not CHECKSUM.fullmatch(checksum):
        raise Invalid("checksum", "must be 40 hex digits")
    if not isinstance(chunks, list) or not chunks or len(chunks) > _MAX_CHUNKS:
        raise Invalid("chunks", f"must be a list of 1 to {_MAX_CHUNKS} checksums: a bundle has at most {MAX_BUNDLE_BYTES} bytes")
    if not all(isinstance(chunk, str) and CHECKSUM.fullmatch(chunk) for chunk in chunks):
        raise Invalid("chunks", "must be checksums of 40 hex digits")
    return checksum, chunks


def _build_row(script: MappedScript) -> tuple[Any, ...]:
    return (script.url, script.debug_id, *_list_columns(script.script), *_list_columns(script.map))


def _list_columns(piece: Piece | None) -> tuple[int | None, int | None, int | None]:
    return (piece.method, piece.start, piece.size) if piece else (None, None, None)


def _describe(state: str, missing: Sequence[str] = (), detail: str | None = None) -> Answer:
    return {"state": state, "missingChunks": list(missing), "detail": detail}
