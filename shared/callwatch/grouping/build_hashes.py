"""Removes what a build puts into the names of its files, so that a deployment makes no error new.

Formats, from the defaults of the bundlers: Vite, Rollup, Nuxt, SvelteKit and Astro use 8 characters of base64url; esbuild and
Angular 8 of base32; webpack and Next.js hexadecimal digits; Turbopack 7 or 8 characters before "._.js"; PyInstaller and pex a
folder.
"""

import re

from callwatch.grouping.random_words import is_random, is_unpronounceable

_EXTENSIONS = frozenset(["js", "mjs", "cjs", "jsx", "css", "wasm", "json", "html", "map"])
# Between the name and the extension: "main.8f7d6c5b.chunk.js".
_INFIXES = frozenset(["chunk", "min", "bundle", "legacy", "module", "client", "server", "esm", "prod", "production", "umd", "_"])
# Folders whose files a build names, often by the hash alone; in the hashed ones, each name ends with a hash.
_HASHED_FOLDERS = frozenset(["_nuxt", "immutable", "assets", "_astro", "nodes", "entry"])
_BUILD_FOLDERS = _HASHED_FOLDERS | {"chunks", "static", "js", "build", "dist"}
_BUILD_ID = re.compile(r"(_next/(?:static|data)/)[A-Za-z0-9_-]{20,24}(?=/)")
_UNPACKED = re.compile(r"^.*/(?:_MEI\w{1,20}|\.pex/(?:unzipped_pexes|installed_wheels)/[^/]+|[^/]+\.pyz)/", re.IGNORECASE)
_HEX = re.compile(r"(?=[0-9a-f]*\d)[0-9a-f]{7,64}|(?=[0-9A-F]*\d)[0-9A-F]{8,64}")
_TOKEN = re.compile(r"[A-Za-z0-9_~-]+")
_HASH_CHARS = 8
_TURBOPACK = re.compile(r"_{1,2}(?=[a-z_~-]{0,8}\d)[0-9a-z~-][0-9a-z_~-]{5,7}$")
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_PLACE = re.compile(r"(?::\d+){1,2}$")
_SPLIT = re.compile(r"([\s'\"()<>,;]+)")
_ASSET_HINTS = (".js", ".mjs", ".cjs", ".css", ".wasm")


def strip_build(path: str) -> str:
    """A path, with forward slashes and without a query, without hashes of a build and folders of an unpacked program."""
    if "/_MEI" in path or ".pex/" in path or ".pyz/" in path:
        path = _UNPACKED.sub("", path, count=1)
    if "_next/" in path:
        path = _BUILD_ID.sub(r"\1<build>", path)
    folder, slash, name = path.rpartition("/")
    parts = name.split(".")
    if len(parts) < 2 or parts[-1] not in _EXTENSIONS:
        return path
    parent = folder.rpartition("/")[2].lower()
    is_hashed = parent in _HASHED_FOLDERS or "/immutable/" in path
    ending: list[str] = []
    while len(parts) > 1 and (parts[-1] in _EXTENSIONS or parts[-1] in _INFIXES):
        ending.insert(0, parts.pop())
    if len(parts) > 1 and is_hash(parts[-1], is_hashed):
        parts.pop()
    elif len(parts) == 1 and _is_named_by_hash(parts[0], parent, is_hashed):
        parts = ["<hash>"]
    else:
        parts[-1] = _strip_suffix(parts[-1], "_" in ending, is_hashed)
    return folder + slash + ".".join([*parts, *ending])


def strip_builds_in_text(text: str) -> str:
    """A text whose addresses of scripts and styles have no hashes of a build."""
    if not any(hint in text for hint in _ASSET_HINTS):
        return text
    return "".join(_strip_word(word) if "/" in word and "." in word else word for word in _SPLIT.split(text))


def is_hash(text: str, is_expected: bool = False) -> bool:
    """Whether a part of a file's name is the hash of a build rather than a word; is_expected: names there end with a hash."""
    if _HEX.fullmatch(text):
        return True
    if len(text) < _HASH_CHARS or not _TOKEN.fullmatch(text):
        return False
    if len(text) != _HASH_CHARS:
        return text.isalnum() and is_random(text)
    uppers = sum(letter.isupper() for letter in text)
    lowers = sum(letter.islower() for letter in text)
    digits = sum(letter.isdigit() for letter in text)
    if is_expected and (uppers or digits):
        return True
    if not text.isalnum():
        return uppers > 0 and (digits > 0 or (lowers > 0 and uppers > 1))
    if uppers and lowers:
        return digits > 0 or _has_short_pieces(text) or is_unpronounceable(text)
    if uppers:
        return True
    # "handler2" is a name, "2handler" and "ab12cd34" are hashes.
    return is_unpronounceable(text) if not digits else digits < len(text) and not text.rstrip("0123456789").isalpha()


def _has_short_pieces(text: str) -> bool:
    """Whether a text of letters is no name in camel case, whose words have three letters or more."""
    pieces = _CAMEL.findall(text)
    return len(pieces) > 1 and min(len(piece) for piece in pieces) < 3


def _is_named_by_hash(stem: str, folder: str, is_hashed: bool) -> bool:
    if _HEX.fullmatch(stem) and len(stem) >= 12:
        return True
    if not (is_hashed or folder in _BUILD_FOLDERS) or len(stem) < _HASH_CHARS:
        return False
    # Where a name may also stand alone, a name in camel case is one.
    return is_hash(stem, is_hashed and not stem.isalpha())


def _strip_suffix(stem: str, is_turbopack: bool, is_hashed: bool) -> str:
    if is_turbopack:
        return _TURBOPACK.sub("", stem)
    # A hash of base64url may itself contain a hyphen, so the last eight characters are tried first.
    if len(stem) > _HASH_CHARS + 1 and stem[-_HASH_CHARS - 1] in "-." and is_hash(stem[-_HASH_CHARS:], is_hashed):
        return stem[: -_HASH_CHARS - 1]
    before, separator, last = stem.rpartition("-")
    # esbuild and Bun call each shared file "chunk-" and a hash, which may look like a word.
    if separator and before and (is_hash(last) or (before == "chunk" and len(last) == _HASH_CHARS)):
        return before
    before, separator, last = stem.rpartition("_")
    return before.rstrip("_") if separator and before.strip("_") and _HEX.fullmatch(last) and len(last) >= 8 else stem


def _strip_word(word: str) -> str:
    place = _PLACE.search(word)
    path, ending = (word[: place.start()], word[place.start() :]) if place else (word, "")
    bare = path.rstrip(".:")
    path, ending = bare, path[len(bare) :] + ending
    for mark in "?#":
        if mark in path:
            path = path.partition(mark)[0]
    return strip_build(path) + ending
