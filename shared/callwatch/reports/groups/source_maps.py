"""Resolves what is shown of stacks by source maps that were uploaded since an error was stored; nothing stored changes."""

import logging
import time
from collections.abc import Sequence

from callwatch.db.core.connect import AnyConnection
from callwatch.settings import get_settings
from callwatch.source_maps.look_up import Budget
from callwatch.source_maps.places import has_scripts
from callwatch.source_maps.stacks import find_tokens, rewrite_event

_LIMIT_S = 4.0
_MAPS = 4
_log = logging.getLogger(__name__)


def resolve_shown(
    conn: AnyConnection, project_id: int, events: Sequence[dict[str, object] | None]
) -> list[dict[str, object] | None]:
    """Events with their stacks resolved as far as maps are there now; `source_map` of a frame says why it is not resolved."""
    given = [(project_id, event) for event in events if event is not None and has_scripts(event)]
    if not given:
        return list(events)
    try:
        tokens = find_tokens(conn, get_settings().source_maps_url, given, Budget(time.monotonic() + _LIMIT_S, _MAPS))
        return [rewrite_event(project_id, event, tokens) if event is not None else None for event in events]
    except (KeyError, TypeError, ValueError):
        # An odd event is shown as it is stored.
        _log.exception("source maps are not applied")
        return list(events)
