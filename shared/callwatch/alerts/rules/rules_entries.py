"""The objects of a JSON list with their line numbers, which json.loads does not provide: of RULES_FILE and ROUTES_FILE."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from callwatch.alerts.rules.rule import InvalidRule
from callwatch.exceptions import ConfigurationError

_SPACE = " \t\r\n"


@dataclass(slots=True)
class Entry:
    """One object of the file: its values, and the line of the object and of each field. file: the variable that names it."""

    line: int
    values: dict[str, object] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    file: str = "RULES_FILE"

    def build_error(self, name: str, remedy: str) -> Exception:
        """Return the error about a field, which names its line."""
        return ConfigurationError(f"{self.file}, line {self.lines.get(name, self.line)}: {name} {remedy}")

    def refuse(self, error: InvalidRule) -> Exception:
        """Return the error about a value that no rule may have, which names its line."""
        return ConfigurationError(f"{self.file}, line {self.lines.get(error.field, self.line)}: {error}")


def read_entries(path: Path, file: str = "RULES_FILE", noun: str = "rule") -> list[Entry]:
    """Read the objects of a JSON file. file: the variable that names it; noun: what one object is.

    Raises ConfigurationError with one line that names the variable and the remedy.
    """
    try:
        # With or without the byte order mark that some editors write.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{file} must be a readable file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file} must be a file in UTF-8") from None
    return parse_entries(text, file, noun)


def parse_entries(text: str, file: str = "RULES_FILE", noun: str = "rule") -> list[Entry]:
    """Parse the objects of the list with their line numbers."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{file}, line {error.lineno}: {error.msg}; the file must be JSON") from None
    except RecursionError:
        raise ConfigurationError(f"{file} must be a JSON list of {noun}s, with less nesting") from None
    except ValueError:
        # Python does not parse integers of more than 4,300 digits.
        raise ConfigurationError(f"numbers in {file} must have at most 4,300 digits") from None
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ConfigurationError(f"{file}, line 1: the file must be a JSON list of {noun}s: [{{...}}, {{...}}]")
    entries = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        if text[at] != "{":
            raise ConfigurationError(f"{file}, line {_count_line(text, at)}: a {noun} must be an object: {{...}}")
        entry, at = _parse_entry(text, at, file)
        entries.append(entry)
        at = _skip(text, at)
    return entries


def _parse_entry(text: str, at: int, file: str) -> tuple[Entry, int]:
    """Parse the object that begins at `at` in a text known to be JSON; returns it and where it ends."""
    decoder = json.JSONDecoder()
    entry = Entry(_count_line(text, at), file=file)
    at = _skip(text, at + 1)
    while text[at] != "}":
        line = _count_line(text, at)
        name, at = decoder.raw_decode(text, at)
        if name in entry.values:
            raise ConfigurationError(f"{file}, line {line}: {name} is given twice; keep one")
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
