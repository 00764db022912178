"""Looks positions up in source maps: in a process of its own for each map, and remembers what it found."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from callwatch.db.error_queries.source_maps import ScriptRow
from callwatch.exceptions import FilesUnavailable
from callwatch.file_store import read_file
from callwatch.source_maps.uploaded_files import build_bundle_name

# Why a frame stays as it is. too_slow and unavailable pass: the next look may find it.
Unresolved = Literal["not_uploaded", "no_map", "no_position", "broken", "too_large", "too_slow", "unavailable"]
Position = tuple[int, int]

# Out of memory, a program in Rust aborts; out of CPU time, the system ends it.
_AT_A_LIMIT = (-signal.SIGABRT, -signal.SIGXCPU, -signal.SIGKILL)
# Lambda's interpreter finds its own library by it.
_INTERPRETERS = ("LD_LIBRARY_PATH",)
_MEMORY_BYTES = 384_000_000
_MAP_S = 4
MAX_PACKED_BYTES = 16_000_000
_REMEMBERED = 20_000
# Longer than that, a fault of the store or a slow moment is not taken for one of the map.
_PASSING_S = 60.0


class Token(TypedDict):
    """A place in a source, with the lines around it; the texts are cut, and not scrubbed."""

    source: str
    line: int
    column: int
    function: str | None
    context_line: str | None
    pre_context: list[str]
    post_context: list[str]


Found = Token | Unresolved


@dataclass(slots=True)
class Budget:
    """How long maps may be read, on the monotonic clock, and how many of them."""

    deadline: float
    maps: int

    def take(self) -> float:
        """Seconds for one more map; 0 if there is no time for one."""
        left_s = self.deadline - time.monotonic()
        if self.maps <= 0 or left_s < 0.5:
            return 0.0
        self.maps -= 1
        return min(left_s, _MAP_S + 1.0)


class _Memory:
    """The newest answers, by script and position; those that pass end by themselves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[Any, ...], tuple[float, Found]] = OrderedDict()

    def get(self, key: tuple[Any, ...]) -> Found | None:
        with self._lock:
            entry = self._found.get(key)
            if entry is None or entry[0] < time.monotonic():
                return None
            self._found.move_to_end(key)
            return entry[1]

    def keep(self, key: tuple[Any, ...], found: Found) -> None:
        is_passing = found in ("too_slow", "unavailable")
        with self._lock:
            self._found[key] = (time.monotonic() + _PASSING_S if is_passing else float("inf"), found)
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)


_memory = _Memory()


def look_up(url: str | None, row: ScriptRow, positions: Sequence[Position], budget: Budget) -> dict[Position, Found]:
    """What the map of a script says of positions, line and column from 1 on. Never raises.

    url: of the store; None if there is none.
    """
    if row["map_start"] is None:
        return dict.fromkeys(positions, "no_map")
    script = (row["project_id"], row["checksum"], row["url"])
    found = {position: known for position in positions if (known := _memory.get((*script, position))) is not None}
    missing = [position for position in dict.fromkeys(positions) if position not in found]
    # What is wrong with a map is wrong with every position.
    fault = _memory.get(script)
    if not missing or fault is not None:
        return found | dict.fromkeys(missing, fault or "broken")
    allowed_s = budget.take()
    if not allowed_s:
        return found | dict.fromkeys(missing, "too_slow")
    answer = _ask(url, row, missing, allowed_s)
    if isinstance(answer, str):
        _memory.keep(script, answer)
        return found | dict.fromkeys(missing, answer)
    for position, token in zip(missing, answer, strict=True):
        found[position] = token or "no_position"
        _memory.keep((*script, position), found[position])
    return found


def _ask(url: str | None, row: ScriptRow, positions: Sequence[Position], allowed_s: float) -> list[Token | None] | Unresolved:
    sizes = (row["script_bytes"] or 0, row["map_bytes"] or 0)
    if max(sizes) > MAX_PACKED_BYTES:
        return "too_large"
    if url is None:
        return "unavailable"
    name = build_bundle_name(row["project_id"], row["checksum"])
    try:
        script = read_file(url, name, row["script_start"] or 0, sizes[0])
        source_map = read_file(url, name, row["map_start"] or 0, sizes[1])
    except FilesUnavailable:
        return "unavailable"
    files = [[row["script_method"] or 0, len(script)], [row["map_method"] or 0, len(source_map)]]
    question = json.dumps({"files": files, "positions": [list(position) for position in positions]}).encode()
    return _run_child(question + b"\n" + script + source_map, len(positions), allowed_s)


def _run_child(given: bytes, count: int, allowed_s: float) -> list[Token | None] | Unresolved:
    """Run the program that reads maps; a crash is one of the map."""
    command = [sys.executable, "-m", "callwatch.source_maps.child", str(_MEMORY_BYTES), str(_MAP_S)]
    # It needs to find the same packages, and no secret.
    kept = {name: os.environ[name] for name in _INTERPRETERS if name in os.environ}
    environ = {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=allowed_s, env=environ, check=False)
    except subprocess.TimeoutExpired:
        return "too_slow"
    except OSError:
        return "unavailable"
    if done.returncode in _AT_A_LIMIT:
        return "too_large"
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return "broken"
    if "error" in answer:
        return "too_large" if answer["error"] == "too_large" else "broken"
    tokens: list[Token | None] = answer["tokens"]
    return tokens if len(tokens) == count else "broken"
