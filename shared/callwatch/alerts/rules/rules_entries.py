"""The objects of RULES_FILE with their line numbers, which json.loads does not provide."""

import json
from dataclasses import dataclass, field
from typing import Any

from callwatch.alerts.rules.rule import InvalidRule
from callwatch.exceptions import ConfigurationError

_SPACE = " \t\r\n"


@dataclass(slots=True)
class Entry:
    """One object of the file: its values, and the line of the object and of each field."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def fault(self, name: str, remedy: str) -> Exception:
        """Return the error about a field, which names its line."""
        return ConfigurationError(f"RULES_FILE, line {self.lines.get(name, self.line)}: {name} {remedy}")

    def refuse(self, error: InvalidRule) -> Exception:
        """Return the error about a value that no rule may have, which names its line."""
        return ConfigurationError(f"RULES_FILE, line {self.lines.get(error.field, self.line)}: {error}")


def parse_entries(text: str) -> list[Entry]:
    """Parse the objects of the list with their line numbers, which json.loads does not provide."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"RULES_FILE, line {error.lineno}: {error.msg}; the file must be JSON") from None
    except RecursionError:
        raise ConfigurationError("RULES_FILE must be a JSON list of rules, with less nesting") from None
    except ValueError:
        # Python does not parse integers of more than 4,300 digits.
        raise ConfigurationError("numbers in RULES_FILE must have at most 4,300 digits") from None
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ConfigurationError("RULES_FILE, line 1: the file must be a JSON list of rules: [{...}, {...}]")
    entries = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        if text[at] != "{":
            raise ConfigurationError(f"RULES_FILE, line {_count_line(text, at)}: a rule must be an object: {{...}}")
        entry, at = _parse_entry(text, at)
        entries.append(entry)
        at = _skip(text, at)
    return entries


def _parse_entry(text: str, at: int) -> tuple[Entry, int]:
    """Parse the object that begins at `at` in a text known to be JSON; returns it and where it ends."""
    decoder = json.JSONDecoder()
    entry = Entry(_count_line(text, at))
    at = _skip(text, at + 1)
    while text[at] != "}":
        line = _count_line(text, at)
        name, at = decoder.raw_decode(text, at)
        if name in entry.values:
            raise ConfigurationError(f"RULES_FILE, line {line}: {name} is given twice; keep one")
        entry.lines[name] = line
        entry.values[name], at = decoder.raw_decode(text, _skip(text, at))
        at = _skip(text, at)
    return entry, at + 1


def _skip(text: str, at: int) -> int:
    """Skip white space and separators; the text is known to be JSON."""
    while at < len(text) and text[at] in _SPACE + ",:":
        at += 1
    return at


def _count_line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
