"""What documents lead to is there: pages, names in commands, and both on the dashboard as well."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))
_BESIDE = re.search(r"const BESIDE = \[(.*?)\];", (ROOT / "dashboard" / "scripts" / "build.mjs").read_text())
BESIDE = [DOCS / f"{name}.md" for name in re.findall(r'"([\w-]+)"', _BESIDE.group(1) if _BESIDE else "")]


def links(page: Path) -> list[str]:
    """Where a page's links lead, those to the outside left out."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("http")]


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link.partition("#")[0]).exists()] == []


def test_what_the_dashboards_pages_link_to_is_on_the_dashboard() -> None:
    on_it = {*RUNBOOKS, *BESIDE}
    assert len(BESIDE) > 1
    for page in on_it:
        targets = {(page.parent / link).resolve() for link in links(page) if link.endswith(".md") and "decisions/" not in link}
        assert targets <= on_it, page


def test_names_in_the_commands_of_runbooks_are_those_of_troubleshooting() -> None:
    given = re.findall(r"```sh\n(.*?)```", (DOCS / "troubleshooting.md").read_text(), flags=re.DOTALL)[0]
    known = {"psql", "curl", "tail", "aws", *re.findall(r"^(\w+)\(\)", given, flags=re.MULTILINE)}
    variables = {*re.findall(r"^(\w+)=", given, flags=re.MULTILINE), "ERROR_QUEUE_URL"}
    for page in RUNBOOKS:
        for command in re.findall(r"`((?:get|product|psql|curl|tail|aws) [^`]*)`", page.read_text()):
            assert command.split()[0] in known, (page.name, command)
            assert set(re.findall(r"\$\{?([A-Z_]+)", command)) <= variables, (page.name, command)
            assert "\\\\" not in command, (page.name, command)
