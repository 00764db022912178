"""How the channels of notifications do, as facts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from callwatch.alerts.channels import CHANNELS, is_configured
from callwatch.db.channel_states import channel_states
from callwatch.db.connect import AnyConnection
from callwatch.models.facts import Fact
from callwatch.settings import get_settings

# A shorter failure mends itself: the notifications wait, and are sent again.
_FAILING_FOR = timedelta(minutes=5)
# A notification that was lost is told for so long, though the next one got through.
_LOST_WITHIN = timedelta(minutes=15)


def channel_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """channel.broken of each configured channel that was ever used: 1 where notifications do not get through."""
    states, settings = channel_states(conn), get_settings()
    return [
        _fact(channel, states[channel], now) for channel in CHANNELS if channel in states and is_configured(channel, settings)
    ]


def _fact(channel: str, state: Mapping[str, Any], now: datetime) -> Fact:
    failed_at, sent_at, failing_since = state["last_failed_at"], state["last_sent_at"], state["failing_since"]
    is_lost = failed_at is not None and (sent_at is None or sent_at <= failed_at or now - failed_at < _LOST_WITHIN)
    is_failing = failing_since is not None and now - failing_since >= _FAILING_FOR
    if not is_lost and not is_failing:
        return Fact("channel.broken", 0.0, None, {"channel": channel})
    since = min(at for at in (failed_at if is_lost else None, failing_since) if at is not None)
    return Fact("channel.broken", 1.0, None, {"channel": channel}, state["last_error"], since)
