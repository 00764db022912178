"""GET /api/pipeline?by=agency: the figures of the pipeline by agency."""

from datetime import datetime
from typing import TypedDict


class AgencyStage(TypedDict):
    """One stage of one agency; the counts are those of the stage, and add up to them."""

    name: str
    pending: int | None
    processing: int | None
    failed: int | None
    completed_last_hour: int | None
    stuck: int | None
    zombie: int | None
    dead: int | None
    orphan: int | None
    false_success: int | None


class AgencyFreshness(TypedDict):
    """Incoming calls of an agency. last_call_at: within the last day; expected: the median of this hour on earlier days."""

    last_call_at: datetime | None
    expected_per_hour: float | None
    actual_last_hour: int | None


class AgencyPipeline(TypedDict):
    """The pipeline of one agency. agency: null for rows that name none."""

    agency: str | None
    name: str | None
    stages: list[AgencyStage]
    freshness: AgencyFreshness
    field_completeness: dict[str, float | None]
