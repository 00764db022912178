"""Decides whether a frame is the application's own, where its client does not say so."""

import functools
import re
import sys
from collections.abc import Mapping
from typing import Any

_LIBRARY = re.compile(
    r"(?:^|/)(?:node_modules|site-packages|dist-packages|vendor|gems|\.pnpm|\.yarn|bower_components|python\d\.\d+|rustc|\.cargo"
    r"|go/pkg/mod|usr/(?:local|lib)/go(?:-[\d.]+)?/src|hostedtoolcache/go/[^/]+/[^/]+/src|Cellar/go/[^/]+/libexec/src)/"
    r"|(?:^|/)lib(?:64)?/(?:python|ruby)\d?|/Python3\d{1,2}/lib/|^(?:node:|internal/|deno:|ext:|<frozen|webpack/(?:bootstrap|runtime)"
    r"|(?:chrome|moz|safari-web)-extension:|\[native code|native$)",
    re.IGNORECASE,
)
_OWN_MODULE = re.compile(
    r"^(?:java|javax|jdk|sun|com\.sun|kotlin|kotlinx|scala|clojure|System|Microsoft|Swoole|Illuminate|std|core|alloc|runtime)[.:]"
)
# Names that applications use as well.
_STDLIB = frozenset(sys.stdlib_module_names) - {"__main__", "test", "tests", "code", "site", "queue", "types", "platform", "this"}
_MAX_CHARS = 1_000


def is_in_app(frame: Mapping[str, Any]) -> bool:
    """Whether a frame belongs to the application: as its client says; else whether it is outside of every library."""
    given = frame.get("in_app")
    if given is not None:
        return given is not False
    texts = (str(frame.get(name) or "")[:_MAX_CHARS] for name in ("abs_path", "filename", "module"))
    return not _is_library(*texts)


@functools.lru_cache(maxsize=4_096)
def _is_library(abs_path: str, filename: str, module: str) -> bool:
    for path in (abs_path, filename):
        if path and _LIBRARY.search(path.replace("\\", "/")):
            return True
    if _OWN_MODULE.match(module):
        return True
    # A relative path of Python says nothing about its place; the name of the module does.
    is_python = filename.endswith(".py") and not abs_path.startswith(("/", "\\")) and abs_path[1:2] != ":"
    top = (module or filename.removesuffix(".py").replace("/", ".")).partition(".")[0]
    return is_python and top in _STDLIB
