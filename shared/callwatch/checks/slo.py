"""Burn rates of the owners' target on uptime: 99.9 % of the minutes."""

from datetime import datetime

from callwatch.db.check_results import down_since
from callwatch.db.connect import AnyConnection
from callwatch.models.facts import Fact
from callwatch.models.slo import WINDOWS, burn_rate
from callwatch.settings import get_settings

BUDGET = 0.001
# With fewer results a single one would weigh too much.
_FEWEST = 30


def uptime_burn_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """slo.uptime_burn by window, of whichever service of the owners' own was down most; none with too few results.

    Those are the database and the services of HTTP_CHECKS: vendors have rules of their own.
    """
    services = ["database", *(check["name"] for check in get_settings().http_checks)]
    sinces = {span: now - span for pair in WINDOWS.values() for span in pair}
    rows = down_since(conn, sorted(set(sinces.values())), services)
    counts = {(row["service"], row["since"]): (row["down"], row["checked"]) for row in rows}
    facts = []
    for window, (long, short) in WINDOWS.items():
        rates = {
            service: burn_rate(counts[service, sinces[long]], counts.get((service, sinces[short]), (0, 0)), BUDGET)
            for service in services
            if counts.get((service, sinces[long]), (0, 0))[1] >= _FEWEST
        }
        if rates:
            worst = max(rates, key=lambda service: rates[service])
            detail = f"{worst}, window {window}" if rates[worst] else f"window {window}"
            facts.append(Fact("slo.uptime_burn", round(rates[worst], 2), None, {"window": window}, detail))
    return facts
