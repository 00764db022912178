"""Lists what lies where in a bundle of sentry-cli: a zip with a manifest that names scripts, maps and their debug ids."""

import json
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from callwatch.exceptions import Invalid

MAX_FILES = 5_000
MAX_MANIFEST_BYTES = 4_000_000
_MAX_URL_CHARS = 1_000
_LOCAL_HEADER = struct.Struct("<26xHH")
_DEBUG_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Piece:
    """A file within a bundle: how it is compressed (0: not at all, 8: deflate), and its bytes there."""

    method: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class MappedScript:
    """A script of a bundle with its map; one of the two may be missing."""

    url: str
    debug_id: str | None
    script: Piece | None
    map: Piece | None


def list_scripts(path: Path) -> list[MappedScript]:
    """The scripts of a bundle. Raises Invalid if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            members = archive.infolist()
            if len(members) > MAX_FILES:
                raise Invalid("bundle", f"must have at most {MAX_FILES} files")
            files = _read_manifest(archive)
            pieces = {member.filename: piece for member in members if (piece := _locate(file, member))}
    except (zipfile.BadZipFile, OSError, ValueError, RecursionError, NotImplementedError, struct.error, EOFError) as error:
        raise Invalid("bundle", f"must be an artifact bundle of sentry-cli ({type(error).__name__})") from None
    return _pair(files, pieces)


def read_debug_id(value: Any) -> str | None:
    """A debug id as text in lower case with hyphens; None if it is none."""
    text = value.strip().lower() if isinstance(value, str) and len(value) < 100 else ""
    if re.fullmatch(r"[0-9a-f]{32}", text):
        text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return text if _DEBUG_ID.fullmatch(text) else None


def _read_manifest(archive: zipfile.ZipFile) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        member = archive.getinfo("manifest.json")
    except KeyError:
        raise Invalid("bundle", "must have a manifest.json") from None
    if member.compress_type not in _METHODS:
        raise Invalid("bundle", "must have a manifest.json that is compressed by deflate")
    with archive.open(member) as file:
        content = file.read(MAX_MANIFEST_BYTES + 1)
    if len(content) > MAX_MANIFEST_BYTES:
        raise Invalid("bundle", f"must have a manifest.json of at most {MAX_MANIFEST_BYTES // 1_000_000} MB")
    manifest = json.loads(content)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict):
        raise Invalid("bundle", "must have a manifest.json with files")
    return [(name, file) for name, file in files.items() if isinstance(file, dict)]


def _locate(file: IO[bytes], member: zipfile.ZipInfo) -> Piece | None:
    """Where the bytes of a member begin: its own header, which precedes them, has names of other lengths than the list's."""
    if member.compress_type not in _METHODS or member.is_dir():
        return None
    file.seek(member.header_offset)
    name_bytes, extra_bytes = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return Piece(member.compress_type, member.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes, member.compress_size)


def _pair(files: list[tuple[str, Mapping[str, Any]]], pieces: Mapping[str, Piece]) -> list[MappedScript]:
    """Each script with the map of the same debug id, else with the one that it names."""
    maps_by_id: dict[str, Piece] = {}
    maps_by_url: dict[str, Piece] = {}
    for name, file in files:
        if file.get("type") == "source_map" and name in pieces:
            maps_by_url[str(file.get("url"))] = pieces[name]
            debug_id = read_debug_id(_read_headers(file).get("debug-id"))
            if debug_id:
                maps_by_id[debug_id] = pieces[name]
    found: dict[str, MappedScript] = {}
    for name, file in files:
        url = file.get("url")
        if file.get("type") != "minified_source" or not isinstance(url, str) or not 0 < len(url) <= _MAX_URL_CHARS or "\0" in url:
            continue
        headers = _read_headers(file)
        debug_id = read_debug_id(headers.get("debug-id"))
        mapped = maps_by_id.get(debug_id or "") or maps_by_url.get(_resolve(url, str(headers.get("sourcemap") or "")))
        found[url] = MappedScript(url, debug_id, pieces.get(name), mapped)
    return list(found.values())


def _read_headers(file: Mapping[str, Any]) -> dict[str, Any]:
    given = file.get("headers")
    return {str(name).lower(): value for name, value in given.items()} if isinstance(given, dict) else {}


def _resolve(url: str, reference: str) -> str:
    """The address of a map as its script names it: sentry-cli writes addresses without a host as ~/path."""
    try:
        if not url.startswith("~/"):
            return urljoin(url, reference)
        joined = urlsplit(urljoin(f"http://any{url[1:]}", reference))
    except ValueError:
        return ""
    return f"~{joined.path}" if joined.netloc == "any" else joined.geturl()
