"""The page's own parts that need no browser, and the limits it keeps."""

import subprocess

from local.setup import DASHBOARD


def npm(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["npm", "--prefix", str(DASHBOARD), *command], capture_output=True, text=True, check=False)


def test_the_parts_of_the_page_that_need_no_browser_do_what_their_tests_say() -> None:
    done = npm("test")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_first_view_is_built_below_its_limit() -> None:
    done = npm("run", "build", "--", "--check")
    assert done.returncode == 0, done.stderr
    assert "KB gzip  in all (at most 60)" in done.stdout


def test_the_types_of_the_api_are_those_of_its_document() -> None:
    done = npm("run", "types", "--", "--check")
    assert done.returncode == 0, done.stderr
