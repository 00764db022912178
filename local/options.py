"""The options of `make run`, from the command line or from the environment."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callwatch.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `make run`."""

    port: int
    data_dir: Path
    cycle_s: float


def read_options(environ: Mapping[str, str]) -> Options:
    """Read PORT, DATA_DIR and CYCLE_S. Raises ConfigurationError naming the first bad one."""
    parser = argparse.ArgumentParser(prog="make run", description="Start the whole system on this machine; Ctrl-C stops it.")
    parser.add_argument("--port", default=environ.get("PORT") or "3000", help="port of the API and the page (PORT=)")
    parser.add_argument(
        "--data-dir", default=environ.get("DATA_DIR") or ".local", help="folder for data kept between starts (DATA_DIR=)"
    )
    parser.add_argument("--cycle", default=environ.get("CYCLE_S") or "60", help="seconds between cycles (CYCLE_S=)")
    given = parser.parse_args()
    if not given.port.isdigit() or not 1 <= int(given.port) <= 65535:
        raise ConfigurationError("PORT must be a number from 1 to 65535")
    try:
        cycle_s = float(given.cycle)
    except ValueError:
        cycle_s = 0.0
    if not 1 <= cycle_s <= 3600:
        raise ConfigurationError("CYCLE_S must be seconds from 1 to 3600")
    return Options(int(given.port), Path(given.data_dir).resolve(), cycle_s)
