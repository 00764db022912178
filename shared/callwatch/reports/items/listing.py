"""GET /api/pipeline/{stage}/items: the items behind a count, and the statement that puts them back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from callwatch.api.http import Page, build_cursor_error, encode_cursor
from callwatch.client.measurement_errors import capture_measuring
from callwatch.db import product_connection
from callwatch.exceptions import Invalid
from callwatch.models.reason import Reason
from callwatch.models.shapes.product.items import ItemState
from callwatch.pipeline.freshness_readings import LAST_HOUR
from callwatch.pipeline.items.listing import ARRIVALS, ARRIVED, ItemPage, list_arrivals, list_items, parse_position
from callwatch.pipeline.items.remedy import compose_remedy
from callwatch.pipeline.queries.stage import Stage, StageFile
from callwatch.pipeline.stage_file import get_stages
from callwatch.reports.items.replays import read_replays_of_stage
from callwatch.reports.items.stages import find_stage
from callwatch.reports.missing_values import Unknown
from callwatch.settings import Settings

if TYPE_CHECKING:
    from callwatch.models.shapes.product.items import RemedyStatement, StageItem, StageItemPage

_NO_REMEDY = Reason("none", "items that arrived need no remedy")
_NO_TIME = Reason("unavailable", "the row has no time that can be read")
_NO_ROW = Reason("unavailable", "the table has no key of a number or a UUID")


def list_stage_items(settings: Settings, now: datetime, stage_name: str, raw_state: str | None, page: Page) -> StageItemPage:
    """Build one page. Raises NotFound, Invalid, DatabaseUnavailable if the product's database does not respond."""
    stages = get_stages(settings.stages_file)
    stage = None if stage_name == ARRIVALS else find_stage(stages, stage_name)
    takes: list[ItemState] = [known for known in get_args(ItemState) if (known == ARRIVED) is (stage is None)]
    state = next((known for known in takes if known == raw_state), None)
    if state is None:
        raise Invalid("state", f"must be {'one of ' if stage else ''}{', '.join(takes)}")
    with product_connection() as conn:
        found = _read_page(conn, now, stages, stage, state, page)
        remedy = compose_remedy(conn, now, stage, state) if stage else _NO_REMEDY
        conn.rollback()
    capture_measuring(found.measured.errors)
    unknown = Unknown()
    replays, why = read_replays_of_stage(stage_name)
    why_no_remedy = remedy if isinstance(remedy, Reason) else None
    shown: RemedyStatement | None = None if isinstance(remedy, Reason) else {"statement": remedy}
    figure = f"{stage.name}.{state}" if stage else LAST_HOUR
    return {
        "stage": stage_name,
        "state": state,
        "count": unknown.say("count", found.measured.get_count(figure), found.measured.explain_unknown(figure)),
        "items": unknown.say("items", _show_items(found, unknown), found.why),
        "next_cursor": _encode(found),
        "remedy": unknown.say("remedy", shown, why_no_remedy),
        "replays": unknown.say("replays", replays, why),
        "unknown": unknown.reasons,
    }


def _read_page(conn: Any, now: datetime, stages: StageFile, stage: Stage | None, state: str, page: Page) -> ItemPage:
    try:
        after = parse_position(page.cursor)
        if stage is None:
            return list_arrivals(conn, now, stages, after, page.limit)
        return list_items(conn, now, stages, stage, state, after, page.limit)
    except (ValueError, TypeError):
        raise build_cursor_error() from None


def _show_items(found: ItemPage, unknown: Unknown) -> list[StageItem] | None:
    if found.items is None:
        return None
    return [
        {
            "id": unknown.say(f"items.{index}.id", item.id, item.why_no_id),
            "row": unknown.say(f"items.{index}.row", item.row, _NO_ROW),
            "at": unknown.say(f"items.{index}.at", item.at, _NO_TIME),
        }
        for index, item in enumerate(found.items)
    ]


def _encode(found: ItemPage) -> str | None:
    position = found.next_position
    return encode_cursor((position.at, f"{position.table} {position.place}")) if position else None
