"""Vendors as the pipeline itself meets them: failures told apart by their words, which never leave the database."""

from collections.abc import Mapping

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import ANY, TIME, Needs, ago, literal, merge, needs_of, sql_of
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import Aggregate, Reading, time_of
from callwatch.pipeline.stage import Failures, Rows, Vendor

WINDOW_S = 1800
# Too few meetings say nothing of a rate; a vendor slows everybody down now and then.
_AT_LEAST = 10
_RATE_LIMITED_AT_LEAST = 2
# The first class that fits counts: a used-up quota often comes as a 429, too.
CLASSES: Mapping[str, str] = {
    "quota": r"insufficient_quota|quota|billing|payment required|out of credits?|\m402\M",
    "rate_limited": r"rate.?limit|too many requests|\m429\M",
    "auth": r"unauthori[sz]ed|forbidden|invalid.{0,12}(api.?key|token|credential)|\m40[13]\M",
    "timeout": r"time.?out|timed out|etimedout|econnre|enotfound|socket hang up",
    "error": r"\m50[0234]\M|bad gateway|service unavailable|internal server error",
}


def vendor_readings(vendor: Vendor) -> list[Reading]:
    """One reading for each kind of row: how many meetings went well, and how many did not, by class."""
    readings = [_ok(f"vendor.{vendor.service}.ok{number}", rows) for number, rows in enumerate(vendor.ok)]
    return readings + [_failed(f"vendor.{vendor.service}.failed{number}", f) for number, f in enumerate(vendor.failed)]


def _ok(name: str, rows: Rows) -> Reading:
    needs, condition = _recent(rows)
    sql = f'SELECT count(*)::float AS value FROM "{rows.table}" r WHERE {condition}'
    return Reading(name, needs, sql, aggregate=Aggregate(rows.table, "count(*){filter}::float", condition))


def _failed(name: str, failures: Failures) -> Reading:
    rows = failures.rows
    needs, condition = _recent(rows)
    words = f'left(r."{failures.text}"::text, 2000)'
    cases = " ".join(f"WHEN {words} ~* {literal(pattern)} THEN {literal(kind)}" for kind, pattern in CLASSES.items())
    kinds = ", ".join(f"count(*) FILTER (WHERE kind = {literal(kind)})::float AS {kind}" for kind in CLASSES)
    sql = f'SELECT {kinds} FROM (SELECT CASE {cases} END AS kind FROM "{rows.table}" r WHERE {condition}) AS failures'
    return Reading(name, merge({}, needs, {rows.table: {failures.text: ANY}}), sql)


def _recent(rows: Rows) -> tuple[Needs, str]:
    needs = merge(needs_of(rows.table, rows.where), {rows.table: dict.fromkeys(rows.at, TIME)})
    return needs, f"{sql_of(rows.where, rows.table)} AND {time_of(rows.at)} > {ago(WINDOW_S)}"


def vendor_facts(vendor: Vendor, measured: Measured) -> list[Fact]:
    """vendor.error_ratio, vendor.rate_limited, vendor.quota; of sources that cannot be read the others speak."""
    labels = {"service": vendor.service}
    found = {kind: _sum(measured, vendor, f"failed.{kind}") for kind in CLASSES}
    ok = _sum(measured, vendor, "ok")
    if any(value is None for value in found.values()):
        reason = measured.why(*(f"vendor.{vendor.service}.failed{number}" for number in range(len(vendor.failed))))
        return [Fact(f"vendor.{metric}", None, reason, labels) for metric in ("error_ratio", "rate_limited", "quota")]
    counts = {kind: value or 0.0 for kind, value in found.items()}
    return [_ratio(counts, ok, labels, measured, vendor), *_refusals(counts, labels)]


def _ratio(counts: Mapping[str, float], ok: float | None, labels: Mapping[str, str], measured: Measured, vendor: Vendor) -> Fact:
    if ok is None:
        return Fact("vendor.error_ratio", None, measured.why(f"vendor.{vendor.service}.ok0"), labels)
    failed = sum(counts.values())
    told = ", ".join(f"{count:.0f} {kind}" for kind, count in counts.items() if count) or "no failures"
    detail = f"{told} beside {ok:.0f} that went well in {WINDOW_S // 60} min"
    is_enough = failed + ok >= _AT_LEAST
    return Fact("vendor.error_ratio", round(failed / (failed + ok), 4) if is_enough else 0.0, None, labels, detail)


def _refusals(counts: Mapping[str, float], labels: Mapping[str, str]) -> list[Fact]:
    limited = counts["rate_limited"]
    return [
        Fact(
            "vendor.rate_limited",
            limited if limited >= _RATE_LIMITED_AT_LEAST else 0.0,
            None,
            labels,
            f"{limited:.0f} rate-limited answers in {WINDOW_S // 60} min",
        ),
        Fact("vendor.quota", counts["quota"], None, labels, f"{counts['quota']:.0f} refusals for quota in {WINDOW_S // 60} min"),
    ]


def _sum(measured: Measured, vendor: Vendor, figure: str) -> float | None:
    """Over the sources that can be read; None where none can."""
    kind, _dot, column = figure.partition(".")
    sources = vendor.ok if kind == "ok" else vendor.failed
    names = [f"vendor.{vendor.service}.{kind}{number}{'.' + column if column else ''}" for number in range(len(sources))]
    values = [measured.values[name] for name in names if name in measured.values]
    return sum(values) if values else None
