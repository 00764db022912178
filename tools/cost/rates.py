"""What a rate of events needs and costs: how many digests and databases, by the measured capacity, and the bill of a month."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.cost import bill
from tools.cost.bill import Line, list_events, list_idle, sum_lines
from tools.cost.deployment import Deployment, read_deployment
from tools.cost.prices import HOURS, MILLION, find_price

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks" / "simulate.json"
# Half of a calculated capacity: what the calculation leaves out (reads, checkpoints, a slower vCPU) needs the rest.
USED = 0.5
DIGESTS = 8
# Below this rate the class is chosen by its memory: rows and indexes of a day are read again.
_SMALL = 100
# docs/performance.md, `make bench ARGS=payloads`: bytes of an event in PostgreSQL and in objects.
ROW_KB_WITH_OBJECTS, OBJECT_KB = 0.35, 1.05
# Where PostgreSQL alone would be full before 90 days are over.
_OBJECTS_FROM = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What carries a rate. digests: ParallelDigest of each stack. stacks: one database each, with projects of its own."""

    rate: float
    digests: int
    stacks: int
    instance_class: str
    has_objects: bool


def plan(rate: float) -> Plan:
    """Choose by the capacities of the last simulation. Raises KeyError if it had none."""
    capacity = read_capacities()
    is_flushed = rate <= USED * capacity[0]
    stacks = 1 if is_flushed else max(1, math.ceil(rate / (USED * capacity[DIGESTS])))
    return Plan(
        rate=rate,
        digests=0 if is_flushed else DIGESTS,
        stacks=stacks,
        instance_class="db.t4g.medium" if rate <= _SMALL else "db.m7g.large",
        has_objects=rate >= _OBJECTS_FROM,
    )


def read_capacities(path: Path = RESULTS) -> Mapping[int, float]:
    """Events a second by ParallelDigest, with the template's memory and batches that share their groups."""
    found: dict[int, float] = {}
    memory = read_deployment({}).memory_gb
    template_mb = {0: memory["RunMonitor"] * 1024, DIGESTS: memory["DigestErrors"] * 1024}
    for figure in json.loads(path.read_text())["figures"]:
        at = figure["at"]
        if (
            figure["name"] == "simulated capacity"
            and at["groups"] == "shared"
            and at["memory_mb"] == template_mb.get(at["digests"])
        ):
            found[int(at["digests"])] = float(figure["value"])
    return found


def list_month(planned: Plan) -> list[Line]:
    """The bill of a month at the rate, in the default profile with this plan."""
    found = read_deployment({"ParallelDigest": str(planned.digests), "DatabaseInstanceClass": planned.instance_class})
    events = planned.rate * bill.SECONDS
    idle = sum_lines(list_idle(found)) - _price_database(found)
    lines = [
        Line("stacks when idle, without their databases", f"{planned.stacks} x {idle:,.0f}", planned.stacks * idle),
        Line(
            "databases",
            f"{planned.stacks} x {HOURS} h of {planned.instance_class}",
            planned.stacks * HOURS * find_price(planned.instance_class),
        ),
    ]
    per_event = [line for line in list_events(found, events) if line.item != "disk"]
    return lines + per_event + _list_history(found, planned, events)


def _price_database(found: Deployment) -> float:
    return HOURS * find_price(found.instance_class) + found.disk_gb * find_price("disk_gb") if found.instance_class else 0.0


def _list_history(found: Deployment, planned: Plan, events: float) -> list[Line]:
    months, row_kb = bill.RETENTION_MONTHS, ROW_KB_WITH_OBJECTS if planned.has_objects else bill.ROW_KB
    kept_gb = events * row_kb * months / MILLION
    lines = [Line("disk", f"{row_kb:g} KB each x {months} months", kept_gb * find_price("disk_gb"))]
    if planned.has_objects:
        # The bucket keeps them for longer than the database keeps rows; this is the bill once the first ones leave it.
        kept_months = 12 * int(found.parameters["ArchiveYears"])
        objects_gb = events * OBJECT_KB * kept_months / MILLION
        writes = events / 500
        lines.append(
            Line(
                "objects in S3",
                f"{OBJECT_KB:g} KB each x {kept_months} months (ArchiveYears), one write for 500",
                objects_gb * find_price("s3_gb") + writes * find_price("s3_put"),
            )
        )
    return lines


def describe(planned: Plan) -> str:
    """The plan as text."""
    stored = f"ParallelDigest={planned.digests}" if planned.digests else "the flush alone"
    where = "one database" if planned.stacks == 1 else f"{planned.stacks} stacks with a database each"
    return f"{stored}, {where} ({planned.instance_class}), payloads in {'S3' if planned.has_objects else 'PostgreSQL'}"
