"""Try every client of the table, or those whose name holds a text, against a system that is started for it."""

import argparse
import sys
from pathlib import Path

from local.system import running_system
from tools.clients.table import CLIENTS
from tools.clients.trial import Trial, render_table, try_client

_FOLDER = Path(__file__).resolve().parents[2] / ".build" / "clients"


def main() -> int:
    """Print the table; return 1 if anything that was sent is not stored, or a client could not send."""
    parser = argparse.ArgumentParser(prog="make clients", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="only clients whose name or version holds this text")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where the clients are installed")
    options = parser.parse_args()
    chosen = [client for client in CLIENTS if options.only in client.slug]
    if not chosen:
        print(f"no client is called so: {', '.join(client.slug for client in CLIENTS)}")
        return 1
    trials: list[Trial] = []
    with running_system(cycle_s=2) as system:
        for client in chosen:
            trials.append(try_client(client, system, options.folder))
            print(f"{client.slug}: {trials[-1].result}", flush=True)
    print(f"\n{render_table(trials)}")
    return 0 if all(trial.is_complete for trial in trials) else 1


if __name__ == "__main__":
    sys.exit(main())
