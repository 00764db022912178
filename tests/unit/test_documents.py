"""Links and commands in documents are valid, in the repository and on the dashboard."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.test_layers import LAYERS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))
_LISTED = re.search(r"const OTHER_PAGES = \[(.*?)\];", (ROOT / "dashboard" / "scripts" / "documents.mjs").read_text(), re.DOTALL)
OTHER_PAGES = [DOCS / f"{name}.md" for name in re.findall(r'"([\w-]+)"', _LISTED.group(1) if _LISTED else "")]


def links(page: Path) -> list[str]:
    """Return the targets of a page's links, except external ones."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("http")]


def test_every_link_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    found = [(page, link) for page in pages for link in links(page)]
    assert len(found) > 100
    lost = [(page, link) for page, link in found if not (page.parent / link.partition("#")[0]).exists()]
    assert [f"{page.relative_to(ROOT)}: {link}" for page, link in lost] == []


def test_dashboard_has_every_page_it_links_to() -> None:
    on_dashboard = {*RUNBOOKS, *OTHER_PAGES}
    assert len(OTHER_PAGES) > 1
    for page in on_dashboard:
        targets = {(page.parent / link).resolve() for link in links(page) if link.endswith(".md") and "decisions/" not in link}
        assert targets <= on_dashboard, page


def test_runbook_commands_use_names_of_troubleshooting() -> None:
    given = re.findall(r"```sh\n(.*?)```", (DOCS / "troubleshooting.md").read_text(), flags=re.DOTALL)[0]
    known = {"psql", "curl", "tail", "aws", *re.findall(r"^(\w+)\(\)", given, flags=re.MULTILINE)}
    variables = {*re.findall(r"^(\w+)=", given, flags=re.MULTILINE), "ERROR_QUEUE_URL"}
    for page in RUNBOOKS:
        for command in re.findall(r"`((?:get|product|psql|curl|tail|aws) [^`]*)`", page.read_text()):
            assert command.split()[0] in known, (page.name, command)
            assert set(re.findall(r"\$\{?([A-Z_]+)", command)) <= variables, (page.name, command)
            assert "\\\\" not in command, (page.name, command)


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md"])
def test_paths_of_the_map_exist(name: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.DOTALL)
    roots = "shared|functions|dashboard|local|simulator|deploy|tools|events|tests|bench|layers|docs"
    found = set(re.findall(rf"`((?:{roots})/[\w./]*)`", text))
    assert len(found) > 10
    assert sorted(path for path in found if not (ROOT / path).exists()) == []


def test_layers_of_architecture_are_those_of_the_test() -> None:
    section = (DOCS / "architecture.md").read_text().partition("## Layers of shared/callwatch")[2].partition("\n## ")[0]
    layers: list[set[str]] = []
    for number, parts in re.findall(r"^\| (\d*) ?\| ([^|]*) \|", section, re.MULTILINE):
        if number:
            layers.append(set())
        layers[-1].update(re.findall(r"`(\w+)`", parts))
    assert list(reversed(layers)) == [set(parts) for parts in LAYERS]


def test_source_files_named_by_a_page_exist() -> None:
    """A page may leave out the first folders of a path."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True)
    known = [f"/{name}" for name in listed.stdout.splitlines()]
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
    source = r"`([\w/-]+/[\w.-]+\.(?:py|tsx?|mjs))`"
    named = sorted({(name, page) for page in pages for name in re.findall(source, page.read_text())})
    assert len(named) > 100
    lost = [(name, page) for name, page in named if not any(path.endswith(f"/{name}") for path in known)]
    assert [f"{page.relative_to(ROOT)}: {name}" for name, page in lost] == []


COMMANDS = [
    (page, command)
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    for command in re.findall(r"sam deploy(?: [^`\n\\]*)?", page.read_text())
    if "Stage=" in command
]


@pytest.mark.parametrize(
    ("page", "command"), COMMANDS, ids=[f"{page.name}-{number}" for number, (page, _) in enumerate(COMMANDS)]
)
def test_deployment_names_the_stack_of_its_stage(page: Path, command: str) -> None:
    """Without it, the stack of samconfig's default section would be given another stage."""
    (stage,) = re.findall(r"Stage=(\S+)", command)
    assert f"--stack-name callwatch-{stage} " in command or f"--config-env {stage} " in command, page


def test_scaling_names_the_throttles_of_the_template() -> None:
    (routes,) = re.findall(r"^      DefaultRouteSettings:.*?\n\n", (ROOT / "template.yaml").read_text(), re.DOTALL | re.MULTILINE)
    rates = [f"{int(rate):,}" for rate in dict.fromkeys(re.findall(r"ThrottlingRateLimit: (\d+)", routes))]
    bursts = [f"{int(burst):,}" for burst in dict.fromkeys(re.findall(r"ThrottlingBurstLimit: (\d+)", routes))]
    (row,) = re.findall(r"^\| API Gateway \|.*", (DOCS / "scaling.md").read_text(), re.MULTILINE)
    assert re.findall(r"([\d,]+) a second \(burst ([\d,]+)\)", row) == list(zip(rates, bursts, strict=True))
