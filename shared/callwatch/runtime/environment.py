"""What one execution environment knows of itself: its age, its memory, the invocation at hand."""

import os
import platform
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = "0.1.0"

_STARTED = time.monotonic()
_MIB = 1024 * 1024


@dataclass(slots=True)
class Invocation:
    """The invocation at hand; `deadline` is on the monotonic clock, None outside Lambda."""

    is_cold_start: bool = True
    memory_limit_mb: int | None = None
    deadline: float | None = None
    function_name: str = "local"
    count: int = 0

    def remaining_ms(self) -> int | None:
        """Milliseconds until Lambda stops this invocation; None outside Lambda."""
        return None if self.deadline is None else max(0, round((self.deadline - time.monotonic()) * 1000))


current = Invocation()


def begin_invocation(context: Any) -> None:
    """Note the invocation that Lambda's context object describes."""
    current.count += 1
    current.is_cold_start = current.count == 1
    current.memory_limit_mb = int(getattr(context, "memory_limit_in_mb", 0) or 0) or None
    current.function_name = getattr(context, "function_name", None) or "local"
    remaining_ms = getattr(context, "get_remaining_time_in_millis", None)
    current.deadline = time.monotonic() + remaining_ms() / 1000 if remaining_ms else None


def uptime_s() -> float:
    """Seconds since this process imported the package."""
    return time.monotonic() - _STARTED


def memory() -> dict[str, float | None]:
    """Resident memory of this process against its limit: used_mb, total_mb, percent (0..100).

    The limit is the function's memory size; outside Lambda the machine's memory.
    """
    used_mb = _resident_bytes() / _MIB
    limit = current.memory_limit_mb or int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0") or 0)
    total_mb = float(limit) if limit else _machine_bytes() / _MIB
    return {
        "used_mb": round(used_mb, 1),
        "total_mb": round(total_mb, 1),
        "percent": round(100 * used_mb / total_mb, 1) if total_mb else None,
    }


def runtime_platform() -> str:
    """Interpreter and machine, such as "python3.13 linux x86_64"."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"{version} {sys.platform} {platform.machine()}"


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        # macOS has no /proc; its peak (in bytes) is the nearest figure at hand.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
