"""The places of a stack, without what a build, an installation or a runtime adds to them."""

import functools
import re
from collections.abc import Sequence
from typing import Any

from callwatch.grouping.build_hashes import strip_build
from callwatch.grouping.generated_names import strip_generated
from callwatch.grouping.in_app import is_in_app
from callwatch.grouping.normalize import normalize

# Where an application is installed says nothing about the error.
_SCHEME = re.compile(
    r"^(?:https?://[^/]+|file://(?=/)|[a-z][a-z0-9+.-]+:/{2,3}|[a-z]:(?=/))(?:\([a-z-]{1,30}\)/)?(?:_N_E/)?(?:\./)?",
    re.IGNORECASE,
)
_ROOT = re.compile(
    r"^/(?:data/app/(?:~~[^/]+/)?[^/]+|var/task|var/www/[^/]+|usr/src/[^/]+|(?:home|Users)/[^/]+/[^/]+|root/[^/]+|(?:srv|opt|data|mnt|workspace)/[^/]+|app|code"
    r"|vercel/path\d|github/workspace|__w/[^/]+/[^/]+|builds/[^/]+/[^/]+|inetpub/wwwroot/[^/]+|usr/local/app|function|tmp/[0-9a-f]{8,}"
    r"|tmp/build_[0-9a-f]{6,64}(?:/app)?|var/lib/docker/overlay2/[^/]+/(?:merged|diff)(?:/app)?)(?=/)",
    re.IGNORECASE,
)
_DEPLOYED = re.compile(r"(?:^|(?<=/)|/)(?:releases/[^/]+|current|\.next/server|dist|build)(?=/)")
_PACKAGES = ("/site-packages/", "/dist-packages/", "/node_modules/")
# Longer names are not files, but data or whole programs. The part that is kept distinguishes them well enough.
_MAX_PATH_CHARS, _MAX_NAME_CHARS = 1_000, 500
_MAX_CACHED_CHARS = 300
_MINIFIED = re.compile(r"(?:[A-Za-z_$]{1,2}\d?\.)*[A-Za-z_$]{1,2}\d?(?:/<)?|<anonymous>|\?|")
# What a compiler or a loop wraps around an async function.
_WRAPPER = re.compile(
    r"asyncGeneratorStep|_asyncToGenerator|__awaiter|_next|_throw|fulfilled|rejected|new Promise|Generator\.\w+"
    r"|(?:async )?Promise\.\w+( \(index \d+\))?|processTicksAndRejections|runMicrotasks|run_until_complete"
    r"|_run_once|run_in_executor"
)
_OWNER = re.compile(r"^(?:async |new )?(?:(?:Object|Module|exports|module\.exports|Function|Server|Context|Array|_?[Tt]his)\.)*")
_ALIAS = re.compile(r" \[as [^\]]*\]$")
_LAMBDA = re.compile(r"(<lambda>|lambda)[\w$]*")
# Go numbers the closures of a function; another one above gives them other numbers.
_CLOSURE = re.compile(r"(?<![A-Za-z])(?:func|gowrap|deferwrap)\d{1,4}(?:\.\d{1,4})*(?:-range\d{1,4})?")
_SCRIPT = re.compile(r"\.[cm]?jsx?$")


def list_places(frames: Sequence[dict[str, Any]]) -> list[str]:
    """The places of the in-app frames as "module or path:function", the innermost last, without wrappers.

    Recursion of any depth is one step. A place whose function has no name that a person gave ends with a colon.
    """
    places: list[str] = []
    for frame in frames:
        if not is_in_app(frame):
            continue
        place = _describe_place(
            str(frame.get("module") or "")[:_MAX_NAME_CHARS],
            str(frame.get("filename") or frame.get("abs_path") or "")[:_MAX_PATH_CHARS],
            str(frame.get("function") or "")[:_MAX_NAME_CHARS],
        )
        if place and place != (places[-1] if places else None):
            places.append(place)
    return places


def _describe_place(module: str, filename: str, function: str) -> str | None:
    is_short = len(module) + len(filename) + len(function) <= _MAX_CACHED_CHARS
    return (_cached_place if is_short else _place)(module, filename, function)


def _place(module: str, filename: str, function: str) -> str | None:
    if _WRAPPER.fullmatch(function):
        return None
    path = _normalize_path(filename)
    function = _LAMBDA.sub("<lambda>", strip_generated(_ALIAS.sub("", _OWNER.sub("", function))))
    module = strip_generated(module)
    # A function of WebAssembly without a name is a number, too.
    if (_SCRIPT.search(path) and _MINIFIED.fullmatch(function)) or function == "wasm-function":
        function = ""
    if path.endswith(".go"):
        module, function = _CLOSURE.sub("func", module), _CLOSURE.sub("func", function)
    return f"{normalize(module) if module else path}:{function}"


# The same few hundred places make up nearly all stacks; none of them is long.
_cached_place = functools.lru_cache(maxsize=8_192)(_place)


def _normalize_path(filename: str) -> str:
    path = re.split(r"[?#]|:wasm-function\[", filename.replace("\\", "/"), maxsplit=1)[0]
    path = _SCHEME.sub("", path.replace("%5B", "[").replace("%5D", "]"))
    packages = max(path.rfind(folder) for folder in _PACKAGES)
    path = strip_build(path[packages + 1 :] if packages >= 0 else path)
    return normalize(_DEPLOYED.sub("", _ROOT.sub("", path))).lstrip("/")
