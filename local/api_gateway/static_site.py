"""Serves the static page with the paths and headers of CloudFront."""

from pathlib import Path

from callwatch.runtime.page_files import ASSET_CACHING, PAGE_CACHING, find_type
from local.api_gateway.payload import Answer

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    ("content-security-policy", CSP),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
)
_PAGE_PATHS = ("/", "/admin", "/admin/", "/admin/operations", "/admin/operations/")
_ASSETS = "/admin/assets/"


class Page:
    """The files of the built dashboard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def answer(self, method: str, path: str) -> Answer | None:
        """Return the page or one of its assets; None for any other path."""
        if method not in ("GET", "HEAD"):
            return None
        if path in _PAGE_PATHS:
            return self._file(self._folder / "index.html", PAGE_CACHING)
        if path.startswith(_ASSETS):
            file = (self._folder / "assets" / path.removeprefix(_ASSETS)).resolve()
            # A path that leaves the folder is no asset.
            is_inside = (self._folder / "assets") in file.parents
            return self._file(file, ASSET_CACHING) if is_inside else _missing()
        return None

    def _file(self, file: Path, caching: str) -> Answer:
        try:
            content = file.read_bytes()
        except OSError:
            return _missing()
        return Answer(200, (("content-type", find_type(file)), ("cache-control", caching), *HEADERS), content)


def _missing() -> Answer:
    return Answer(404, (("content-type", "text/plain; charset=utf-8"), *HEADERS), b"Not Found")
