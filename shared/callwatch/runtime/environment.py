"""Data about one execution environment: its age, its memory, the current invocation."""

from __future__ import annotations

import os
import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callwatch.models.shapes.process import Memory
    from callwatch.models.shapes.system import OwnFigures

VERSION = "0.1.0"

_STARTED = time.monotonic()
_MIB = 1024 * 1024
# Reserved for sending what was accepted when its processing is cut short: two attempts of the queue client.
_SENDING_S = 7.0


@dataclass(slots=True)
class Invocation:
    """The current invocation; `deadline` is on the monotonic clock, None outside Lambda."""

    is_cold_start: bool = True
    memory_limit_mb: int | None = None
    deadline: float | None = None
    function_name: str = "local"
    count: int = 0

    def get_remaining_ms(self) -> int | None:
        """Return the milliseconds until Lambda stops this invocation; None outside Lambda."""
        return None if self.deadline is None else max(0, round((self.deadline - time.monotonic()) * 1000))


current = Invocation()


def begin_invocation(context: Any) -> None:
    """Record the invocation of Lambda's context object."""
    current.count += 1
    current.is_cold_start = current.count == 1
    current.memory_limit_mb = int(getattr(context, "memory_limit_in_mb", 0) or 0) or None
    current.function_name = getattr(context, "function_name", None) or "local"
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    current.deadline = time.monotonic() + remaining_ms() / 1000 if remaining_ms else None


def measure_uptime_s() -> float:
    """Return the seconds since this process imported the package."""
    return time.monotonic() - _STARTED


def describe_process(is_timed: bool = True) -> OwnFigures:
    """Describe this process and its invocation. is_timed: with the time that remains to the invocation."""
    return {
        "uptime": round(measure_uptime_s(), 1),
        "version": VERSION,
        "platform": describe_platform(),
        "region": os.environ.get("AWS_REGION"),
        "memory": measure_memory(),
        "invocation": {
            "cold_start": current.is_cold_start,
            "memory_limit_mb": current.memory_limit_mb,
            "remaining_ms": current.get_remaining_ms() if is_timed else None,
        },
    }


def measure_memory() -> Memory:
    """Measure this process's resident memory relative to its limit: used_mb, total_mb, percent (0..100).

    The limit is the function's memory size; outside Lambda the machine's memory.
    """
    used_mb = _read_resident_bytes() / _MIB
    limit = current.memory_limit_mb or int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0") or 0)
    total_mb = float(limit) if limit else _read_machine_bytes() / _MIB
    return {
        "used_mb": round(used_mb, 1),
        "total_mb": round(total_mb, 1),
        "percent": round(100 * used_mb / total_mb, 1) if total_mb else None,
    }


def describe_platform() -> str:
    """Return interpreter and machine, such as "python3.13 linux x86_64"."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"{version} {sys.platform} {os.uname().machine}"


def _read_resident_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        # macOS has no /proc; the peak (in bytes) is the nearest available figure.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _read_machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def work_deadline() -> float | None:
    """Return when work on foreign data must end, on the monotonic clock, so that what was accepted can still be sent."""
    remaining_ms = current.get_remaining_ms()
    if current.deadline is None or remaining_ms is None:
        return None
    return current.deadline - min(_SENDING_S, remaining_ms / 2000)
