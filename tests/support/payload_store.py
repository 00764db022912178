"""What tests ask of a store of payloads in a folder."""

import json
from pathlib import Path
from typing import Any

import zstandard

from callwatch.db import connection, fetch_all


def list_objects(folder: Path) -> list[Path]:
    """Return all objects, in order of their names."""
    return sorted(folder.glob("day=*/*.jsonl.zst"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return every line of an object as a reader of whole files sees it, erased ones included."""
    raw = zstandard.ZstdDecompressor().stream_reader(path.read_bytes(), read_across_frames=True).read()
    return [json.loads(line) for line in raw.splitlines()]


def list_archived(folder: Path) -> list[str]:
    """Return the ids of all events in all objects, sorted, each as often as it is there."""
    return sorted(line["event_id"] for path in list_objects(folder) for line in read_lines(path) if line)


def query(sql: str, *given: Any) -> list[dict[str, Any]]:
    """Return rows of the test's database."""
    with connection() as conn:
        return fetch_all(conn, sql, given)


def list_stored() -> list[str]:
    """Return the ids of all stored occurrences, sorted."""
    return [row["id"] for row in query("SELECT replace(event_id::text, '-', '') AS id FROM callwatch.error_logs ORDER BY 1")]
