"""Vendors as the pipeline itself experiences them: failures classified by their words, which never leave the database."""

from collections.abc import Mapping

from psycopg2.sql import SQL, Composable, Identifier

from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.queries.filter_dsl import ANY, TIME, Needs, list_needs, merge, render_sql
from callwatch.pipeline.queries.odd_rows import count_odd_rows
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.queries.reading import Aggregate, Reading
from callwatch.pipeline.queries.stage import Failures, Rows, Vendor
from callwatch.pipeline.queries.statements import Literal, coalesce, name_column
from callwatch.pipeline.queries.time_bounds import MAX_CLOCK_SKEW_S, compose_newer_than

WINDOW_S = 1800
# With too few requests a rate means nothing; a vendor slows everybody down now and then.
_MIN_REQUESTS = 10
_MIN_RATE_LIMITED = 2
_NONE_SUCCEEDED = Reason("no_traffic", f"no request to the vendor succeeded in {WINDOW_S // 60} min")
_TOO_FEW = Reason("no_traffic", f"too few requests to the vendor in {WINDOW_S // 60} min to show that it is over")
# The first class that fits counts: a used-up quota often comes as a 429, too.
CLASSES: Mapping[str, str] = {
    "quota": r"insufficient_quota|quota|billing|payment required|out of credits?|\m402\M",
    "rate_limited": r"rate.?limit|too many requests|\m429\M",
    "auth": r"unauthori[sz]ed|forbidden|invalid.{0,12}(api.?key|token|credential)|\m40[13]\M",
    "timeout": r"time.?out|timed out|etimedout|econnre|enotfound|socket hang up",
    "error": r"\m50[0234]\M|bad gateway|service unavailable|internal server error",
}


def build_vendor_readings(vendor: Vendor) -> list[Reading]:
    """One reading for each kind of row: how many requests succeeded, how many failed by class, and its odd rows."""
    readings = [_count_successes(f"vendor.{vendor.service}.ok{number}", rows) for number, rows in enumerate(vendor.ok)]
    readings += [_count_failures(f"vendor.{vendor.service}.failed{number}", f) for number, f in enumerate(vendor.failed)]
    kinds = [*vendor.ok, *(failures.rows for failures in vendor.failed)]
    odd = (count_odd_rows(f"vendor.{vendor.service}.odd{number}", rows, rows.at) for number, rows in enumerate(kinds))
    return readings + [reading for reading in odd if reading]


def _count_successes(name: str, rows: Rows) -> Reading:
    needs, condition = _select_recent(rows)
    aggregate = Aggregate(rows.table, SQL("count(*){filter}::float"), condition)
    return Reading(name, needs, aggregate.select(), aggregate=aggregate)


def _count_failures(name: str, failures: Failures) -> Reading:
    rows = failures.rows
    needs, condition = _select_recent(rows)
    case = SQL("WHEN left({text}::text, 2000) ~* {pattern} THEN {kind}")
    cases = (
        case.format(text=name_column(failures.text), pattern=Literal(pattern), kind=Literal(kind))
        for kind, pattern in CLASSES.items()
    )
    count = SQL("count(*) FILTER (WHERE kind = {kind})::float AS {name}")
    template = "SELECT {kinds} FROM (SELECT CASE {cases} END AS kind FROM {table} r WHERE {condition}) AS failures"
    sql = SQL(template).format(
        kinds=SQL(", ").join(count.format(kind=Literal(kind), name=Identifier(kind)) for kind in CLASSES),
        cases=SQL(" ").join(cases),
        table=Identifier(rows.table),
        condition=condition,
    )
    return Reading(name, merge({}, needs, {rows.table: {failures.text: ANY}}), sql)


def _select_recent(rows: Rows) -> tuple[Needs, Composable]:
    needs = merge(list_needs(rows.table, rows.where), {rows.table: dict.fromkeys(rows.at, TIME)})
    ahead_s = MAX_CLOCK_SKEW_S if rows.ahead_s is None else rows.ahead_s
    is_recent = compose_newer_than(coalesce(rows.at), WINDOW_S, ahead_s)
    return needs, SQL(" AND ").join([render_sql(rows.where, rows.table), is_recent])


def list_vendor_samples(vendor: Vendor, measured: Measured) -> list[Sample]:
    """vendor.error_ratio, vendor.rate_limited, vendor.quota; unreadable sources are left out."""
    labels = {"service": vendor.service}
    found = {kind: _sum(measured, vendor, f"failed.{kind}") for kind in CLASSES}
    ok = _sum(measured, vendor, "ok")
    if any(value is None for value in found.values()):
        reason = measured.explain_unknown(*(f"vendor.{vendor.service}.failed{number}" for number in range(len(vendor.failed))))
        return [Sample(f"vendor.{metric}", None, reason, labels) for metric in ("error_ratio", "rate_limited", "quota")]
    counts = {kind: value or 0.0 for kind, value in found.items()}
    # Without a request that succeeds, nothing shows that the vendor works again.
    doubt = None if ok else _NONE_SUCCEEDED
    return [_sample_ratio(counts, ok, labels, measured, vendor), *_sample_refusals(counts, labels, doubt)]


def _sample_ratio(
    counts: Mapping[str, float], ok: float | None, labels: Mapping[str, str], measured: Measured, vendor: Vendor
) -> Sample:
    if ok is None:
        return Sample("vendor.error_ratio", None, measured.explain_unknown(f"vendor.{vendor.service}.ok0"), labels)
    failed = sum(counts.values())
    failures = ", ".join(f"{count:.0f} {kind}" for kind, count in counts.items() if count) or "no failures"
    detail = f"{failures} and {ok:.0f} successful in {WINDOW_S // 60} min"
    is_enough = failed + ok >= _MIN_REQUESTS
    doubt = None if is_enough or (ok and not failed) else _TOO_FEW
    ratio = round(failed / (failed + ok), 4) if is_enough else 0.0
    return Sample("vendor.error_ratio", ratio, None, labels, detail, inconclusive=doubt)


def _sample_refusals(counts: Mapping[str, float], labels: Mapping[str, str], doubt: Reason | None) -> list[Sample]:
    limited = counts["rate_limited"]
    return [
        Sample(
            "vendor.rate_limited",
            limited if limited >= _MIN_RATE_LIMITED else 0.0,
            None,
            labels,
            f"{limited:.0f} rate-limited responses in {WINDOW_S // 60} min",
            inconclusive=doubt,
        ),
        Sample(
            "vendor.quota",
            counts["quota"],
            None,
            labels,
            f"{counts['quota']:.0f} refusals for quota in {WINDOW_S // 60} min",
            inconclusive=doubt,
        ),
    ]


def _sum(measured: Measured, vendor: Vendor, figure: str) -> float | None:
    """The sum over the readable sources; None if there is none."""
    kind, _dot, column = figure.partition(".")
    sources = vendor.ok if kind == "ok" else vendor.failed
    names = [f"vendor.{vendor.service}.{kind}{number}{'.' + column if column else ''}" for number in range(len(sources))]
    values = [measured.values[name] for name in names if name in measured.values]
    return sum(values) if values else None
