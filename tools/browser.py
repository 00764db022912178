"""Finds a Chromium for the page's tests, or installs one; fails loudly without one.

`python -m tools.browser` prints its path.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

# The headless shell draws the same pages without the browser's own windows: it takes half of the processor time.
SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PLACES = ("/usr/bin/chromium", "/snap/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
ARGS = (
    "--headless=new",
    "--no-sandbox",  # as root, Chromium refuses to start with one
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
REMEDY = "no Chromium was found: install the package chromium-headless-shell or chromium, or set CHROMIUM to the path of one"


class BrowserMissing(Exception):
    """There is no browser, and none could be installed."""


def main() -> int:
    """Print the path; return 1 and print one line if there is none."""
    argparse.ArgumentParser(prog="browser", description=__doc__.splitlines()[0] if __doc__ else None).parse_args()
    try:
        print(f"browser: {find() or install()}")
    except BrowserMissing as error:
        print(f"browser: {error}", file=sys.stderr)
        return 1
    return 0


def find() -> str | None:
    """Return the path of a Chromium on this machine."""
    given = os.environ.get("CHROMIUM")
    if given:
        return given if Path(given).is_file() else None
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or next((place for place in PLACES if Path(place).is_file()), None)


def install() -> str:
    """Install a package of Debian or Ubuntu, if permitted. Raises BrowserMissing."""
    apt = shutil.which("apt-get")
    sudo = [] if os.geteuid() == 0 else [shutil.which("sudo") or "", "-n"]
    if apt is None or sudo == ["", "-n"]:
        raise BrowserMissing(REMEDY)
    print("set up: Chromium ...", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["update", "-qq"], ["install", "-y", "-qq", SHELL], ["install", "-y", "-qq", "chromium"])
    for command in commands:
        done = subprocess.run([*sudo, apt, *command], env=environ, capture_output=True, text=True, check=False)
        if find():
            break
    path = find()
    if path is None:
        last = (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
        raise BrowserMissing(f"{REMEDY} ({last})")
    return path


if __name__ == "__main__":
    sys.exit(main())
