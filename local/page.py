"""The static page, as CloudFront serves it: the same paths, the same headers."""

import mimetypes
from pathlib import Path

from local.payload import Answer

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
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
    """Files of the built dashboard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def answer(self, method: str, path: str) -> Answer | None:
        """The page or one of its assets; None where the path is not the page's."""
        if method not in ("GET", "HEAD"):
            return None
        if path in _PAGE_PATHS:
            return self._file(self._folder / "index.html", "no-cache")
        if path.startswith(_ASSETS):
            file = (self._folder / "assets" / path.removeprefix(_ASSETS)).resolve()
            # A path that climbs out of the folder is no asset.
            is_inside = (self._folder / "assets") in file.parents
            return self._file(file, "public, max-age=3600") if is_inside else _missing()
        return None

    def _file(self, file: Path, caching: str) -> Answer:
        try:
            content = file.read_bytes()
        except OSError:
            return _missing()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        if kind.startswith("text/"):
            kind += "; charset=utf-8"
        return Answer(200, (("content-type", kind), ("cache-control", caching), *HEADERS), content)


def _missing() -> Answer:
    return Answer(404, (("content-type", "text/plain; charset=utf-8"), *HEADERS), b"Not Found")
