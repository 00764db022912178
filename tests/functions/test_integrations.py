"""The snippets of docs/integrations.md, taken out of the document and run with the real clients against the running system."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.system import System
from tests.functions.test_sentry import letters
from tests.functions.test_source_maps import NODE, find_sentry_cli, read_upload_token

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "integrations.md"
SECTION = DOCUMENT.read_text().partition("### A snippet for each client\n")[2].partition("\n### ")[0]
# Language and text of each snippet, by the line before it.
SNIPPETS = {
    title.partition(" ")[0].rstrip(":,"): (language, text)
    for title, language, text in re.findall(r"^([^\n]+):\n\n```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
}


@pytest.fixture
def mark(system: System) -> str:
    """Return an environment of which nothing else knows."""
    return letters()


def run(system: System, name: str, mark: str, folder: Path, path: str = "") -> str:
    """Run a snippet under an environment of its own; return what it printed."""
    language, text = SNIPPETS[name]
    text = text.replace("production", mark)
    program, ending = {"python": (sys.executable, "py"), "js": ("node", "mjs"), "sh": ("sh", "sh")}[language]
    file = folder / f"snippet.{ending}"
    file.write_text(f"set -eu\n{text}" if language == "sh" else text)
    given = {"SENTRY_DSN": system.dsn, "KEY": system.ingest_key, "URL": system.url, "UPLOAD_TOKEN": read_upload_token(system)}
    environ = {**os.environ, **given, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([program, str(file)], cwd=folder, env=environ, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def find_errors(system: System, mark: str, count: int = 1) -> list[tuple[str, str, str]]:
    def find() -> list[tuple[str, str, str]] | None:
        items = system.get(f"/api/errors?environment={mark}")["items"]
        found = [(item["type"], item["message"], item["release"]) for item in items]
        return found if len(found) == count else None

    errors: list[tuple[str, str, str]] = system.wait_until(find, what=f"{count} errors of the snippet")
    return errors


def test_every_snippet_is_tried() -> None:
    assert list(SNIPPETS) == ["Python", "Node.js", "Any", "A", "sentry-cli", "An"]
    assert len(SNIPPETS) == SECTION.count("\n```\n")


def test_python(system: System, mark: str, tmp_path: Path) -> None:
    run(system, "Python", mark, tmp_path)
    assert find_errors(system, mark) == [("ValueError", "the file has no header", "shop@2.4.0")]
    crons = system.wait_until(lambda: list_crons(system, mark), what="the check-in")
    assert crons == [("nightly-import", "failed")]


def test_node(system: System, mark: str, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    run(system, "Node.js", mark, tmp_path)
    ((kind, message, release),) = find_errors(system, mark)
    assert (kind, release) == ("TypeError", "shop@2.4.0")
    assert "pay" in message


def test_http(system: System, mark: str, tmp_path: Path) -> None:
    run(system, "Any", mark, tmp_path)
    assert find_errors(system, mark) == [("PaymentRefused", "the card was refused", "shop@2.4.0")]

    def find() -> list[int]:
        routes = system.get("/api/metrics/system")["api"]["by_route"] or []
        return [route["errors"] for route in routes if route["route"] == "/pay/{id}"]

    assert system.wait_until(find, what="the request") == [1]


def test_job_in_a_shell(system: System, mark: str, tmp_path: Path) -> None:
    run(system, "A", mark, tmp_path)
    system.wait_until(lambda: ("nightly-export", "ok") in list_crons(system, "production"), what="the ping")


def test_sentry_cli(system: System, mark: str, tmp_path: Path) -> None:
    cli = find_sentry_cli()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "main.js").write_text("function f(){throw 1}f();\n//# sourceMappingURL=main.js.map\n")
    (tmp_path / "dist" / "main.js.map").write_text(
        json.dumps({"version": 3, "sources": ["main.ts"], "names": [], "mappings": "AAAA", "sourcesContent": ["f()"]})
    )
    printed = run(system, "sentry-cli", mark, tmp_path, str(cli.parent))
    assert "Uploaded files" in printed
    deploys = system.get("/api/0/organizations/any/releases/shop@2.4.0/deploys/", read_upload_token(system))
    assert mark in [deploy["environment"] for deploy in deploys]


def test_alertmanager(system: System, mark: str, tmp_path: Path) -> None:
    run(system, "An", mark, tmp_path)
    system.wait_until(lambda: "DiskFull" in json.dumps(system.get("/api/alerts")["items"]), what="the alert of Alertmanager")


def list_crons(system: System, environment: str) -> list[tuple[str, str]]:
    return [(cron["slug"], cron["state"]) for cron in system.get(f"/api/crons?environment={environment}")["items"]]
