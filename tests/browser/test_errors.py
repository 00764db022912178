"""Error groups on the page: what is new, what is chosen and done at once, a file, and an occurrence that stays."""

import re
import uuid

from playwright.sync_api import Browser, expect

from local.system import System
from tests.browser.presses import pressing
from tests.browser.test_alerts import find_group, post
from tools.browser_session import Reader, reader

# Two lines of text and the padding of the cells.
HEIGHTS = "rows => rows.map((row) => row.getBoundingClientRect().height < 72)"


def test_groups_of_the_last_ten_minutes_are_one_click_away(viewer: Reader, system: System) -> None:
    post(system, "began a moment ago", "low")
    find_group(system, "began a moment ago")
    page = viewer.open(refresh_s=60)
    with pressing(page, 1):
        page.get_by_role("link", name="New in 10 min").click()
        expect(page.locator("tr.group", has_text="began a moment ago")).to_be_visible()
    expect(page.get_by_role("button", name="new in 10 min")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("newest first").filter(visible=True)).to_be_visible()


def test_a_header_sorts_and_the_address_keeps_it(viewer: Reader, system: System) -> None:
    for message, count in (("seldom so far", 1), ("often so far", 4)):
        for _ in range(count):
            post(system, message, "low")
        find_group(system, message)
    page = viewer.open("errors?q=far", refresh_s=60)
    page.get_by_role("button", name="Total").click()
    page.wait_for_url("**sort=count**")
    expect(page.get_by_text("most occurrences first").filter(visible=True)).to_be_visible()
    expect(page.locator("tr.group a").first).to_have_text("often so far")
    page.get_by_role("button", name="First seen").click()
    expect(page.get_by_text("newest first").filter(visible=True)).to_be_visible()
    page.get_by_role("button", name="Severity").click()
    expect(page.get_by_text("most severe first, of those loaded").filter(visible=True)).to_be_visible()


def test_level_and_release_sort_and_no_row_wraps(chromium: Browser, system: System) -> None:
    name = uuid.uuid4().hex[:6]
    for level, release in (("warning", "2.1"), ("fatal", "2.3"), ("info", "2.2")):
        send_event(system, f"leveled {name}z {level}", level, release)
        find_group(system, f"leveled {name}z {level}")
    with reader(chromium, system, system.viewer_token) as somebody:
        page = somebody.open(f"errors?q={name}z", refresh_s=60)
        rows = page.locator("tr.group")
        first = rows.first
        page.get_by_role("button", name="Level").click()
        page.wait_for_url("**sort=level**")
        expect(first).to_contain_text("fatal")
        expect(rows.last).to_contain_text("info")
        page.get_by_role("button", name="Release", exact=True).click()
        page.wait_for_url("**sort=release**")
        expect(rows.nth(1)).to_contain_text("2.2")
        for width in (1280, 800, 641):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.locator("tr.group").evaluate_all(HEIGHTS) == [True, True, True], width
            for header in ("Severity", "Level", "24 h", "Users", "Total", "First seen", "Last seen", "Release", "Owner"):
                expect(page.get_by_role("button", name=header, exact=True)).to_be_in_viewport()
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_label("Order").select_option("highest level first")
        page.wait_for_url("**sort=level**")
        expect(first).to_contain_text("fatal")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def send_event(system: System, message: str, level: str, release: str) -> None:
    """Send an event as a client of Sentry does: only those have a level."""
    event = {"message": message, "level": level, "release": release, "fingerprint": [message]}
    auth = {"x-sentry-auth": f"Sentry sentry_key={system.ingest_key}"}
    assert system.call("POST", "/api/1/store/", None, event, auth)[0] == 200


def test_chosen_groups_are_resolved_at_once(admin: Reader, system: System) -> None:
    name = uuid.uuid4().hex[:6]
    for number in ("first", "second"):
        post(system, f"bulk {name}z {number}", "low")
        find_group(system, f"bulk {name}z {number}")
    page = admin.open(f"errors?q={name}z", refresh_s=60)
    expect(page.locator("tr.group")).to_have_count(2)
    page.get_by_role("checkbox", name="all").check()
    expect(page.get_by_text("2 chosen")).to_be_visible()
    page.get_by_role("button", name="Resolve").click()
    page.get_by_label("Reason").fill("both are mended")
    page.get_by_role("dialog").get_by_role("button", name="Resolve").click()
    expect(page.locator("tr.group .badge.resolved")).to_have_count(2)
    page.get_by_role("button", name="Assign").click()
    page.get_by_role("dialog").get_by_label("To").fill("ann")
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(page.locator("tr.group", has_text="ann")).to_have_count(2)


def test_a_file_of_what_is_shown_is_one_click(viewer: Reader, system: System) -> None:
    post(system, "=cmd in a file", "low", release="2.0.1")
    find_group(system, "=cmd in a file")
    page = viewer.open("errors?q=cmd", refresh_s=60)
    with pressing(page, 1), page.expect_download() as saved:
        page.get_by_role("button", name="CSV of these").click()
    lines = saved.value.path().read_text().splitlines()
    assert lines[0].startswith("id,title,type,state,severity")
    assert '"\'=cmd in a file"' in lines[1]
    assert '"2.0.1"' in lines[1]


def test_the_introducing_release_is_one_click(viewer: Reader, system: System) -> None:
    post(system, "made by a release", "low", release="3.1.4")
    find_group(system, "made by a release")
    page = viewer.open("errors?q=made", refresh_s=60)
    with pressing(page, 1):
        page.get_by_role("link", name="made by a release").click()
        about = page.get_by_role("region", name="Error group")
        expect(about.locator("div", has_text=re.compile(r"^introduced in release"))).to_contain_text("3.1.4")


def test_the_occurrence_that_is_read_stays_and_has_an_address(viewer: Reader, system: System) -> None:
    post(system, "read me calmly", "low", context={"number": "one"})
    group = find_group(system, "read me calmly")
    page = viewer.open(f"errors/{group}", refresh_s=0.5)
    context = page.get_by_role("region", name="Context")
    expect(context).to_contain_text('"one"')
    post(system, "read me calmly", "low", context={"number": "two"})
    system.run_cycle()
    newer = page.get_by_role("button", name="Newer")
    expect(newer).to_be_enabled()
    expect(context).to_contain_text('"one"')
    newer.click()
    expect(context).to_contain_text('"two"')
    page.wait_for_url("**event=**")
    address = page.url
    page.get_by_role("button", name="Older").click()
    expect(context).to_contain_text('"one"')
    page.goto(address)
    expect(context).to_contain_text('"two"')


def test_a_group_is_assigned_and_commented(admin: Reader, system: System) -> None:
    post(system, "whose is it", "low")
    page = admin.open(f"errors/{find_group(system, 'whose is it')}")
    page.get_by_role("button", name="Assign").click()
    page.get_by_role("dialog").get_by_label("To").fill("bob")
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(page.get_by_role("region", name="Error group")).to_contain_text("bob")
    page.get_by_role("button", name="Comment").click()
    page.get_by_role("dialog").get_by_label("Comment", exact=True).fill("seen before the release")
    page.get_by_role("dialog").get_by_role("button", name="Comment").click()
    expect(page.get_by_role("region", name="History")).to_contain_text("seen before the release")


def test_a_call_is_one_click_and_its_id_away(viewer: Reader) -> None:
    page = viewer.open(refresh_s=60)
    with pressing(page, 1):
        page.get_by_role("link", name="Calls", exact=True).click()
        expect(page.get_by_label("The call's id")).to_be_focused()
        page.keyboard.type("call-17")
        page.keyboard.press("Enter")
        page.wait_for_url("**#/calls/call-17")


def test_groups_are_merged_and_deleted_in_a_few_clicks(admin: Reader, system: System) -> None:
    name = uuid.uuid4().hex[:6]
    kept, other = (f"joined {name}z {number}" for number in ("first", "second"))
    for message in (kept, other):
        post(system, message, "low")
        find_group(system, message)
    page = admin.open(f"errors?q={name}z", refresh_s=60)
    expect(page.locator("tr.group")).to_have_count(2)
    form = page.get_by_role("dialog")

    def choose(message: str, action: str) -> None:
        page.locator("tr.group", has_text=message).get_by_role("checkbox").check()
        page.get_by_role("button", name=action).click()
        form.get_by_label("Reason").fill("one cause")

    choose(other, "Merge")
    form.get_by_label("Into the group with this id").fill("999999999")
    form.get_by_role("button", name="Merge").click()
    expect(form.get_by_role("alert")).to_contain_text("failed")
    form.get_by_label("Into the group with this id").fill(find_group(system, kept))
    form.get_by_role("button", name="Merge").click()
    expect(page.locator("tr.group")).to_have_count(1)
    expect(page.locator("tr.group").get_by_role("cell", name="none 2", exact=True)).to_be_visible()
    choose(kept, "Delete")
    form.get_by_role("button", name="Delete").click()
    expect(page.locator("tr.group")).to_have_count(0)
