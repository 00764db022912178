"""Why figures of a response are null."""

from typing import Annotated, TypedDict

from callwatch.models.constraints import About
from callwatch.models.reason import Reason

# Encoded as {"code", "message"}: clients decide by the code, people read the message.
Unknown = Reason


class Known(TypedDict):
    """A response whose nulls have reasons, by dotted path."""

    unknown: Annotated[dict[str, Unknown], About("Why a figure is null, by dotted path.")]
