"""The response to what people do at vendors: POST /api/actions/{vendor}."""

from __future__ import annotations

from typing import TypedDict


class VendorActions(TypedDict):
    """How many actions were carried out; ignored: what was done before, is over, or is not about a message of ours."""

    done: int
    ignored: int
