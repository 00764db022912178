"""The program that reads a script and its map: `python -m callwatch.source_maps.child <bytes of memory> <seconds>`.

A process of its own, because the library runs on memory and a stack that hostile files can exhaust: a script of ten thousand
brackets ends the process that reads it. Standard input has a line of JSON (`look_up.Question`) and then the two files,
standard output the answer as JSON.
"""

import contextlib
import json
import resource
import sys
import zlib
from typing import Any

MAX_UNPACKED_BYTES = 32_000_000
_CONTEXT_LINES = 5
_LINE_CHARS = 300
_NAME_CHARS = 500


class TooLarge(Exception):
    """A file is larger than what is read."""


def main() -> None:
    """Answer one question."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    # What a system does not limit (macOS: the address space) is limited by the caller's time alone.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    question = json.loads(sys.stdin.buffer.readline())
    script, source_map = (sys.stdin.buffer.read(size) for _method, size in question["files"])
    methods = [method for method, _size in question["files"]]
    _say(answer(_unpack(script, methods[0]), _unpack(source_map, methods[1]), question["positions"]))


def answer(script: bytes, source_map: bytes, positions: list[list[int]]) -> dict[str, Any]:
    """{"tokens": one for each position, null where the map says nothing}, or {"error": code}."""
    # Imported within the limits.
    from symbolic.exceptions import SymbolicError
    from symbolic.sourcemapcache import SourceMapCache

    try:
        cache = SourceMapCache.from_bytes(script, source_map)
    except SymbolicError:
        return {"error": "broken"}
    return {"tokens": [_describe(cache.lookup(line, column, _CONTEXT_LINES)) for line, column in positions]}


def _describe(token: Any) -> dict[str, Any] | None:
    if token is None or not token.src:
        return None
    name = token.function_name or token.name
    has_name = name and not name.startswith("<")
    line = token.context_line
    return {
        "source": token.src[:1_000],
        "line": token.line,
        "column": token.col,
        "function": name[:_NAME_CHARS] if has_name else None,
        "context_line": None if line is None else _cut(line),
        "pre_context": [_cut(text) for text in token.pre_context],
        "post_context": [_cut(text) for text in token.post_context],
    }


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found))


def _cut(line: str) -> str:
    return line.rstrip("\r\n")[:_LINE_CHARS]


def _unpack(content: bytes, method: int) -> bytes:
    if method:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        content = unpacker.decompress(content, MAX_UNPACKED_BYTES + 1)
    if len(content) > MAX_UNPACKED_BYTES:
        raise TooLarge
    return content


if __name__ == "__main__":
    try:
        main()
    except (TooLarge, MemoryError):
        _say({"error": "too_large"})
    except (zlib.error, ValueError):
        _say({"error": "broken"})
