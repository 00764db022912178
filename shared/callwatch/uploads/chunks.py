"""Parts of bundles: how sentry-cli sends them, and how they are read from a form and kept until a bundle is made."""

import hashlib
import re
import zlib
from typing import Any

from callwatch.api.http import Request
from callwatch.exceptions import Invalid, TooLarge, UnsupportedType
from callwatch.file_store import write_file
from callwatch.source_maps.uploaded_files import build_chunk_name, sweep_chunks

# A form with two of them is below the 4.5 MB that a Lambda function is handed of a binary body; sentry-cli wants a power of two.
CHUNK_BYTES = 2 * 1024 * 1024
_REQUEST_BYTES = 2 * CHUNK_BYTES + 64 * 1024
MAX_BUNDLE_BYTES = 100 * 1024 * 1024
CHECKSUM = re.compile(r"[0-9a-f]{40}")
_DISPOSITION = re.compile(rb'form-data\s*;.*?\bname="(file|file_gzip)"(?:\s*;\s*filename="([^"]*)")?', re.IGNORECASE | re.DOTALL)
_BOUNDARY = re.compile(r'\bboundary="?([^\s";]{1,200})"?', re.IGNORECASE)
_MAX_PARTS = 64


def describe_upload(path: str) -> dict[str, Any]:
    """How sentry-cli is to upload: the form and the limits of its requests. path: where it asked."""
    return {
        "url": path,
        "chunkSize": CHUNK_BYTES,
        "chunksPerRequest": 2,
        "maxRequestSize": 2 * CHUNK_BYTES,
        "maxFileSize": MAX_BUNDLE_BYTES,
        "concurrency": 4,
        "hashAlgorithm": "sha1",
        "compression": ["gzip"],
        "accept": ["artifact_bundles", "artifact_bundles_v2"],
    }


def keep_chunks(url: str, request: Request) -> None:
    """Keep the parts of a form, each under its checksum. Raises Invalid, TooLarge, UnsupportedType, FilesUnavailable."""
    sweep_chunks(url)
    for checksum, content in _read_chunks(request):
        write_file(url, build_chunk_name(checksum), content)


def _read_chunks(request: Request) -> list[tuple[str, bytes]]:
    if len(request.body) > _REQUEST_BYTES:
        raise TooLarge(f"a request must have at most {_REQUEST_BYTES} bytes")
    content_type = request.headers.get("content-type", "")
    boundary = _BOUNDARY.search(content_type[:1_000])
    if not content_type.lower().startswith("multipart/form-data") or boundary is None:
        raise UnsupportedType("content-type must be multipart/form-data")
    parts = (b"\r\n" + request.body).split(b"\r\n--" + boundary[1].encode())
    if len(parts) > _MAX_PARTS + 2:
        raise Invalid("body", f"must have at most {_MAX_PARTS} parts")
    return [_read_part(part) for part in parts[1:] if not part.startswith(b"--") and part.strip()]


def _read_part(part: bytes) -> tuple[str, bytes]:
    headers, separator, content = part.partition(b"\r\n\r\n")
    found = _DISPOSITION.search(headers[:2_000])
    if not separator or found is None:
        raise Invalid("body", "must be a form whose parts are called file or file_gzip")
    if found[1].lower() == b"file_gzip":
        content = _unpack(content)
    if len(content) > CHUNK_BYTES:
        raise TooLarge(f"a part must have at most {CHUNK_BYTES} bytes")
    checksum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if found[2] and CHECKSUM.fullmatch(found[2].decode("ascii", "replace")) and found[2].decode() != checksum:
        raise Invalid("body", "has a part that does not match its checksum")
    return checksum, content


def _unpack(content: bytes) -> bytes:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        unpacked = unpacker.decompress(content, CHUNK_BYTES + 1)
    except zlib.error:
        raise Invalid("body", "has a part that gzip cannot read") from None
    return unpacked
