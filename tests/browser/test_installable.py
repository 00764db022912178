"""The page as an app: its manifest under the strict policy, and notifications that are off until a click."""

import io

from PIL import Image
from playwright.sync_api import Browser, expect

from local.system import System
from tools.browser_session import Reader, reader

COUNT = """
    window.asked = 0;
    window.shown = [];
    window.Notification = class { constructor(title, options) { window.shown.push(`${title} ${options.body}`); } };
    Object.defineProperty(window.Notification, 'permission', { get: () => window.asked ? 'granted' : 'default' });
    window.Notification.requestPermission = async () => { window.asked += 1; return 'granted'; };
"""


def test_the_manifest_is_read_and_its_icons_are_there(viewer: Reader) -> None:
    page = viewer.open(refresh_s=60)
    found = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert found["errors"] == []
    assert found["url"].endswith("/admin/assets/callwatch.webmanifest")
    manifest = page.request.get(found["url"])
    assert manifest.headers["content-type"] == "application/manifest+json"
    for icon in manifest.json()["icons"]:
        image = Image.open(io.BytesIO(page.request.get(f"{viewer.url}{icon['src']}").body()))
        assert "x".join(map(str, image.size)) == icon["sizes"]


def test_notifications_are_asked_for_only_by_a_click(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.viewer_token) as somebody:
        somebody.context.add_init_script(COUNT)
        page = somebody.open(refresh_s=60)
        page.goto(f"{somebody.url}/admin/operations?refresh=60#/channels")
        button = page.get_by_role("button", name="Switch on")
        expect(button).to_be_visible()
        assert page.evaluate("window.asked") == 0
        button.click()
        expect(page.get_by_role("button", name="Switch off")).to_be_visible()
        assert page.evaluate("[window.asked, window.shown.length]") == [1, 1]
