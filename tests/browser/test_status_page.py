"""The public status page, from the dashboard: a person publishes an incident, and subscribers are managed."""

import base64
import json
import re
from collections.abc import Iterator
from email import message_from_string
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from callwatch.alerts.notifications.channels.webhook import sign_body
from local.system import System, running_system
from simulator.fake_vendor import Vendor, respond
from tests.browser.test_alerts import post
from tests.browser.test_looks import serious
from tools.browser_session import reader


@pytest.fixture(scope="module")
def receiver() -> Iterator[Vendor]:
    """Yield a receiver of webhooks."""
    with Vendor(respond(200, {})) as found:
        yield found


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    """Yield a system whose status page is on."""
    given = {"STATUS_PAGE_FILE": "docs/status-page.example.json", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with running_system(cycle_s=None, environ=given) as found:
        yield found


def find_incident(system: System) -> str:
    post(system, "the disk of the queue is full", "critical")
    found = system.wait_until(lambda: system.get("/api/incidents?state=open")["items"], what="an incident")
    return str(found[0]["id"])


def press(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def read_published(system: System) -> list[dict[str, Any]]:
    status, body = system.call("GET", "/api/v2/incidents.json", None)[:2]
    assert status == 200
    return list(body["incidents"])


def test_an_incident_is_published_and_its_end_too(chromium: Browser, system: System, receiver: Vendor) -> None:
    with reader(chromium, system, system.admin_token) as admin:
        page = admin.open("subscribers")
        expect(page.get_by_text("Nobody is notified.")).to_be_visible()
        page.get_by_role("button", name="Add a subscriber").click()
        page.get_by_label("Address of the webhook").fill(f"{receiver.url}/status")
        page.get_by_role("checkbox", name="Transcripts").check()
        press(page, "Add")
        secret = page.locator("code").inner_text()
        row = page.get_by_role("listitem").filter(has_text=receiver.url)
        expect(row).to_contain_text("Transcripts; added by admin")
        assert serious(page) == []
        page.get_by_role("button", name="I have it").click()
        expect(page.get_by_text(secret)).to_have_count(0)

        page.goto(page.url.replace("#/subscribers", f"#/incidents/{find_incident(system)}"))
        panel = page.get_by_role("region", name="Public status page")
        expect(panel).to_contain_text("Nothing is published")
        panel.get_by_role("button", name="Publish").click()
        assert page.get_by_label("What you tell your customers").input_value()
        assert serious(page) == []
        page.get_by_role("textbox", name="Title").fill("Transcripts are late")
        page.get_by_label("What you tell your customers").fill("No call is lost.")
        page.get_by_label("Impact").select_option("minor")
        page.get_by_role("checkbox", name="Transcripts").check()
        press(page, "Publish")
        expect(panel).to_contain_text("Transcripts are late")
        expect(panel).to_contain_text("No call is lost.")
        [shown] = system.wait_until(lambda: read_published(system), what="the published incident")
        assert (shown["name"], shown["status"], shown["impact"]) == ("Transcripts are late", "investigating", "minor")

        panel.get_by_role("button", name="Publish an update").click()
        assert page.get_by_role("textbox", name="Title").input_value() == "Transcripts are late"
        expect(page.get_by_role("checkbox", name="Transcripts")).to_be_checked()
        page.get_by_role("combobox", name="Status").select_option("resolved")
        page.get_by_label("What you tell your customers").fill("All transcripts are there.")
        press(page, "Publish")
        expect(panel.get_by_role("listitem")).to_have_count(2)
        system.wait_until(lambda: read_published(system)[0]["resolved_at"], what="the end")

        system.wait_until(lambda: len(receiver.requests) >= 2, what="both messages")
        for request, state in zip(receiver.requests, ("investigating", "resolved"), strict=True):
            verify(request, secret)
            assert json.loads(request.partition("\r\n\r\n")[2])["incident"]["status"] == state

        page.goto(page.url.split("#")[0] + "#/subscribers")
        expect(row).to_contain_text(re.compile("Last delivery .* ago"))
        row.get_by_role("button", name="Remove").click()
        press(page, "Remove")
        expect(page.get_by_text("Nobody is notified.")).to_be_visible()


def verify(request: str, secret: str) -> None:
    """Check the signature of a message as its receiver does, with the secret that the page showed."""
    head, _, body = request.partition("\r\n\r\n")
    headers = message_from_string(head.partition("\r\n")[2])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert headers["webhook-signature"] == sign_body([key], headers["webhook-id"], headers["webhook-timestamp"], body.encode())


def test_a_viewer_publishes_nothing_and_sees_no_address(chromium: Browser, system: System) -> None:
    with reader(chromium, system, system.viewer_token) as viewer:
        page = viewer.open(f"incidents/{find_incident(system)}")
        panel = page.get_by_role("region", name="Public status page")
        expect(panel).to_be_visible()
        expect(panel.get_by_role("button")).to_have_count(0)
        panel.get_by_role("link", name="Subscribers").click()
        expect(page.get_by_text("Only an admin sees the subscribers")).to_be_visible()
        expect(page.get_by_role("button", name="Add a subscriber")).to_have_count(0)
