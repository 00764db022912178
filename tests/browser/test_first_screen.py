"""What a reader sees without scrolling: what is wrong, and the pipeline."""

import pytest
from playwright.sync_api import expect

from local.system import System
from simulator.scenes import make_tables
from tests.browser.test_alerts import post
from tools.browser_session import Reader

# As wide as the sentences of the built-in rules get with their figures.
SENTENCE = "Queries fail with SQLSTATE 42883 (errors with a SQLSTATE of broken queries in the last hour: 23) since 30 Nov 23:55"
LEVELS = ("critical", "error", "warning", "info")


@pytest.mark.parametrize("levels", [LEVELS, ("critical",)], ids=["of_every_level", "all_critical"])
def test_pipeline_is_in_the_first_900_px_of_many_incidents(admin: Reader, system: System, levels: tuple[str, ...]) -> None:
    make_tables(system.database_url)
    post(system, "one of very many", "critical")
    incident = system.wait_until(lambda: system.get("/api/incidents?state=open&level=error")["items"], what="an incident")[0]
    about = {**incident, "sentence": SENTENCE, "alerts": [*incident["alerts"], {**incident["alerts"][0], "id": "9"}]}
    chips = {"owner": "ann", "silenced_until": "2099-01-01T00:00:00Z", "silenced_by": "bob"}
    incidents = [
        {**about, "id": str(n), "level": levels[n % len(levels)], **(chips if n > 17 or len(levels) == 1 else {})}
        for n in range(20)
    ]
    many = {**system.get("/api/overview"), "incidents": incidents, "open_incidents": 50}
    admin.page.route("**/api/overview", lambda route: route.fulfill(json=many))
    admin.page.set_viewport_size({"width": 1440, "height": 900})
    page = admin.open(refresh_s=60)
    expect(page.get_by_role("link", name="All 50 open incidents")).to_be_visible()
    tops = page.eval_on_selector_all(
        "main .panel, .alert", "all => all.map(each => [each.className, each.offsetTop, each.offsetHeight])"
    )
    box = page.locator(".funnel").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900, tops
    wrong = page.get_by_role("region", name="What is wrong now")
    lines = wrong.locator(".brief")
    expect(lines).to_have_count(3)
    for line in lines.all():
        assert line.locator(".alert-text").evaluate("text => text.scrollWidth <= text.clientWidth"), "covers no button"
        assert (line.bounding_box() or {"height": 99})["height"] <= 48
        # Somebody is on the others.
        expect(line.get_by_role("button", name="Take it")).to_have_count(1 if len(levels) > 1 else 0)
        expect(line.get_by_role("button", name="Silence")).to_be_visible()
    assert wrong.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
