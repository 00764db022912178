"""The page's modules that need no browser, and its size limits."""

import subprocess

from tools.licenses import list_page_packages
from tools.setup import DASHBOARD


def npm(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["npm", "--prefix", str(DASHBOARD), *command], capture_output=True, text=True, check=False)


def test_page_modules_pass_their_own_tests() -> None:
    done = npm("test")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_view_is_built_below_its_limit() -> None:
    done = npm("run", "build", "--", "--check")
    assert done.returncode == 0, done.stderr
    assert "KB gzip  in the first view (at most 60)" in done.stdout
    shipped = ", ".join(name for name, *_rest in list_page_packages())
    assert f"packages in it: {shipped}\n" in done.stdout


def test_the_types_of_the_api_are_those_of_its_document() -> None:
    done = npm("run", "types", "--", "--check")
    assert done.returncode == 0, done.stderr
