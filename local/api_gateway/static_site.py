"""Serves the static page with the paths and headers of CloudFront."""

from pathlib import Path

from callwatch.runtime.page_files import ASSET_CACHING, PAGE_CACHING, SIGN_IN_KEY, build_sign_in, find_type
from callwatch.settings import Settings
from callwatch.settings.oidc import find_origin
from local.api_gateway.payload import Answer

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {connect}; "
    "manifest-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def build_headers(*origins: str) -> tuple[tuple[str, str], ...]:
    """Build the headers of every file; origins: those, in addition to our own, to which the page may connect."""
    return (
        ("content-security-policy", _CSP.format(connect=" ".join(("'self'", *origins)))),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    )


_PAGE_PATHS = ("/", "/admin", "/admin/", "/admin/operations", "/admin/operations/")
_ASSETS = "/admin/assets/"


class Page:
    """The files of the built dashboard, and where it signs in."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self._folder = folder.resolve()
        issuer, token_origin = (settings.oidc_issuer, settings.oidc_token_origin) if settings else (None, None)
        self._headers = build_headers(*([find_origin(issuer)] if issuer else []), *([token_origin] if token_origin else []))
        self._sign_in = build_sign_in(issuer, settings.oidc_audience if settings else None)

    def answer(self, method: str, path: str) -> Answer | None:
        """Return the page or one of its assets; None for any other path."""
        if method not in ("GET", "HEAD"):
            return None
        if path in _PAGE_PATHS:
            return self._answer_file(self._folder / "index.html", PAGE_CACHING)
        if path == f"/{SIGN_IN_KEY}":
            return self._answer(self._sign_in, find_type(Path(SIGN_IN_KEY)), PAGE_CACHING)
        if path.startswith(_ASSETS):
            file = (self._folder / "assets" / path.removeprefix(_ASSETS)).resolve()
            # A path that leaves the folder is no asset.
            is_inside = (self._folder / "assets") in file.parents
            return self._answer_file(file, ASSET_CACHING) if is_inside else self._miss()
        return None

    def _answer_file(self, file: Path, caching: str) -> Answer:
        try:
            content = file.read_bytes()
        except OSError:
            return self._miss()
        return self._answer(content, find_type(file), caching)

    def _answer(self, content: bytes, content_type: str, caching: str) -> Answer:
        return Answer(200, (("content-type", content_type), ("cache-control", caching), *self._headers), content)

    def _miss(self) -> Answer:
        return Answer(404, (("content-type", "text/plain; charset=utf-8"), *self._headers), b"Not Found")
