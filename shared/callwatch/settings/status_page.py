"""Reads STATUS_PAGE_FILE: which components the public status page shows, and what each stands for."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_COMPONENTS = 30
_MAX_BYTES, _MAX_SOURCES = 100_000, 20
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_EXAMPLE = '{"name": "Acme", "components": [{"id": "calls", "name": "Calls", "services": ["openai"], "stages": ["analyses"]}]}'


@dataclass(frozen=True, slots=True)
class StatusComponent:
    """One line of the page. services, stages: names of checked services and of pipeline stages; the worst of them counts."""

    id: str
    name: str
    description: str
    services: tuple[str, ...]
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusPage:
    """What the page is called and shows."""

    name: str
    components: tuple[StatusComponent, ...]


def parse_status_page_file(raw: str) -> StatusPage:
    """The page described in the file at a path. Raises ValueError whose text completes "STATUS_PAGE_FILE must be ..."."""
    try:
        path = Path(raw)
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"a file of at most {_MAX_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the path of a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("a file in UTF-8") from None
    return parse_status_page(text)


def parse_status_page(text: str) -> StatusPage:
    """The page in the text of a file. Raises ValueError as parse_status_page_file."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        raise ValueError(f"JSON{f' (line {line} is not)' if line else ''}, such as {_EXAMPLE}") from None
    if not isinstance(given, Mapping) or set(given) - {"name", "components"}:
        raise ValueError(f"an object with name and components, such as {_EXAMPLE}")
    listed = given.get("components")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_COMPONENTS:
        raise ValueError(f"an object whose components are a list of 1 to {MAX_COMPONENTS}, such as {_EXAMPLE}")
    components = tuple(_read_component(entry, f"component {number}") for number, entry in enumerate(listed, start=1))
    if len({component.id for component in components}) < len(components):
        raise ValueError("an object whose components have different ids")
    return StatusPage(_read_text(given.get("name"), 100, "name"), components)


def _read_component(given: Any, where: str) -> StatusComponent:
    allowed = {"id", "name", "description", "services", "stages"}
    if not isinstance(given, Mapping) or set(given) - allowed:
        raise ValueError(f"an object with components; {where} must be an object with {', '.join(sorted(allowed))}")
    if not isinstance(given.get("id"), str) or not _ID.fullmatch(given["id"]):
        raise ValueError(f"an object with components; {where}: id must be lower-case letters, digits, - and _")
    services, stages = (_read_names(given.get(field), f"{where}: {field}") for field in ("services", "stages"))
    if not services and not stages:
        raise ValueError(f"an object with components; {where} must name services or stages, else its state is never known")
    description = given.get("description", "")
    shown = _read_text(description, 300, f"{where}: description") if description else ""
    return StatusComponent(given["id"], _read_text(given.get("name"), 100, f"{where}: name"), shown, services, stages)


def _read_names(given: Any, where: str) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > _MAX_SOURCES or not all(isinstance(name, str) and name for name in given):
        raise ValueError(f"an object with components; {where} must be a list of at most {_MAX_SOURCES} names")
    return tuple(given)


def _read_text(given: Any, most: int, where: str) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > most or not given.isprintable():
        raise ValueError(f"an object with a name and components; {where} must be a text of at most {most} characters")
    return given.strip()
