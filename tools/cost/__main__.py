"""Prints what a sustained rate of events needs and costs in a month: `python -m tools.cost --events-per-second 1000`."""

import argparse
import sys

from tools.cost.bill import sum_lines
from tools.cost.rates import describe, list_month, plan


def main() -> int:
    """Print the plan and the lines of the bill."""
    parser = argparse.ArgumentParser(prog="python -m tools.cost", description=__doc__)
    parser.add_argument("--events-per-second", type=float, required=True, metavar="RATE", help="events a second, all month")
    rate = parser.parse_args().events_per_second
    if not 0 < rate <= 1_000_000:
        parser.error("a rate is above 0 and at most 1,000,000")
    planned = plan(rate)
    lines = list_month(planned)
    print(f"{rate:,g} events a second: {describe(planned)}")
    for line in lines:
        print(f"{line.item:<44}{line.usd:>14,.2f}   {line.calculation}")
    print(f"{'USD a month, us-east-1':<44}{sum_lines(lines):>14,.2f}   prices: docs/cost.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
