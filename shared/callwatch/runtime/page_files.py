"""The files of the built page: the path of each under the domain, and its headers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE_CACHING = "no-cache"
ASSET_CACHING = "public, max-age=3600"
# What the page reads before it shows how to sign in.
SIGN_IN_KEY = "admin/sign-in.json"
# Not the machine's own table, which differs between machines.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file: its key under the domain, its location, its content type and its caching."""

    key: str
    path: Path
    content_type: str
    caching: str


def list_page_files(folder: Path) -> Iterator[PageFile]:
    """The files of a built page; the page itself comes last."""
    for path in sorted((folder / "assets").rglob("*")):
        if path.is_file():
            yield PageFile(f"admin/{path.relative_to(folder).as_posix()}", path, find_type(path), ASSET_CACHING)
    index = folder / "index.html"
    yield PageFile("admin/index.html", index, find_type(index), PAGE_CACHING)


def find_type(path: Path) -> str:
    """The content type of a file by its ending."""
    return _TYPES.get(path.suffix, "application/octet-stream")


def build_sign_in(issuer: str | None, client_id: str | None) -> bytes:
    """Build the content of SIGN_IN_KEY: where to sign in by OpenID Connect, null where only tokens open the page."""
    found = {"issuer": issuer, "client_id": client_id} if issuer and client_id else None
    return json.dumps({"oidc": found}).encode()
