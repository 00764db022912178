"""The weekly report on the page: printed in two clicks, saved as CSV in one more."""

import csv
from pathlib import Path

from playwright.sync_api import expect

from local.system import System
from tests.browser.presses import pressing
from tools.browser_session import Reader


def test_the_weekly_report_is_printed_in_two_clicks(viewer: Reader) -> None:
    page = viewer.open(refresh_s=60)
    page.evaluate("window.print = () => { window.wasPrinted = true; }")
    with pressing(page, 2):
        page.get_by_role("link", name="Reports", exact=True).click()
        page.get_by_role("button", name="Print").click()
        assert page.evaluate("window.wasPrinted") is True
    expect(page.get_by_role("combobox", name="Week")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("table", name="Targets")).to_be_visible()
    for hidden in (
        page.get_by_role("navigation"),
        page.get_by_role("button", name="Print"),
        page.get_by_role("combobox", name="Week"),
    ):
        expect(hidden).to_be_hidden()


def test_the_report_of_a_chosen_week_is_saved_as_csv(viewer: Reader, system: System) -> None:
    page = viewer.open("reports", refresh_s=60)
    weeks = page.get_by_role("combobox", name="Week")
    week = weeks.locator("option").nth(3).text_content() or ""
    weeks.select_option(week)
    expect(page.get_by_role("region", name=f"Week {week}")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == f"callwatch-{week}.csv"
    rows = list(csv.DictReader(Path(saved.value.path()).read_text().splitlines()))
    assert {row["week"] for row in rows} == {week}
    shown = page.get_by_role("table", name="Targets").get_by_role("row")
    expect(shown).to_have_count(len(system.get(f"/api/reports/weekly?week={week}")["targets"]) + 1)


def test_a_week_that_is_none_says_so(viewer: Reader) -> None:
    page = viewer.open("reports?week=2026-W99", refresh_s=60)
    expect(page.get_by_role("main")).to_contain_text("must be an ISO week")
    expect(page.get_by_role("button", name="Print")).to_be_disabled()
