"""Balances of vendors: read every quarter of an hour, and how long each lasts by what was used of it lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

from callwatch.checks.deepgram_balance import SERVICE, read_balances
from callwatch.db import connection
from callwatch.db.core.connect import AnyConnection
from callwatch.db.product_queries.balances import BalanceRow, find_reading, keep_reading, list_balances
from callwatch.db.product_queries.vendor_reads import claim_read
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.settings import Settings

EVERY = timedelta(minutes=15)
# An older reading says nothing about the present.
_FRESH = timedelta(hours=1)
_LOOKS_BACK, _MIN_SPAN = timedelta(days=7), timedelta(days=1)
USD, DAYS = "balance.usd", "balance.days"
NONE_YET = Reason("not_recorded", "the balance was not read yet")
NEVER_ASKED = Reason("not_configured", "no vendor was asked for a balance: DEEPGRAM_API_KEY is not set")
_STALE = Reason("unavailable", f"the balance was not read for {_FRESH.seconds // 3600} h")
_SHORT = Reason("not_recorded", "the balance is known for less than a day")
_UNUSED = Reason("no_traffic", "nothing was used of the balance in the last days")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left of a project's balance, as it was read last; usd is None if that is too long ago.

    days: how long it lasts at the pace of the last days. why: why usd or days is unknown.
    """

    service: str
    project: str
    usd: Decimal | None
    read_at: datetime
    days: float | None
    why: Reason | None = None


@dataclass(frozen=True, slots=True)
class Balances:
    """The balances that are known; why: why there is none."""

    found: Sequence[Balance]
    why: Reason | None = None


def refresh_balances(settings: Settings, now: datetime, timeout_s: float) -> Mapping[str, Any]:
    """Ask the vendor if nobody did for a quarter of an hour; returns what came of it. No connection waits for the vendor."""
    with connection() as conn:
        is_due = claim_read(conn, "vendor_balance_reads", SERVICE, now, EVERY)
        conn.commit()
    if not is_due:
        return {}
    read = read_balances(settings, timeout_s)
    why = read.why.to_dict() if read.why else None
    with connection() as conn:
        keep_reading(conn, SERVICE, now, read.usd, why)
        conn.commit()
    return {SERVICE: why or {"projects": len(read.usd)}}


def list_known(conn: AnyConnection, now: datetime, unasked: Reason = NEVER_ASKED) -> Balances:
    """The balance of each project as it was read last. unasked: why there is none if no reading was tried yet."""
    rows = list_balances(conn, SERVICE, now - _LOOKS_BACK)
    asked = find_reading(conn, SERVICE)
    problem = asked["problem"] if asked else None
    by_project = [list(found) for _project, found in groupby(rows, lambda row: row["project"])]
    why = Reason(**problem) if problem else None
    if not by_project:
        return Balances((), why or (NONE_YET if asked else unasked))
    return Balances([_judge(found, now, why or _STALE) for found in by_project])


def list_balance_samples(balances: Balances) -> list[Sample]:
    """balance.usd and balance.days by project."""
    if balances.why is not None:
        return [Sample(metric, None, balances.why, {"service": SERVICE}) for metric in (USD, DAYS)]
    samples = []
    for each in balances.found:
        labels = {"service": each.service, "project": each.project}
        if each.usd is None:
            samples += [Sample(metric, None, each.why, labels) for metric in (USD, DAYS)]
            continue
        pace = "" if each.days is None else f", enough for {each.days:.1f} days at the pace of the last ones"
        detail = f"${each.usd:,.2f} left{pace}"
        samples.append(Sample(USD, float(each.usd), None, labels, detail))
        if each.days is not None:
            samples.append(Sample(DAYS, round(each.days, 2), None, labels, detail))
        elif each.why is _UNUSED:
            samples.append(Sample(DAYS, None, None, labels, inconclusive=_UNUSED))
        else:
            samples.append(Sample(DAYS, None, each.why, labels))
    return samples


def _judge(rows: Sequence[BalanceRow], now: datetime, stale: Reason) -> Balance:
    """How long a balance lasts: by what it fell between readings. What was paid in does not count."""
    last, span = rows[-1], rows[-1]["at"] - rows[0]["at"]
    if now - last["at"] > _FRESH:
        return Balance(SERVICE, last["project"], None, last["at"], None, stale)
    used = sum((max(Decimal(0), before["usd"] - after["usd"]) for before, after in pairwise(rows)), Decimal(0))
    days, why = None, _SHORT
    if span >= _MIN_SPAN:
        why = _UNUSED
        if used > 0:
            days = max(0.0, float(last["usd"] / used) * span.total_seconds() / _DAY_S)
    return Balance(SERVICE, last["project"], last["usd"], last["at"], days, None if days is not None else why)
