"""POST /api/session."""

from datetime import datetime
from typing import TypedDict

from callwatch.models.role import SessionRole


class SessionState(TypedDict):
    """Who signed in, and until when. The session itself is a cookie that no script can read."""

    role: SessionRole
    actor: str
    ends_at: datetime
