"""Shows responses: tables for people, or the JSON as it came. A null is shown as unknown, with its code."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show_json(found: object) -> None:
    """Print a response as JSON."""
    json.dump(found, sys.stdout, indent=2)
    print()


def show_table(items: Sequence[Mapping[str, Any]], columns: Sequence[str], unknown: Mapping[str, Any]) -> None:
    """Print a list; control characters of foreign texts are replaced, so that none acts on the terminal."""
    table = Table(show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for place, item in enumerate(items):
        table.add_row(*(escape(show_value(item.get(name), unknown.get(f"items.{place}.{name}"))) for name in columns))
    Console().print(table if items else "none")


def show_facts(facts: Mapping[str, object]) -> None:
    """Print names and values."""
    table = Table(show_edge=False, show_header=False)
    for name, value in facts.items():
        table.add_row(escape(name), escape(show_value(value)))
    Console().print(table)


def show_value(value: object, reason: object = None) -> str:
    """Return a value as text without control characters."""
    if value is None:
        code = reason.get("code") if isinstance(reason, dict) else None
        return "" if code in (None, "none") else f"unknown ({code})"
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(character if character.isprintable() else " " for character in text)
