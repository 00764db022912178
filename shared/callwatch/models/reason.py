"""Why a figure is unknown: a code by which clients decide, and a sentence that people read."""

from dataclasses import dataclass
from typing import Literal

# none: it does not exist, such as "nothing pending". no_traffic: nothing happened in the window. not_configured: its source is
# not set up. missing: a table or column does not exist. unavailable: its source does not respond or cannot be read.
# not_recorded: nothing records it. timeout: reading it took too long.
UnknownCode = Literal["none", "no_traffic", "not_configured", "missing", "unavailable", "not_recorded", "timeout"]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one figure is null: clients decide by the code, people read the message."""

    code: UnknownCode
    message: str

    @property
    def is_absence(self) -> bool:
        """Whether the figure was read and there is nothing to count, as opposed to a source that could not be read."""
        return self.code in ("none", "no_traffic")

    def to_dict(self) -> dict[str, str]:
        """The JSON object in an API response and in a stored row."""
        return {"code": self.code, "message": self.message}


DATABASE_UNAVAILABLE = Reason("unavailable", "the monitor's database does not respond")
DATABASE_SILENT = Reason("timeout", DATABASE_UNAVAILABLE.message)
DATABASE_SATURATED = Reason("unavailable", "the monitor's database has no free connection")
DATABASE_TIMEOUT = Reason("timeout", "the monitor's tables could not be read in time")
PRODUCT_SATURATED = Reason("unavailable", "the product's database has no free connection")
PRODUCT_UNAVAILABLE = Reason("unavailable", "the product's database does not respond")
PRODUCT_SILENT = Reason("timeout", PRODUCT_UNAVAILABLE.message)
POOL_EXHAUSTED = Reason("timeout", "every connection of this function to the database stayed in use")
PRODUCT_TIMEOUT = Reason("timeout", "the product's tables could not be read in time")
QUEUE_TIMEOUT = Reason("timeout", "the queue did not respond in time")
NO_TRAFFIC = Reason("no_traffic", "no traffic in the window")
# Where traces may have come that are no requests, which is not looked up.
NO_REQUESTS = Reason("no_traffic", "no request was counted in the window")
NO_STATUS = Reason("not_recorded", "no request in the window named its status")
NOT_MEASURED = Reason("unavailable", "not measured")
