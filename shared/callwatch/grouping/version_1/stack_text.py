"""The frames of a stack in text form as the first version of the grouping rules read them, frozen with it."""

import re
from typing import Any

_MAX_LINES = 400
_MAX_LINE_CHARS = 1_000
_FRAME = re.compile(
    r"""^\s*(?:
      File\ "(?P<python>[^"]+)",\ line\ \d+(?:,\ in\ (?P<python_function>.+))?
    | at\ (?:(?P<script_function>[^(]+?)\ ?\()?(?P<script>[^()\s]+?):\d+(?::\d+)?\)?
    | (?P<browser_function>[^@\s]*)@(?P<browser>\S+?):\d+(?::\d+)?
    | \#\d+\ (?P<php>[^\s(]+)\(\d+\):\ (?P<php_function>[^(]+).*
    | (?:from\ )?(?P<ruby>[^\s:]+):\d+:in\ [`'](?P<ruby_function>[^']+)'
    )\s*$""",
    re.VERBOSE,
)
_LIBRARY = re.compile(
    r"(?:^|/)(?:node_modules|site-packages|dist-packages|vendor|gems)/|(?:^|/)lib(?:64)?/python\d|^(?:node:|internal/|<)"
)
_JDK = re.compile(r"(?:java\.base/|javax?\.|jdk\.|sun\.)")


def parse_frames(stack: str) -> list[dict[str, Any]]:
    """Rows (filename, function, in_app); empty if no line is a frame."""
    frames = []
    for line in stack.splitlines()[:_MAX_LINES]:
        match = _FRAME.match(line) if len(line) <= _MAX_LINE_CHARS else None
        if match:
            named = match.groupdict()
            filename = next(filter(None, (named[name] for name in ("python", "script", "browser", "php", "ruby"))), "")
            function = next((value for name, value in named.items() if name.endswith("_function") and value), "")
            is_library = _LIBRARY.search(filename) or _JDK.match(function)
            frames.append({"filename": filename, "function": function, "in_app": not is_library})
    return frames
