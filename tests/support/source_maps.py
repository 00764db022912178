"""Builds scripts, source maps and bundles as compilers and sentry-cli make them."""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DEBUG_ID = "4a16ff57-70ba-5e08-a84a-5d92368b4169"
SCRIPT = b"function f(r){for(const t of r.items);}function p(){f({})}p();\n"
SOURCE = (
    "export function totalOf(order) {\n  for (const item of order.items);\n}\n"
    "export function pay() {\n  totalOf({});\n}\npay();\n"
)
# Column in SCRIPT, and line, column and name in SOURCE, all from 0 on.
MAPPINGS = (
    *((0, 0, 7, None), (9, 0, 16, "totalOf"), (14, 1, 2, None), (29, 1, 21, None)),
    *((39, 3, 7, None), (48, 3, 16, "pay"), (52, 4, 2, "totalOf"), (58, 6, 0, "pay")),
)


def encode_vlq(number: int) -> str:
    """Return a number as source maps write it."""
    left, text = (-number << 1) | 1 if number < 0 else number << 1, ""
    while True:
        left, digit = left >> 5, left & 31
        text += _DIGITS[digit | 32 if left else digit]
        if not left:
            return text


def build_map(places: Sequence[tuple[int, int, int, str | None]] = MAPPINGS, **more: Any) -> bytes:
    """Return a source map of a script with one line."""
    names = sorted({name for *_place, name in places if name})
    segments, last = [], [0, 0, 0, 0]
    for column, line, source_column, name in places:
        index = names.index(name) if name else None
        parts = [column - last[0], 0, line - last[1], source_column - last[2]]
        last[:3] = [column, line, source_column]
        if index is not None:
            parts.append(index - last[3])
            last[3] = index
        segments.append("".join(map(encode_vlq, parts)))
    found = {
        "version": 3,
        "sources": ["../src/pay.ts"],
        "sourcesContent": [SOURCE],
        "names": names,
        "mappings": ",".join(segments),
    }
    return json.dumps({**found, **more}).encode()


def build_bundle(
    script: bytes = SCRIPT, source_map: bytes | None = None, debug_id: str | None = DEBUG_ID, method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a bundle as sentry-cli 3.8 makes it: eight bytes of its own before the zip."""
    ids = {"debug-id": debug_id} if debug_id else {}
    files = {
        "files/_/_/main.js": {"type": "minified_source", "url": "~/main.js", "headers": {**ids, "sourcemap": "main.js.map"}},
        "files/_/_/main.js.map": {"type": "source_map", "url": "~/main.js.map", "headers": ids},
    }
    contents = {"files/_/_/main.js": script, "files/_/_/main.js.map": build_map() if source_map is None else source_map}
    return zip_files({**contents, "manifest.json": json.dumps({"files": files}).encode()}, method)


def zip_files(contents: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip after the bytes that sentry-cli puts before it."""
    raw = io.BytesIO()
    raw.write(b"SYSB\x02\0\0\0")
    with zipfile.ZipFile(raw, "a", method) as archive:
        for name, content in contents.items():
            # With one time for all: the same contents are the same bundle.
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return raw.getvalue()


def checksum(content: bytes) -> str:
    """Return the checksum by which sentry-cli names contents."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def build_frames(address: str = "/srv/dist/main.js") -> list[dict[str, Any]]:
    """Return the frames of an error in SCRIPT: the script itself, p, f."""
    places = (("Object.<anonymous>", 59), ("p", 53), ("f", 30))
    return [
        {"filename": address, "function": name, "module": "main", "lineno": 1, "colno": column, "in_app": True}
        for name, column in places
    ]


def build_event(**more: Any) -> dict[str, Any]:
    """Return the fields of an error in SCRIPT as the Sentry endpoint hands them on."""
    images = [{"type": "sourcemap", "code_file": "/srv/dist/main.js", "debug_id": DEBUG_ID}]
    given = {"type": "TypeError", "message": "r.items is not iterable", "platform": "node", "release": "shop@1"}
    return {**given, "frames": build_frames(), "exceptions": [{"type": "TypeError"}], "debug_meta": {"images": images}, **more}
