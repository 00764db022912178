"""Plays an hour with a database outage of ten minutes at 1,000 and 10,000 events a second, and 1/50 of it on the local system.

The costs are measured first, or read from the results of an earlier run (--costs). BENCH_JSON names the folder of the results,
BENCH_CHART the file of the chart.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench._results import Figure, write_results
from bench._simulation.costs import Costs, describe_machine, measure_costs, read_costs
from bench._simulation.model import Model, Played, Sample, Scenario
from bench._simulation.outcome import Outcome, describe_expiry, judge
from bench._simulation.parameters import Parameters, read_parameters
from bench._simulation.real_run import RealRun, adapt_parameters, play_for_real, scale_down
from bench._simulation.timeline import draw_courses
from tools.cost.bill import VCPU_MB

At = Mapping[str, float | str]

RATES = (1_000.0, 10_000.0)
# ParallelDigest, memory of the function that stores (None: the template's), and whether batches have a group in common.
SETUPS: tuple[tuple[int, int | None, bool], ...] = (
    (0, None, True),
    (0, VCPU_MB, True),
    (8, 1_024, True),
    (8, None, True),
    (64, None, True),
    (8, None, False),
)
REAL_DIGESTS = (0, 8)


def main(given: Sequence[str] = ()) -> int:
    """Print the simulated hours, then the real runs next to their model."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    parser.add_argument("--costs", type=Path, metavar="FILE", help="read the costs from these results instead of measuring them")
    parser.add_argument("--no-real", action="store_true", help="leave out the real runs, which take about ten minutes")
    args = parser.parse_args(list(given))
    costs = read_costs(args.costs) if args.costs else measure_costs()
    print(f"costs ({'read from ' + str(args.costs) if args.costs else describe_machine()}):")
    for figure in costs.list_figures():
        print(f"    {figure['name'].removeprefix('cost '):<24}{figure['value']:>10,.0f} us")
    figures = costs.list_figures() + simulate_hours(costs)
    if not args.no_real:
        figures += compare_with_real_runs(costs)
    write_results("simulate", figures)
    return 0


def simulate_hours(costs: Costs) -> list[Figure]:
    """Play each rate in each setup; print a row for each, and write the chart."""
    print("\nan hour with the database away from minute 20 to 30")
    print(f"{'events/s, setup':<62}{'backlog':>12}{'oldest s':>9}{'recovered s':>12}{'receives':>9}{'connections':>12}")
    figures, courses = [], []
    for rate in RATES:
        for digests, memory_mb, is_shared in SETUPS:
            parameters = read_parameters(digests, memory_mb, memory_mb)
            scenario = Scenario(rate, is_shared=is_shared)
            played = Model(parameters, costs, scenario).play()
            found = judge(played, parameters, costs, scenario)
            name = describe(rate, parameters, is_shared)
            recovered = "never" if found.recovered_s is None else f"{found.recovered_s:,.0f}"
            print(
                f"{name:<62}{found.most_backlog:>12,}{found.most_oldest_s:>9,.0f}{recovered:>12}{found.most_receives:>9}"
                f"{found.connections:>12}"
            )
            limit = found.name_limit()
            print(
                f"    at most {found.capacity[limit]:,.0f} events/s by {limit}; ingest in {found.ingest_at_once:,.0f}"
                f" environments; expires: {describe_expiry(found)}",
                flush=True,
            )
            figures += list_outcome(found, rate, parameters, is_shared)
            courses.append((name, played.samples))
    path = Path(os.environ.get("BENCH_CHART", "simulate.svg"))
    path.write_text(draw_courses([each for each in courses if "own groups" not in each[0]], Scenario(0)))
    print(f"chart: {path}")
    return figures


def describe(rate: float, parameters: Parameters, is_shared: bool) -> str:
    """Name a setup."""
    memory_mb = parameters.digest_mb if parameters.digests else parameters.monitor_mb
    mode = f"ParallelDigest={parameters.digests}, " if parameters.digests else "flush, "
    return f"{rate:,.0f}/s, {mode}{memory_mb:,} MB{'' if is_shared else ', own groups'}"


def list_outcome(found: Outcome, rate: float, parameters: Parameters, is_shared: bool) -> list[Figure]:
    """The outcome as figures; recovery is -1 where the hour ends before it."""
    memory_mb = parameters.digest_mb if parameters.digests else parameters.monitor_mb
    at: At = {"rate": rate, "digests": parameters.digests, "memory_mb": memory_mb, "groups": "shared" if is_shared else "own"}
    limit = found.name_limit()
    return [
        build("simulated backlog", found.most_backlog, "messages", at),
        build("simulated age of the oldest", found.most_oldest_s, "s", at),
        build("simulated recovery", -1 if found.recovered_s is None else found.recovered_s, "s", at),
        build("simulated receives", found.most_receives, "times", at, parameters.max_receives),
        build("simulated ingest environments", found.ingest_at_once, "environments", at),
        build("simulated connections", found.connections, "connections", at),
        build("simulated capacity", found.capacity[limit], "events/s", {**at, "by": limit}),
        build("simulated expiry", (found.expires_after_s or -86_400) / 86_400, "days", at),
    ]


def compare_with_real_runs(costs: Costs) -> list[Figure]:
    """Play 1/50 for real and in the model, and print both next to each other."""
    print("\n1/50 of it for real | in the model (messages that wait, age of the oldest in s)")
    figures = []
    for rate in RATES:
        for digests in REAL_DIGESTS:
            scenario = scale_down(rate)
            run = play_for_real(scenario, digests)
            ends_s = run.samples[-1].at_s + 1
            adapted = replace(scenario, down_s=run.down_s, up_s=run.up_s, ends_s=ends_s)
            played = Model(adapt_parameters(digests, costs, run), costs, adapted).play()
            figures += print_comparison(scenario.rate, digests, run, played)
    return figures


def print_comparison(rate: float, digests: int, run: RealRun, played: Played) -> list[Figure]:
    """Print one pair; returns its figures."""
    pairs = [(real, find_nearest(played.samples, real.at_s)) for real in run.samples]
    deviation = sum(abs(real.backlog - model.backlog) for real, model in pairs) / len(pairs)
    late_s = sum(abs(real.oldest_s - model.oldest_s) for real, model in pairs) / len(pairs)
    print(f"{rate:,.0f} events/s, ParallelDigest={digests}; away from {run.down_s:.0f} to {run.up_s:.0f} s")
    for real, model in pairs[::6]:
        print(f"    {real.at_s:>5.0f} s {real.backlog:>7,} {real.oldest_s:>6.1f} | {model.backlog:>7,} {model.oldest_s:>6.1f}")
    exact = "each stored and counted once" if run.is_exact() else "NOT EXACT"
    print(
        f"    sent {run.sent:,}, stored {run.stored:,}, in groups {run.in_groups:,}, dead letters {run.dead}: {exact};"
        f" received at most {run.most_receives} times, model {played.most_receives}"
    )
    recovered = [-1.0 if each is None else each for each in (run.recovered_s, played.recovered_s)]
    print(
        f"    recovered {recovered[0]:.1f} s after the outage, model {recovered[1]:.1f} s; mean deviation"
        f" {deviation:,.0f} messages of at most {max(each.backlog for each in run.samples):,}, {late_s:.1f} s of age",
        flush=True,
    )
    at: At = {"rate": rate, "digests": digests}
    return [
        build("real recovery", recovered[0], "s", at),
        build("modeled recovery", recovered[1], "s", at),
        build("real backlog", max(each.backlog for each in run.samples), "messages", at),
        build("modeled backlog", max(each.backlog for each in played.samples), "messages", at),
        build("mean deviation of the backlog", deviation, "messages", at),
        build("mean deviation of the age", late_s, "s", at),
        build("lost or doubled", abs(run.sent - run.stored) + run.dead, "messages", at, 0),
    ]


def build(name: str, value: float, unit: str, at: At, limit: float | None = None) -> Figure:
    """Build a figure with its conditions."""
    return Figure(name=name, value=value, unit=unit, at=at, limit=limit)


def find_nearest(samples: Sequence[Sample], at_s: float) -> Sample:
    """The sample that is nearest in time."""
    return min(samples, key=lambda sample: abs(sample.at_s - at_s))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
