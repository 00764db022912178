"""Why a cost is unknown."""

from collections.abc import Iterable, Mapping
from typing import Any

from callwatch.models.reason import Reason

NOT_DESCRIBED = Reason("not_configured", "the stage file does not describe costs")
NO_PRICES = Reason("not_configured", "PRICES_FILE is not set, so nothing has a price")
_NO_PRICE = Reason("not_configured", "PRICES_FILE has no price for what was used")
_NOT_COMPUTED = Reason("not_recorded", "the monitor has computed none of these days")


def explain_unpriced(has_prices: bool) -> Reason:
    """Why usage has no price."""
    return _NO_PRICE if has_prices else NO_PRICES


def explain_missing_sums(problems: Iterable[Mapping[str, Any] | None]) -> Reason:
    """Why no day of a range has sums: the stored problem of the latest day; problems: of each day, oldest first."""
    found = [Reason(**problem) for problem in problems if problem]
    return found[-1] if found else _NOT_COMPUTED
