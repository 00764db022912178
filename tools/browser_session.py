"""Opens the page in a real browser: for tests of the page, and for its benchmarks."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page

from local.system import System

# The page reports violations of its content security policy; they are kept until the test ends.
_LISTEN = (
    "document.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
)
# Replays the API's own responses at once: what is measured is the page, not the API.
REPLAY = """
    const answers = new Map();
    const ask = window.fetch;
    window.fetch = async (path, options) => {
        if (!answers.has(path)) answers.set(path, await (await ask(path, options)).text());
        return new Response(answers.get(path));
    };
"""
REFRESH = """async (times) => {
    const button = document.querySelector('button[aria-label=Refresh]');
    for (let round = 0; round < times; round += 1) {
        button.click();
        await new Promise((done) => setTimeout(done, 20));
    }
}"""


@dataclass
class Reader:
    """A visitor of the page: opens views, and fails the test if the page breaks or violates its policy."""

    context: BrowserContext
    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def open(self, view: str = "", refresh_s: float = 1) -> Page:
        """Open a view by its hash, already signed in."""
        self.page.goto(f"{self.url}/admin/operations?refresh={refresh_s}#/{view}")
        self.page.wait_for_selector("main .panel")
        return self.page


@contextlib.contextmanager
def reader(chromium: Browser, system: System, token: str | None, **options: object) -> Iterator[Reader]:
    """Yield a new tab, signed in with `token` (None: signed out)."""
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    context.add_init_script(_LISTEN)
    if token:
        context.add_init_script(f"sessionStorage.getItem('was-here') || sessionStorage.setItem('callwatch-token', '{token}')")
        context.add_init_script("sessionStorage.setItem('was-here', '1')")
    found = Reader(context, context.new_page(), system.url)
    found.page.on("pageerror", lambda error: found.problems.append(str(error)))
    found.page.on("console", lambda message: found.problems.append(message.text) if "CSP" in message.text else None)
    yield found
    context.close()
    assert found.problems == []


def measure_heap_and_nodes(session: CDPSession) -> tuple[float, float]:
    """Return bytes of the JavaScript heap and the number of nodes after garbage collection."""
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.collectGarbage")
    found = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return found["JSHeapUsedSize"], found["Nodes"]
