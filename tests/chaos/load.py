"""A steady, bounded load: two senders whose every error has an id of its own."""

import contextlib
import http.client
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from tests.chaos.site import Site

_SENDERS = 2
_ERRORS_PER_REQUEST = 5
_PAUSE_S = 0.25
# A sender gives up on a request after so many tries once the load is over.
_MAX_LAST_TRIES = 20


class Load:
    """Sends errors of one environment; remembers which were sent and when each was accepted.

    A request without an answer is sent again under the same ids: it may have been taken all the same.
    """

    def __init__(self, site: Site, environment: str) -> None:
        self.environment = environment
        self.sent: set[str] = set()
        self.accepted: dict[str, float] = {}
        self._site = site
        self._lock = threading.Lock()
        self._is_over = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator["Load"]:
        """Send for as long as the block lasts."""
        threads = [threading.Thread(target=self._send_steadily, daemon=True) for _ in range(_SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join(120)

    def send(self, items: list[dict[str, Any]]) -> bool:
        """Send once; whether the errors were accepted."""
        with self._lock:
            self.sent.update(item["event_id"] for item in items)
        try:
            status, body, _headers = self._site.system.call("POST", "/api/errors", self._site.system.ingest_key, items)
        except (OSError, http.client.HTTPException, ValueError):
            return False
        if status != 202:
            return False
        with self._lock:
            self.accepted.update({event_id: time.monotonic() for event_id in body["ids"]})
        return True

    def build(self, count: int, **fields: Any) -> list[dict[str, Any]]:
        """So many errors of this environment."""
        given = {"environment": self.environment, "context": {"blob": "word " * 100}, **fields}
        return [{"message": f"boom {number}", "event_id": uuid.uuid4().hex, **given} for number in range(count)]

    def list_accepted(self) -> dict[str, float]:
        """When each accepted error was accepted, by its id."""
        with self._lock:
            return dict(self.accepted)

    def _send_steadily(self) -> None:
        while not self._is_over.wait(_PAUSE_S):
            items = self.build(_ERRORS_PER_REQUEST)
            last_tries = 0
            while not self.send(items) and last_tries < _MAX_LAST_TRIES:
                last_tries += self._is_over.is_set()
                time.sleep(_PAUSE_S)
