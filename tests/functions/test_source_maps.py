"""The whole way of a source map with real programs: esbuild, sentry-cli, the Node.js SDK, and the running system."""

import json
import os
import subprocess
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from local.system import System
from tests.functions.test_sentry import group_with, letters

NODE = Path(__file__).resolve().parents[1] / "node"
ESBUILD = NODE / "node_modules" / ".bin" / "esbuild"
PAY = """export class Checkout {
  constructor(private readonly order: { items: { price: number }[] | null }) {}

  total(): number {
    let sum = 0;
    for (const item of this.order.items!) sum += item.price;
    return sum;
  }
}
"""
MAIN = """import * as Sentry from "@sentry/node";
import { Checkout } from "./pay";

Sentry.init({ dsn: process.env.DSN, release: process.env.RELEASE });
try {
  new Checkout({ items: null }).total();
} catch (error) {
  Sentry.captureException(new Error(`checkout ${process.env.MARKER}`, { cause: error }));
}
await Sentry.flush(10_000);
"""


def find_sentry_cli() -> Path:
    found = sorted((NODE / "node_modules" / "@sentry").glob("cli-*/bin/sentry-cli"))
    if not found or not ESBUILD.exists():
        why = "sentry-cli and esbuild are not installed (npm ci in tests/node): no real upload of source maps is tried"
        warnings.warn(why, stacklevel=2)
        pytest.skip(why)
    return found[0]


def run(command: Sequence[object], cwd: Path, **environ: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Write a small program in TypeScript whose packages are those of the tests."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pay.ts").write_text(PAY)
    (tmp_path / "src" / "main.ts").write_text(MAIN)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    return tmp_path


def build(project: Path, cli: Path) -> None:
    options = ("--bundle", "--minify", "--sourcemap", "--platform=node", "--format=esm", "--external:@sentry/node")
    run([ESBUILD, "src/main.ts", *options, "--outfile=dist/main.js"], project)
    run([cli, "sourcemaps", "inject", "dist"], project)


def upload(system: System, project: Path, cli: Path, release: str, token: str | None = None) -> str:
    environ = {"SENTRY_URL": system.url, "SENTRY_AUTH_TOKEN": token or read_upload_token(system)}
    command = [cli, "sourcemaps", "upload", "--org", "acme", "--project", "1", "--release", release, "dist"]
    return run(command, project, **environ)


def read_upload_token(system: System) -> str:
    secrets = json.loads((system.data_dir / "secrets.json").read_text())
    return str(secrets["UPLOAD_SECRET"]).partition(":")[2]


def throw(system: System, project: Path, marker: str, release: str) -> None:
    run(["node", "dist/main.js"], project, DSN=system.dsn, MARKER=marker, RELEASE=release)


def list_links(system: System, group: dict[str, Any]) -> list[Any]:
    links: list[Any] = system.get(f"/api/errors/{group['id']}")["occurrences"][0]["exceptions"]
    return links


def test_stack_of_a_bundle_is_that_of_its_source(system: System, project: Path) -> None:
    cli, marker = find_sentry_cli(), letters()
    build(project, cli)
    throw(system, project, f"late {marker}", "shop@1")
    late = group_with(system, f"checkout late {marker}")
    (cause, _error) = list_links(system, late)
    assert cause["frames"][-1]["source_map"] == "not_uploaded"

    assert "Uploaded files" in upload(system, project, cli, "shop@1")
    assert "Nothing to upload" in (again := upload(system, project, cli, "shop@1")) or "already" in again
    (cause, _error) = list_links(system, late)
    assert cause["frames"][-1]["function"] == "Checkout.total"

    throw(system, project, marker, "shop@1")
    group = group_with(system, f"checkout {marker}")
    (cause, error) = list_links(system, group)
    frame = cause["frames"][-1]
    assert (frame["filename"], frame["function"], frame["lineno"]) == ("src/pay.ts", "Checkout.total", 6)
    assert frame["context_line"] == "    for (const item of this.order.items!) sum += item.price;"
    assert frame["pre_context"][-1] == "    let sum = 0;"
    assert frame["minified"]["filename"].endswith("dist/main.js")
    assert (error["frames"][-1]["filename"], error["frames"][-1]["lineno"]) == ("src/main.ts", 8)


def test_source_maps_need_the_upload_token(system: System, project: Path) -> None:
    cli = find_sentry_cli()
    build(project, cli)
    with pytest.raises(AssertionError, match=r"401|403"):
        upload(system, project, cli, "shop@1", system.viewer_token)
