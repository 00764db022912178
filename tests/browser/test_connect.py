"""The first start: a DSN with snippets, a test error, and boxes that tick themselves."""

import re

from playwright.sync_api import Browser, expect

from local.system import running_system
from tools.browser_session import reader


def test_a_new_system_is_connected_from_its_page(chromium: Browser) -> None:
    with running_system(cycle_s=1) as fresh, reader(chromium, fresh, fresh.admin_token) as found:
        page = found.open(refresh_s=1)
        page.get_by_role("link", name="Connect a client").click()
        accepted = page.get_by_role("checkbox", name="A client's event was accepted")
        shown = page.get_by_role("checkbox", name="An error is shown")
        expect(accepted).not_to_be_checked()
        send = page.get_by_role("button", name="Send a test error")
        expect(send).to_be_disabled()
        page.get_by_label("Ingest key").fill("wrong")
        send.click()
        expect(page.get_by_text("Refused with status 401")).to_be_visible()
        page.get_by_label("Ingest key").fill(fresh.ingest_key)
        dsn = f"{fresh.url.split('//')[0]}//{fresh.ingest_key}@{fresh.url.split('//')[1]}/1"
        expect(page.get_by_role("region", name="DSN")).to_contain_text(dsn)
        for language in ("Python", "Node.js", "Browser", "Go", "Ruby", "PHP"):
            page.get_by_label("SDK").select_option(language)
            expect(page.get_by_role("region", name=f"Snippet for {language}")).to_contain_text(dsn)
        send.click()
        expect(page.get_by_text(re.compile("^Accepted"))).to_be_visible()
        for box in (accepted, shown):
            expect(box).to_be_checked(timeout=60_000)
