"""What recent items lack: recordings, and key fields by source."""

from collections.abc import Mapping
from typing import Any

from callwatch.models.facts import Fact
from callwatch.pipeline.clauses import ANY, TEXT, TIME, Needs, ago, merge, needs_of, sql_of
from callwatch.pipeline.measure import Measured
from callwatch.pipeline.readings import DAY_S, Reading

AVAILABILITY = "availability"
USUAL_AVAILABILITY = "availability.usual"
COMPLETENESS = "completeness"
# Whether a field is used at all is seen from so many items, over so many days.
_LOOKED_AT, _LOOK_BACK_S = 2000, 14 * DAY_S
# What is taken for usual where earlier days do not tell, and which of them are asked: without an index each is a scan.
_ASSUMED_AVAILABILITY = 0.9
_EARLIER_DAYS = (1, 3, 5, 7, 9)


def availability_reading(given: Mapping[str, Any]) -> Reading:
    """Of the newest items that are old enough: how many there are, and how many have what they should.

    Where the file says from what age on an item counts whatever `where` says, that also stands in for a missing column.
    """
    table, where = given["table"], sql_of(given["where"], given["table"])
    needs = needs_of(table, given["where"])
    anyway_s = given.get("anyway_after_s")
    if anyway_s is None:
        return _availability(given, where, given["after_s"], needs)
    counted = f'({where} OR r."{given["at"]}" < {ago(anyway_s)})'
    return _availability(given, counted, given["after_s"], needs, _availability(given, "true", anyway_s, {}))


def _availability(
    given: Mapping[str, Any], where: str, after_s: float, needs: Needs, otherwise: Reading | None = None
) -> Reading:
    table, at, column = given["table"], given["at"], given["column"]
    sql = f"""
        SELECT count(*)::float AS items, avg((wanted IS NOT NULL)::int)::float AS ratio FROM (
            SELECT r."{column}" AS wanted FROM "{table}" r
            WHERE {where} AND r."{at}" > {ago(DAY_S)} AND r."{at}" < {ago(after_s)}
            ORDER BY r."{at}" DESC LIMIT {int(given["newest"])}) AS newest
    """
    return Reading(AVAILABILITY, merge({}, needs, {table: {at: TIME, column: ANY}}), sql, otherwise=otherwise)


def usual_availability_reading(given: Mapping[str, Any]) -> Reading:
    """The same share at this time of earlier days: their median, of days with enough items."""
    table, at, column = given["table"], given["at"], given["column"]
    day = f"make_interval(secs => day * {DAY_S} + {int(given.get('anyway_after_s') or given['after_s'])})"
    sql = f"""
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio)::float AS value FROM (
            SELECT avg((wanted IS NOT NULL)::int) AS ratio
            FROM unnest(ARRAY{list(_EARLIER_DAYS)}) AS day CROSS JOIN LATERAL (
                SELECT r."{column}" AS wanted FROM "{table}" r
                WHERE r."{at}" < %(now)s::timestamptz - {day}
                  AND r."{at}" > %(now)s::timestamptz - {day} - interval '1 day'
                ORDER BY r."{at}" DESC LIMIT {int(given["newest"])}) AS newest
            GROUP BY day HAVING count(*) >= {int(given["at_least"])}) AS days
    """
    return Reading(USUAL_AVAILABILITY, {table: {at: TIME, column: ANY}}, sql, empty="no earlier day to compare with")


def completeness_readings(given: Mapping[str, Any]) -> list[Reading]:
    """One reading a field: by source, the newest items of a day, how many lack it, and how many ever had it."""
    return [_field(given, column) for column in given["columns"]]


def _field(given: Mapping[str, Any], column: str) -> Reading:
    table, at, by = given["table"], given["at"], given["by"]
    sql = f"""
        SELECT source, count(*) FILTER (WHERE is_recent)::int AS items,
               count(*) FILTER (WHERE is_recent AND is_missing)::int AS missing,
               count(*) FILTER (WHERE NOT is_missing)::int AS ever
        FROM (SELECT coalesce(r."{by}"::text, 'none') AS source, r."{column}" IS NULL AS is_missing,
                     r."{at}" > {ago(DAY_S)} AND row_number() OVER (PARTITION BY r."{by}" ORDER BY r."{at}" DESC)
                     <= {int(given["newest"])} AS is_recent
              FROM (SELECT "{by}", "{at}", "{column}" FROM "{table}"
                    WHERE "{at}" > {ago(_LOOK_BACK_S)} AND "{at}" <= %(now)s::timestamptz
                    ORDER BY "{at}" DESC LIMIT {_LOOKED_AT}) AS r) AS items
        GROUP BY source ORDER BY source
    """
    return Reading(f"{COMPLETENESS}.{column}", {table: {at: TIME, by: TEXT, column: ANY}}, sql, is_table=True)


def availability_facts(given: Mapping[str, Any], measured: Measured) -> list[Fact]:
    """recordings.availability, and by how much it falls short of earlier days; no fact where there are too few items."""
    items = measured.get(f"{AVAILABILITY}.items")
    if items is None:
        reason = measured.why(f"{AVAILABILITY}.items")
        return [Fact(metric, None, reason) for metric in ("recordings.availability", "recordings.shortfall")]
    if items < given["at_least"]:
        return []
    ratio, usual = measured.values[f"{AVAILABILITY}.ratio"], measured.get(USUAL_AVAILABILITY)
    detail = f"{round(ratio * items)} of the newest {items:.0f} calls have a recording"
    detail += f", {usual:.0%} on earlier days" if usual is not None else ""
    expected = _ASSUMED_AVAILABILITY if usual is None else usual
    shortfall = max(0.0, 1 - ratio / expected) if expected else 0.0
    return [
        Fact("recordings.availability", ratio, detail=detail),
        Fact("recordings.shortfall", round(shortfall, 4), detail=detail),
    ]


def completeness_facts(given: Mapping[str, Any], measured: Measured) -> list[Fact]:
    """fields.null_rate by field and source; a field that a source never fills is not missing from it."""
    facts = []
    for column in given["columns"]:
        name = f"{COMPLETENESS}.{column}"
        if name in measured.unknown:
            facts.append(Fact("fields.null_rate", None, measured.unknown[name], {"field": column}))
        for row in measured.rows.get(name, []):
            if row["items"] < given["at_least"]:
                continue
            labels = {"field": column, "source": row["source"][:60]}
            detail = f"{row['missing']} of {row['items']} rows lack it"
            is_used = row["ever"] > 0
            rate = row["missing"] / row["items"] if is_used else 0.0
            facts.append(
                Fact("fields.null_rate", round(rate, 4), None, labels, detail if is_used else "this source never fills it")
            )
    return facts


def completeness_of(measured: Measured, column: str) -> tuple[float | None, str]:
    """The share 0..1 of recent items that have a field; or None and why."""
    name = f"{COMPLETENESS}.{column}"
    rows = measured.rows.get(name)
    if rows is None:
        return None, measured.why(name)
    items = sum(row["items"] for row in rows)
    present = items - sum(row["missing"] for row in rows)
    return (round(present / items, 4) if items else None), "no traffic in the window"


def completeness_by_source(measured: Measured, columns: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The share of recent items that have a field, by source and field."""
    found: dict[str, dict[str, float]] = {}
    for column in columns:
        for row in measured.rows.get(f"{COMPLETENESS}.{column}", []):
            if row["items"]:
                found.setdefault(row["source"], {})[column] = round(1 - row["missing"] / row["items"], 4)
    return found
