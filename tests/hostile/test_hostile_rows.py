"""Hostile rows in every column that the monitor reads affect only their own figures, in a healthy and in a failing product."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg2
import pytest

from callwatch.pipeline.queries.filter_dsl import TIME
from callwatch.pipeline.stage_file import get_stages
from simulator import faults as product_faults
from simulator import product
from tests.hostile import monitor
from tests.hostile.monitor import State, Tally
from tests.hostile.rows import Injection, families, injected, injections, needing, pairs, spread
from tests.incidents.conftest import BUSY

STAGES = get_stages(None)
# Times ahead that are within the tolerance for clocks.
_WITHIN = ("4 minutes", "5 minutes")
# Times that may be in the future.
SCHEDULES = {"scheduled_for"}
# Columns whose words are states: each value that the file does not name is reported.
STATES = {(stage.table, stage.states.column) for stage in STAGES.stages if stage.states}
KEYS = {table: described["primary_key"][0] for table, described in product.SCHEMA.items()}
# Faults that affect a product in many ways at once, each of them through several rows.
_SICK = (
    product_faults.skip_crons,
    product_faults.exhaust_quota,
    product_faults.omit_fields,
    lambda conn, now: product_faults.sync_shrinks(conn, now, minutes=90),
    product_faults.fail_webhooks,
)
_SICKER = (
    "UPDATE transcription_queue SET status = 'processing', started_at = %(now)s - interval '1 hour'"
    " WHERE id IN (SELECT id FROM transcription_queue WHERE status = 'pending' ORDER BY id LIMIT 4)",
    "UPDATE pending_recordings SET attempts = 12"
    " WHERE id IN (SELECT id FROM pending_recordings WHERE processed_at IS NULL ORDER BY id LIMIT 3)",
    "UPDATE transcription_queue SET attempts = 3"
    " WHERE id IN (SELECT id FROM transcription_queue WHERE status = 'pending' ORDER BY id LIMIT 3)",
    "UPDATE cron_heartbeats SET last_ok = %(now)s - interval '30 days' "
    " WHERE name IN ('batch', 'rollup', 'backfill', 'retention')",
)


@pytest.fixture
def hostile_product(request: pytest.FixtureRequest, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a connection to a product that is healthy, or failing if the test says so; its columns accept NULL."""
    conn = psycopg2.connect(database)
    product.create_tables(conn)
    product.load(conn, BUSY, days=8)
    with conn.cursor() as cursor:
        if getattr(request, "param", "healthy") == "sick":
            for fault in _SICK:
                fault(conn, BUSY)
            for statement in _SICKER:
                cursor.execute(statement, {"now": BUSY})
        for table, column in families(STAGES):
            if column != KEYS[table]:
                cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" DROP NOT NULL')
    conn.commit()
    conn.autocommit = True
    monitor.freeze_handlers(monkeypatch, BUSY)
    with contextlib.closing(conn):
        yield conn


def play(conn: Any, given: Sequence[tuple[Injection, ...]], every: int) -> Tally:
    """Inject one after the other, and check the monitor's result; whole cycles and responses at each n-th."""
    tally = Tally()
    before = monitor.observe(STAGES, BUSY, "UTC")
    for number, ones in enumerate(given):
        with injected(conn, BUSY, KEYS, *ones) as is_there:
            if not is_there:
                tally.refused += 1
                continue
            tally.injections += 1
            tally.columns |= {(one.table, one.column) for one in ones}
            _judge(tally, before, ones, is_whole=number % every == 0)
    return tally


def _judge(tally: Tally, before: State, ones: tuple[Injection, ...], is_whole: bool) -> None:
    what = " and ".join(map(str, ones))
    try:
        after = monitor.observe(STAGES, BUSY, "UTC")
    except Exception as error:
        tally.fail(f"measuring raises {type(error).__name__}", what)
        after = None
    if after is not None:
        tally.slowest_s = max(tally.slowest_s, after.seconds)
        tally.cycles += 1
        names = needing(STAGES, {(one.table, one.column) for one in ones})
        if any(one.alteration for one in ones):
            # The total of a view is counted in another way than that of a table.
            names += tuple(f"{stage.name}.total" for stage in STAGES.stages)
        for kind, found in (
            ("an unrelated figure changes", monitor.unrelated_changes(STAGES, before, after, names)),
            ("an impossible figure", monitor.impossible(after)),
            ("an alert is hidden", [] if _is_true(ones) else monitor.hidden(before, after)),
        ):
            if found:
                tally.fail(kind, f"{what}: {'; '.join(found[:3])}")
        if len(ones) == 1 and _is_odd(ones[0]) and not monitor.is_told(before, after):
            tally.fail("nothing reports it", what)
        if after.seconds > monitor.MAX_CYCLE_S:
            tally.fail("too slow", f"{what}: {after.seconds:.1f} s")
    if is_whole or after is None:
        tally.cycles += 1
        for failed in monitor.whole_cycle(BUSY):
            tally.fail("a step of the cycle fails", f"{what}: {failed}")
        tally.answers += len(monitor.ENDPOINTS)
        for failed in monitor.failed_answers():
            tally.fail("an answer fails", f"{what}: {failed}")


def _is_true(ones: tuple[Injection, ...]) -> bool:
    """Return whether a time is within the tolerance: then it is a normal event, and may end an alert."""
    return any(within in one.value for one in ones for within in _WITHIN)


def _is_odd(one: Injection) -> bool:
    """Return whether this is a time that no working product writes, in a row that depends on it, no time at all, or a state that
    the stage file does not name."""
    if (one.table, one.column) in STATES:
        return one.alteration is None
    if one.family != TIME or not one.is_judged:
        return False
    if one.alteration:
        return one.alteration.to_type != "timestamp without time zone"
    return one.value != "NULL" and not _is_true((one,)) and not (one.column in SCHEDULES and "6 minutes" in one.value)


def _print(capsys: pytest.CaptureFixture[str], tally: Tally) -> None:
    with capsys.disabled():
        print("\n" + "\n".join(tally.lines()))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("hostile_product", ["healthy", "sick"], indirect=True)
def test_a_hostile_row_costs_only_its_own_figures(hostile_product: Any, capsys: pytest.CaptureFixture[str]) -> None:
    singles = injections(hostile_product, STAGES)
    given: list[tuple[Injection, ...]] = [(one,) for one in spread(singles, 30)]
    tally = play(hostile_product, [*given, *pairs(singles, 6, seed=1)], every=12)
    _print(capsys, tally)
    assert tally.failures == {}
    assert tally.injections > 18


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("hostile_product", ["healthy", "sick"], indirect=True)
def test_every_hostile_row_costs_only_its_own_figures(hostile_product: Any, capsys: pytest.CaptureFixture[str]) -> None:
    singles = injections(hostile_product, STAGES)
    share = int(os.environ.get("HOSTILE_EVERY", "1"))
    given: list[tuple[Injection, ...]] = [(one,) for one in singles[::share]]
    tally = play(hostile_product, [*given, *pairs(singles, 200 // share, seed=2)], every=5)
    _print(capsys, tally)
    assert tally.failures == {}
    assert tally.columns == set(families(STAGES)) or share > 1
