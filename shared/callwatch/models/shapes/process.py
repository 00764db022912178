"""What a process says about itself: its memory and its pool of connections."""

from typing import TypedDict


class Memory(TypedDict):
    """Memory of this process and its limit."""

    used_mb: float | None
    total_mb: float | None
    percent: float | None


class Pool(TypedDict):
    """Connections of this process to the database; utilization in percent."""

    total: float
    active: float
    idle: float
    waiting: float
    utilization: float
