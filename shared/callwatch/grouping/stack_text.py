"""The frames that a stack in text form names, as ten languages write it: each branch of the expression is one or more of them."""

import re
from typing import Any

_MAX_LINES = 400
_MAX_LINE_CHARS = 1_000
_FRAME = re.compile(
    r"""^[\s|]*(?:
      File\ "(?P<python>[^"]+)",\ line\ \d+(?:,\ in\ (?P<python_function>.+))?
    | at\ (?P<dotnet_function>[^\s()]+)\([^():]*\)(?:\ in\ (?P<dotnet>.+?):(?:line|Zeile|ligne|línea)\ \d+)?
    | at\ (?:(?P<script_function>[^(]+?)\ ?\()?(?P<script>[^()\s]+?):\d+(?::\d+)?\)?
    | (?P<browser_function>[^@\s]*)@(?P<browser>\S+?):\d+(?::\d+)?
    | \#\d+\ (?P<php>[^\s(]+)\(\d+\):\ (?P<php_function>[^(]+).*
    | (?P<go>/\S+\.go):\d+(?:\ \+0x[0-9a-f]+)?
    | \#\d+\s+(?P<dart_function>.+?)\s+\((?P<dart>(?:package|dart|file):\S+?)(?::\d+){0,2}\)
    | (?:\([\w.-]+\ [\w.-]+\)\ )?(?P<elixir>\S+\.exs?):\d+:\ (?P<elixir_function>.+)
    | (?:from\ )?(?P<ruby>[^\s:]+):\d+:in\ [`'](?P<ruby_function>[^']+)'
    )\s*$""",
    re.VERBOSE,
)
_LIBRARY = re.compile(
    r"(?:^|/)(?:node_modules|site-packages|dist-packages|vendor|gems|deps|go/pkg/mod|rustc|\.cargo)/|(?:^|/)lib(?:64)?/python\d"
    r"|/go/src/(?:runtime|net|testing)/|^(?:node:|internal/|<|dart:)"
)
_JDK = re.compile(r"(?:java\.base/|javax?\.|jdk\.|sun\.|System\.|Microsoft\.)")
# The function stands on a line of its own, before its place.
_BEFORE = re.compile(
    r"\s*(?:\d+:\s+)?(?P<function>[\w.*(){}<>$/\[\]:-]{1,300}?)(?:\([^()]*\)(?:\ in goroutine \d+)?|::h[0-9a-f]{16})?\s*"
)


def parse_frames(stack: str) -> list[dict[str, Any]]:
    """Rows (filename, function, in_app); empty if no line is a frame."""
    frames = []
    before = ""
    for line in stack.splitlines()[:_MAX_LINES]:
        match = _FRAME.match(line) if len(line) <= _MAX_LINE_CHARS else None
        if match:
            named = match.groupdict()
            filename = next((value for name, value in named.items() if not name.endswith("_function") and value), "")
            function = next((value for name, value in named.items() if name.endswith("_function") and value), "")
            if not function and filename.endswith((".go", ".rs")):
                function = _read_function(before)
            is_library = _LIBRARY.search(filename) or _JDK.match(function)
            frames.append({"filename": filename, "function": function, "in_app": not is_library})
        before = line
    return frames


def _read_function(line: str) -> str:
    match = _BEFORE.fullmatch(line) if len(line) <= _MAX_LINE_CHARS else None
    return match["function"] if match else ""
