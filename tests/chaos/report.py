"""Writes the table of docs/reliability.md from the results of a run."""

import json
from pathlib import Path
from typing import Any

from tests.chaos.catalog import FAULTS
from tests.chaos.fault import Fault

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"
RESULTS = Path(__file__).resolve().parent / "results.json"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
_HEAD = (
    "| fault | how it is injected | what must hold | held | sent | accepted | stored | lost | doubled | due | delivered |"
    " recovered in |\n|---|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


def read_results(path: Path) -> dict[str, Any]:
    """The results of runs, as `--results` wrote them."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def write_document(results: dict[str, Any]) -> None:
    """Put the table between its marks."""
    before, _begin, rest = DOCUMENT.read_text().partition(BEGIN)
    _old, _end, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}{render_table(results)}{END}{after}")


def render_table(results: dict[str, Any]) -> str:
    """The table with the machine, the date and the command; a fault without a row says why."""
    machine = results["machine"]
    lead = (
        f"Run on {results['date']} by `{results['command']}`: {machine['system']}, {machine['cpus']} CPUs,"
        f" {machine['memory_gb']} GB of memory, Python {machine['python']}.\n\n"
    )
    return lead + _HEAD + "".join(_render_line(fault, results) for fault in FAULTS)


def _render_line(fault: Fault, results: dict[str, Any]) -> str:
    head = f"| {fault.name} | {fault.injection} | {fault.must_hold} |"
    row = results["rows"].get(fault.name)
    if row is None:
        why = results["not_run"].get(fault.name, "written, and not yet played to its end on this machine")
        return f"{head} not run here: {why} | | | | | | | | |\n"
    held = "yes" if not row["problems"] else f"**no**: {'; '.join(row['problems'])}".replace("|", "/")
    recovered = f"{row['recovered_s']} s" if row["recovered_s"] is not None else "not within 120 s"
    counts = " | ".join(str(row[name]) for name in ("sent", "accepted", "stored", "lost", "doubled", "due", "delivered"))
    return f"{head} {held} | {counts} | {recovered} |\n"
