"""Daily quotas at vendors, as PRICES_FILE or the part `costs` of a stage file names them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# Of usage: three that are summed, and the uses themselves.
UNITS = ("input_token", "output_token", "audio_second", "call")
_FIELDS, _OPTIONAL = {"service", "units", "limit"}, {"model"}
_MAX_LIMIT, _MAX_TEXT = 10**15, 100


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of a service may be used in a day of TIMEZONE.

    model: a pattern in which * stands for any text. units: what is summed.
    """

    service: str
    model: str
    units: Sequence[str]
    limit: float

    def covers(self, service: str, model: str) -> bool:
        """Whether the use of a model counts for it."""
        pattern = ".*".join(re.escape(part) for part in self.model.split("*"))
        return service == self.service and re.fullmatch(pattern, model, re.IGNORECASE | re.DOTALL) is not None


def parse_quota(raw: Any) -> Quota:
    """One quota. Raises ValueError whose text completes "must be ..."."""
    if not isinstance(raw, dict) or not _FIELDS <= set(raw) <= _FIELDS | _OPTIONAL:
        raise ValueError("an object with limit, service, units (and may have model)")
    units, limit = raw["units"], raw["limit"]
    if not isinstance(units, list) or not units or not all(unit in UNITS for unit in units) or len(set(units)) != len(units):
        raise ValueError(f"a list of {', '.join(UNITS)} as its units")
    service, model = _read_text(raw["service"], "service"), _read_text(raw.get("model", "*"), "model")
    return Quota(service, model, tuple(units), _read_limit(limit))


def _read_limit(given: Any) -> float:
    # NaN is in no range, and a decimal NaN cannot even be compared.
    is_number = isinstance(given, int | float | Decimal) and not isinstance(given, bool)
    if not is_number or Decimal(given).is_nan() or not 0 < given <= _MAX_LIMIT:
        raise ValueError("a number above 0 as its limit")
    return float(given)


def _read_text(given: Any, what: str) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > _MAX_TEXT or not given.isprintable():
        raise ValueError(f"a text as its {what}")
    return given
