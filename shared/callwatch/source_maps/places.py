"""Names the scripts that an event's frames lie in: by debug id, or by release, dist and address."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callwatch.db.core.connect import AnyConnection
from callwatch.db.error_queries.source_maps import ScriptRow, find_by_address, find_by_debug_id
from callwatch.source_maps.bundle import read_debug_id

_MAX_ADDRESS_CHARS = 1_000
_ORIGIN = re.compile(r"^(?:https?://[^/]+|app://|file://)(?=/)")


@dataclass(frozen=True, slots=True)
class Script:
    """How an event names a script: debug id, release, dist and address; what it does not name is empty."""

    project_id: int
    debug_id: str
    release: str
    dist: str
    address: str

    @property
    def by_address(self) -> Iterator[tuple[int, str, str, str]]:
        """Project, release, dist and address, as sentry-cli writes addresses: whole, and without the host as ~/path."""
        if not self.release or not self.address:
            return
        for address in dict.fromkeys((self.address, _ORIGIN.sub("~", self.address), f"~{self.address}")):
            if not address.startswith("~") or address.startswith("~/"):
                yield self.project_id, self.release, self.dist, address


def list_stacks(event: Mapping[str, Any]) -> list[list[Any]]:
    """The lists of frames of an event: of the outermost exception, then of its causes."""
    links = event.get("exceptions")
    holders = [event, *(links if isinstance(links, list) else [])]
    return [holder["frames"] for holder in holders if isinstance(holder, dict) and isinstance(holder.get("frames"), list)]


def is_of_a_script(frame: Any) -> bool:
    """Whether a frame has a place that a source map can translate, and was not translated."""
    return (
        isinstance(frame, dict)
        and "minified" not in frame
        and all(isinstance(frame.get(name), int) and 0 < frame[name] < 2**31 for name in ("lineno", "colno"))
        and isinstance(frame.get("abs_path") or frame.get("filename"), str)
    )


def has_scripts(event: Mapping[str, Any]) -> bool:
    """Whether any frame of an event is one of a script."""
    return any(is_of_a_script(frame) for frames in list_stacks(event) for frame in frames)


def list_debug_ids(event: Mapping[str, Any]) -> dict[str, str]:
    """The debug id of each script that the event names, by its address."""
    meta = event.get("debug_meta")
    images = meta.get("images") if isinstance(meta, dict) else None
    found: dict[str, str] = {}
    for image in images if isinstance(images, list) else ():
        address = image.get("code_file") if isinstance(image, dict) else None
        debug_id = read_debug_id(image.get("debug_id")) if isinstance(image, dict) else None
        if isinstance(address, str) and debug_id:
            found[address] = debug_id
    return found


def name_script(project_id: int, event: Mapping[str, Any], frame: Mapping[str, Any], debug_ids: Mapping[str, str]) -> Script:
    """The script of a frame."""
    addresses = [text for name in ("abs_path", "filename") if isinstance(text := frame.get(name), str)]
    debug_id = next((debug_ids[address] for address in addresses if address in debug_ids), "")
    address = re.split(r"[?#]", addresses[0][:_MAX_ADDRESS_CHARS], maxsplit=1)[0].replace("\0", "")
    release, dist = (text if isinstance(text := event.get(name), str) else "" for name in ("release", "dist"))
    return Script(project_id, debug_id, release.replace("\0", ""), dist.replace("\0", ""), address)


def find_scripts(conn: AnyConnection, scripts: Sequence[Script]) -> dict[Script, ScriptRow]:
    """Where scripts and their maps lie, each by debug id, else by release and address; what was not uploaded is missing."""
    if not scripts:
        return {}
    debug_ids = {script.debug_id for script in scripts if script.debug_id}
    rows = find_by_debug_id(conn, {script.project_id for script in scripts}, debug_ids)
    by_id = {(row["project_id"], row["debug_id"]): row for row in rows}
    others = [script for script in scripts if (script.project_id, script.debug_id) not in by_id]
    addresses = {address for script in others for address in script.by_address}
    by_address = {(row["project_id"], row["release"], row["dist"], row["url"]): row for row in find_by_address(conn, addresses)}
    found = {}
    for script in scripts:
        row = by_id.get((script.project_id, script.debug_id)) if script.debug_id else None
        row = row or next((by_address[address] for address in script.by_address if address in by_address), None)
        if row is not None:
            found[script] = row
    return found
