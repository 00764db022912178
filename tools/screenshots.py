"""Takes the screenshots of docs/screenshots: the page in its states, at desktop and phone width.

`python -m tools.screenshots` starts its own systems, one per state; it does not touch a running one.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from local.system import System, running_system
from simulator import scenes
from tools import browser

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
MAX_BYTES = 250_000
MAX_HEIGHT = 3_000
_SETTLE_S = 6
# A busy machine takes long to answer the first requests of a page.
_LOADED_MS = 180_000


def main() -> int:
    """Take the screenshots; return 1 if one is too large."""
    parser = argparse.ArgumentParser(prog="screenshots", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("states", nargs="*", metavar="STATE", help=f"only these states: {', '.join(STATES)} (default: all)")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder for the screenshots")
    given = parser.parse_args()
    if unknown := set(given.states) - set(STATES):
        parser.error(f"there is no state {', '.join(sorted(unknown))}")
    given.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.find() or browser.install(), args=list(browser.ARGS))
        for name in given.states or STATES:
            with STATES[name]() as system:
                _take(chromium, system, name, given.to)
        chromium.close()
    too_large = [path.name for path in given.to.glob("*.png") if path.stat().st_size > MAX_BYTES]
    if too_large:
        print(f"screenshots: larger than {MAX_BYTES // 1000} KB: {', '.join(too_large)}", file=sys.stderr)
    return 1 if too_large else 0


def _take(chromium: Browser, system: System, name: str, folder: Path) -> None:
    for size, (width, height) in SIZES.items():
        for scheme in ("light", "dark") if size == "desktop" and name == "healthy" else ("light",):
            context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            for view, path in _list_views(system, name, size, scheme).items():
                _open(page, system, path)
                _shoot(page, folder / f"{view}-{size}{'-dark' if scheme == 'dark' else ''}.png")
            context.close()


def _list_views(system: System, name: str, size: str, scheme: str) -> dict[str, str]:
    views = {name: "#/"}
    if name == "broken" and scheme == "light":
        group = system.get("/api/errors?severity=critical")["items"]
        alert = system.get("/api/alerts?state=firing")["items"]
        views["alerts"] = "#/alerts"
        views |= {"error": f"#/errors/{group[0]['id']}"} if group else {}
        views |= {"alert": f"#/alerts/{alert[0]['id']}"} if alert else {}
        if size == "desktop":
            views |= {"errors": "#/errors", "rules": "#/rules", "uptime": "#/uptime", "wall": "?wall=1#/"}
            views |= {"explore": "#/explore?kind=all&range=24h&before=7d"}
    return views


def _open(page: Page, system: System, path: str) -> None:
    page.goto(f"{system.url}/admin/operations{path}")
    page.evaluate("token => sessionStorage.setItem('callwatch-token', token)", system.admin_token)
    page.reload()
    page.wait_for_selector("main .panel", timeout=_LOADED_MS)
    # Every part shows data, and no request failed.
    expect(page.locator(".loading")).to_have_count(0, timeout=_LOADED_MS)
    expect(page.get_by_text("The state is being read")).to_have_count(0, timeout=_LOADED_MS)
    expect(page.locator(".banner.none")).to_have_count(1, timeout=_LOADED_MS)
    page.wait_for_timeout(500)


# Rows far below are not painted until somebody scrolls to them.
_PAINT_ALL = """() => document.querySelectorAll('main *').forEach((element) => {
    if (getComputedStyle(element).contentVisibility === 'auto') element.style.contentVisibility = 'visible';
})"""


def _shoot(page: Page, path: Path) -> None:
    """Capture the page down to a height that a reader scrolls; an 8-bit palette keeps it small."""
    page.evaluate(_PAINT_ALL)
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    clip: FloatRect = {"x": 0, "y": 0, "width": width, "height": min(height, MAX_HEIGHT)}
    page.screenshot(path=path, full_page=True, clip=clip)
    _compress(path)
    print(f"{path.stat().st_size / 1000:7.0f} KB  {path.name}")


def _compress(path: Path) -> None:
    """Use true colors if they fit, otherwise as many as do."""
    with Image.open(path) as picture:
        picture.convert("RGB").save(path, optimize=True)
        for colours in (256, 128, 64):
            if path.stat().st_size > MAX_BYTES:
                picture.convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
                    path, optimize=True
                )


@contextmanager
def _empty() -> Iterator[System]:
    """The product exists, and nothing has happened yet; no vendor is configured."""
    with _system({}) as system:
        scenes.make_tables(system.database_url)
        _settle(system)
        yield system


@contextmanager
def _unknown() -> Iterator[System]:
    """The product's tables are missing."""
    with _system({}) as system:
        _settle(system)
        yield system


@contextmanager
def _healthy() -> Iterator[System]:
    with scenes.Vendors() as vendors, _system(vendors.build_environ()) as system:
        _make_good_day(system)
        _settle(system)
        yield system


@contextmanager
def _broken() -> Iterator[System]:
    """A vendor's quota is used up, a queue has stopped, a release brought errors, a route is slow."""
    with scenes.Vendors() as vendors, _system(vendors.build_environ()) as system:
        _make_good_day(system)
        _settle(system)
        vendors.statuses["openai"] = 402
        scenes.stop_transcriptions(system.database_url)
        for number, error in enumerate(scenes.BROKEN_ERRORS):
            _send(system, "errors", [error] * (9 + 14 * number))
        _send(system, "requests", scenes.write_slow_requests())
        _settle(system)
        yield system


STATES = {"healthy": _healthy, "broken": _broken, "unknown": _unknown, "empty": _empty}


def _make_good_day(system: System) -> None:
    scenes.make_tables(system.database_url)
    scenes.load_day(system.database_url)
    # Seen before today: not new.
    occurred_at = (datetime.now(UTC) - timedelta(hours=5)).isoformat()
    for number, error in enumerate(scenes.ERRORS):
        _send(system, "errors", [{**error, "occurred_at": occurred_at}] * (3 + 2 * number))
    _settle(system)
    for group in system.get("/api/errors")["items"]:
        system.call("POST", f"/api/errors/{group['id']}/reopen", body={"reason": "known, a fix is on its way"})


def _send(system: System, what: str, items: list[dict[str, Any]]) -> None:
    status, body, _headers = system.call("POST", f"/api/{what}", system.ingest_key, items)
    assert status == 202, (status, body)


def _settle(system: System) -> None:
    """Wait until a cycle that starts after this call has ended."""
    since = system.get("/api/health")["timestamp"]
    system.wait_until(lambda: (system.get("/api/health")["monitor"]["last_cycle_at"] or "") > since, 30, "a cycle")
    time.sleep(_SETTLE_S)


@contextmanager
def _system(environ: dict[str, str]) -> Iterator[System]:
    with running_system(cycle_s=2, environ={"COMMIT_SHA": "3f9c2ab", **environ}) as system:
        yield system


if __name__ == "__main__":
    sys.exit(main())
