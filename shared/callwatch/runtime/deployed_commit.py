"""The commit of the deployment: in a parameter, because a variable would change every function with every commit."""

import threading
import time
from collections.abc import Callable

from callwatch.exceptions import ConfigurationError
from callwatch.models.reason import Reason
from callwatch.settings import Settings
from callwatch.settings.named_values import fetch_named_value

# A deployment may leave this function as it is: only reading again shows that another commit is deployed.
READ_EVERY_S = 60.0
# Health has probed its services meanwhile, which takes longer than a parameter.
WAIT_S = 0.25
NOT_SET = Reason("not_configured", "not set")
UNREADABLE = Reason("unavailable", "the parameter with the commit cannot be read")
# A parameter cannot be empty; the template writes this where no commit is named.
NO_COMMIT = "none"
Commit = tuple[str | None, Reason]


class DeployedCommit:
    """The last reading of one execution environment. A thread reads, so that a hanging AWS delays no response."""

    def __init__(self, fetch: Callable[[str], str] = fetch_named_value, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._found: Commit = (None, UNREADABLE)
        self._read_at: float | None = None
        self._reader: threading.Thread | None = None

    def refresh(self, settings: Settings) -> None:
        """Begin to read the parameter if the last reading is old or failed."""
        is_old = self._read_at is None or self._clock() - self._read_at >= READ_EVERY_S
        if settings.commit_parameter and is_old and (self._reader is None or not self._reader.is_alive()):
            self._reader = threading.Thread(target=self._read, args=(settings.commit_parameter,), daemon=True)
            self._reader.start()

    def get(self, settings: Settings) -> Commit:
        """Return the commit, and why it is not known if it is None; `refresh` was called some time before."""
        if not settings.commit_parameter:
            return settings.commit_sha, NOT_SET
        if self._reader is not None:
            self._reader.join(WAIT_S)
            if self._reader.is_alive():
                # What was read before may not be true anymore.
                return None, UNREADABLE
        return self._found

    def _read(self, name: str) -> None:
        try:
            found = self._fetch(f"ssm:{name}")
        except ConfigurationError:
            self._found, self._read_at = (None, UNREADABLE), None
            return
        self._found, self._read_at = (None if found == NO_COMMIT else found, NOT_SET), self._clock()


deployed_commit = DeployedCommit()
