"""Generates the tables of docs/scaling.md from the results of the simulation and the calculated costs."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.cost.bill import INGEST_WAIT_MS, estimate_run_s, sum_lines
from tools.cost.deployment import read_deployment
from tools.cost.rates import RESULTS, list_month, plan

ROOT = Path(__file__).resolve().parent.parent
SCALING = ROOT / "docs" / "scaling.md"
RATES = (100, 1_000, 10_000, 100_000)
_END = "<!-- end -->"


def render_scaling() -> str:
    """Return docs/scaling.md with its tables as they follow from the results."""
    page, results = SCALING.read_text(), json.loads(RESULTS.read_text())
    for name, render in _TABLES.items():
        begin = f"<!-- {name}: generated -->\n"
        before, found, rest = page.partition(begin)
        _old, _end, after = rest.partition(_END)
        if not found:
            raise ValueError(f"docs/scaling.md has no table {name}")
        page = before + begin + render(results) + _END + after
    return page


def _render_rates(results: Mapping[str, Any]) -> str:
    ingest_us = _find(results, "cost ingest_us")
    memory_gb = read_deployment({}).memory_gb["IngestEnvelope"]
    ingest_s = estimate_run_s(ingest_us / 1000, INGEST_WAIT_MS, memory_gb)
    rows = ["| events/s | ingest at once | what stores | payloads | USD a month |\n|---|---|---|---|---|\n"]
    for rate in RATES:
        planned = plan(rate)
        stores = f"`ParallelDigest={planned.digests}`" if planned.digests else "the monitor's flush"
        if planned.stacks > 1:
            stores += f" in each of {planned.stacks} stacks"
        rows.append(
            f"| {rate:,} | {rate * ingest_s:,.0f} | {stores}, {planned.instance_class} |"
            f" {'S3' if planned.has_objects else 'PostgreSQL'} | {sum_lines(list_month(planned)):,.0f} |\n"
        )
    return "".join(rows)


def _render_hours(results: Mapping[str, Any]) -> str:
    rows = [
        "| events/s | what stores | backlog, at most | oldest, at most | recovered after | receives | connections | capacity |"
        " limited by | expires |\n|---|---|---|---|---|---|---|---|---|---|\n"
    ]
    for at, found in _list_by_conditions(results, "simulated"):
        name = f"`ParallelDigest={at['digests']}`" if at["digests"] else "the flush"
        groups = "" if at["groups"] == "shared" else ", no group in common"
        recovered, days = found["recovery"], found["expiry"]
        rows.append(
            f"| {at['rate']:,.0f} | {name}, {at['memory_mb']:,} MB{groups} | {found['backlog']:,.0f} |"
            f" {_show_s(found['age of the oldest'])} | {_show_s(recovered) if recovered >= 0 else 'not in the hour'} |"
            f" {found['receives']:.0f} | {found['connections']:.0f} | {found['capacity']:,.0f}/s | {at['by']} |"
            f" {'nothing' if days < 0 else f'the first after {days:,.0f} days'} |\n"
        )
    return "".join(rows)


def _render_comparison(results: Mapping[str, Any]) -> str:
    rows = ["| events/s | `ParallelDigest` | | backlog, at most | recovered after |\n|---|---|---|---|---|\n"]
    for at, real in _list_by_conditions(results, "real"):
        model = next(found for other, found in _list_by_conditions(results, "modeled") if other == at)
        name = f"| {at['rate']:,.0f} | {at['digests']}"
        rows.append(f"{name} | real | {real['backlog']:,.0f} | {real['recovery']:.1f} s |\n")
        rows.append(f"{name} | model | {model['backlog']:,.0f} | {model['recovery']:.1f} s |\n")
    lost = sum(each["value"] for each in results["figures"] if each["name"] == "lost or doubled")
    return "".join(rows) + f"\nLost or doubled messages in these runs: {lost:.0f}.\n"


def _render_origin(results: Mapping[str, Any]) -> str:
    machine, costs = results["machine"], {each["name"]: each["value"] for each in results["figures"]}
    return (
        f"Measured on {machine['processors']} processors ({machine['architecture']}, Python {machine['python']},"
        f" {machine['busy']:g} processes waiting for each of them), {results['at'][:10]}. CPU us of an event:"
        f" accepting it {costs['cost ingest_us']:,.0f}; a flush {costs['cost flush_us']:.0f} and"
        f" {costs['cost flush_database_us']:.0f} of PostgreSQL; a digest {costs['cost digest_us']:.0f}, of which"
        f" {costs['cost digest_locked_us']:.0f} with groups locked, and {costs['cost digest_database_us']:.0f} of PostgreSQL, of"
        f" which {costs['cost digest_database_locked_us']:.0f} with groups locked.\n"
    )


def _list_by_conditions(results: Mapping[str, Any], kind: str) -> Iterator[tuple[Mapping[str, Any], dict[str, float]]]:
    """Group figures whose name begins with a word by their conditions, in their order."""
    grouped: dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, float]]] = {}
    for figure in results["figures"]:
        word, _, name = figure["name"].partition(" ")
        if word == kind:
            key = tuple(value for condition, value in figure["at"].items() if condition != "by")
            at, found = grouped.setdefault(key, ({}, {}))
            at |= figure["at"]
            found[name] = figure["value"]
    yield from grouped.values()


def _find(results: Mapping[str, Any], name: str) -> float:
    return float(next(each["value"] for each in results["figures"] if each["name"] == name))


def _show_s(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


_TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "by rate": _render_rates,
    "an hour": _render_hours,
    "compared": _render_comparison,
    "origin": _render_origin,
}
