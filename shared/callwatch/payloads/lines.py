"""One occurrence as a JSON line: the fields of the table `errors`, and last the event as it was queued."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

# The message of a row whose line has the real one.
MESSAGE_ELSEWHERE = "…"
# No text before it can contain this mark, because quotes inside a JSON text are escaped.
_EVENT_MARK = ',"event":{'


class LineFields(TypedDict):
    """What a line holds next to the event; the names are columns of docs/history.md. Times: ISO 8601 in UTC with microseconds."""

    event_id: str
    project_id: int
    environment: str
    fingerprint: str
    occurred_at: str
    received_at: str
    severity: str
    category: str
    type: str | None
    message: str
    endpoint: str | None
    release: str | None
    service: str | None
    user_hash: str | None


@dataclass(frozen=True, slots=True)
class Payload:
    """A line as it was read. event_text: JSON."""

    fields: Mapping[str, object]
    event_text: str


def render_line(fields: LineFields, event_text: str) -> bytes:
    """The line, with its end. Raises UnicodeEncodeError for half of a surrogate pair."""
    head = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    # Within a text JSON escapes the end of a line; between texts it means no more than a space.
    event = event_text.replace("\n", " ").replace("\r", " ")
    return f'{head[:-1]},"event":{event}}}\n'.encode()


def parse_line(line: bytes) -> Payload:
    """Read a line. Raises ValueError for one that is none."""
    text = line.decode()
    mark = text.find(_EVENT_MARK)
    if mark < 0 or not text.endswith("}}\n"):
        raise ValueError("the line has no event")
    fields = json.loads(text[:mark] + "}")
    return Payload(fields, text[mark + len(_EVENT_MARK) - 1 : -2])


def format_line_time(when: datetime) -> str:
    """A time that sorts as a text: always with six digits after the second."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
