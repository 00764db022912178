"""SQS in the model: messages in parcels, visible, hidden or deleted."""

import heapq
import itertools
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy


@dataclass(slots=True)
class Parcel:
    """Messages that were sent at once and share their fate."""

    sent_at: float
    count: int
    receives: int = 0
    visible_at: float = 0.0
    is_deleted: bool = False


@dataclass
class Queue:
    """A standard queue. receive_most: of one receive. backlog: messages in it, hidden ones included."""

    env: simpy.Environment
    visibility_s: float
    receive_most: int
    backlog: int = 0
    most_receives: int = 0
    _by_visibility: list[tuple[float, int, Parcel]] = field(default_factory=list)
    _by_age: list[tuple[float, int, Parcel]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _waiting: deque[simpy.Event] = field(default_factory=deque)

    def send(self, count: int) -> None:
        """Accept messages now."""
        parcel = Parcel(self.env.now, count, visible_at=self.env.now)
        self.backlog += count
        self._note(parcel)
        heapq.heappush(self._by_age, (parcel.sent_at, next(self._numbers), parcel))
        for _ in range(min(len(self._waiting), -(-count // self.receive_most))):
            self._waiting.popleft().succeed()

    def take(self, most: int) -> list[Parcel]:
        """Receive up to so many visible messages, those first that are visible for longest; they are hidden for a while."""
        found: list[Parcel] = []
        while most > 0 and self._find_next_at() <= self.env.now:
            _at, _number, parcel = heapq.heappop(self._by_visibility)
            if parcel.count > most:
                parcel = self._split(parcel, most)
            most -= parcel.count
            parcel.receives += 1
            self.most_receives = max(self.most_receives, parcel.receives)
            found.append(parcel)
        self.hide(found, self.visibility_s)
        return found

    def hide(self, parcels: Sequence[Parcel], for_s: float) -> None:
        """Hide received messages from now on."""
        for parcel in parcels:
            parcel.visible_at = self.env.now + for_s
            heapq.heappush(self._by_visibility, (parcel.visible_at, next(self._numbers), parcel))

    def delete(self, parcels: Sequence[Parcel]) -> None:
        """Delete messages that are stored."""
        for parcel in parcels:
            parcel.is_deleted = True
            self.backlog -= parcel.count

    def find_oldest_at(self) -> float | None:
        """When the oldest message was sent; None if there is none."""
        while self._by_age and self._by_age[0][2].is_deleted:
            heapq.heappop(self._by_age)
        return self._by_age[0][0] if self._by_age else None

    def wait(self, at_most_s: float) -> Generator[simpy.Event, Any, None]:
        """Wait until messages are sent that no earlier receiver waits for, or until one becomes visible, or for a time."""
        woken = self.env.event()
        self._waiting.append(woken)
        left_s = min(at_most_s, max(0.0, self._find_next_at() - self.env.now))
        yield woken | self.env.timeout(left_s)
        if not woken.triggered:
            self._waiting.remove(woken)

    def _find_next_at(self) -> float:
        """When the next message becomes visible; infinite if there is none."""
        heap = self._by_visibility
        # What was hidden again, or deleted, has an entry that is out of date.
        while heap and (heap[0][2].is_deleted or heap[0][0] != heap[0][2].visible_at):
            heapq.heappop(heap)
        return heap[0][0] if heap else float("inf")

    def _split(self, parcel: Parcel, count: int) -> Parcel:
        rest = Parcel(parcel.sent_at, parcel.count - count, parcel.receives, parcel.visible_at)
        parcel.count = count
        heapq.heappush(self._by_age, (rest.sent_at, next(self._numbers), rest))
        self._note(rest)
        return parcel

    def _note(self, parcel: Parcel) -> None:
        heapq.heappush(self._by_visibility, (parcel.visible_at, next(self._numbers), parcel))
