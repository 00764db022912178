"""The page while the monitor's own database is down: it says so, and keeps showing the last known data."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from local.postgres import server as postgres
from local.system import running_system
from tests.conftest import FAST
from tools.browser_session import reader


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="callwatch-page-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_page_reports_a_dead_database_and_recovers(chromium: Browser, folder: Path) -> None:
    own = postgres.start(folder / "own", FAST)
    try:
        with (
            running_system(1, folder / "system", {"DATABASE_URL": own.dsn}) as system,
            reader(chromium, system, system.viewer_token) as somebody,
        ):
            page = somebody.open(refresh_s=1)
            page.wait_for_selector("figure")
            page.wait_for_selector(".day-bars")
            own.stop()
            expect(page.get_by_role("region", name="Overall state")).to_contain_text("outage")
            expect(page.locator(".alert[data-rule=database_health]")).to_contain_text("does not respond")
            expect(page.locator(".service", has_text="Database")).to_contain_text("unhealthy")
            expect(page.get_by_role("alert")).to_contain_text("Stale since")
            expect(page.get_by_role("region", name="Queues")).to_contain_text("unknown")
            assert page.locator(".day-bars").count() >= 1
            own = postgres.start(folder / "own", FAST)
            expect(page.get_by_text("Stale since")).to_have_count(0)
            expect(page.locator(".service", has_text="Database").locator(".badge.healthy")).to_be_visible()
    finally:
        own.stop()
