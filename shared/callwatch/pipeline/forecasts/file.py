"""The quotas of a stage file: how much of a service may be used in a day."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callwatch.pipeline.file_fields import check_keys, parse_list, read_number, read_text
from callwatch.pipeline.queries.filter_dsl import name
from callwatch.settings.prices import UNITS


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


def read_quota(raw: Any) -> Quota:
    """One quota. Raises ValueError."""
    check_keys(raw, {"service", "units", "limit"}, {"model"})
    units = parse_list(read_text)(raw["units"])
    if set(units) - set(UNITS) or len(set(units)) != len(units):
        raise ValueError(f"a list of {', '.join(UNITS)} as its units")
    return Quota(name(raw["service"], "a service"), read_text(raw.get("model", "*")), units, read_number(raw["limit"]))
