"""Cuts what no program loads off the end of compiled packages: strip.py <folder>.

Of symbolic, zstandard and Brotli 84 MB are for debuggers. `strip` of this machine reads no file for another processor, so the
file is cut after its last segment, and its header names no section: a loader reads segments alone.
"""

import struct
import sys
from pathlib import Path

_LOAD = 1
_LARGE = 2_000_000


def strip(path: Path) -> None:
    """Cut one 64-bit little-endian ELF file; any other stays as it is."""
    content = bytearray(path.read_bytes())
    if content[:6] != b"\x7fELF\x02\x01":
        return
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    segments = [struct.unpack_from("<IIQQQQ", content, table + number * size) for number in range(count)]
    end = max([table + size * count, *(start + length for _kind, _flags, start, _at, _physical, length in segments)])
    assert any(segment[0] == _LOAD for segment in segments)
    struct.pack_into("<Q", content, 40, 0)
    struct.pack_into("<HHH", content, 58, 0, 0, 0)
    path.write_bytes(content[:end])


if __name__ == "__main__":
    for found in sorted(Path(sys.argv[1]).rglob("*.so")):
        if found.stat().st_size > _LARGE:
            strip(found)
