"""The step `check`: probes the services, stores the results, and turns them into samples."""

import dataclasses
from collections.abc import Mapping

from callwatch.alerts.guarded_writes import run_isolated
from callwatch.alerts.silencing.maintenance import find_in_maintenance
from callwatch.checks.network import measure_network
from callwatch.checks.probe_result import ProbeResult
from callwatch.checks.record import build_results_without_state, check_samples, record_checks
from callwatch.checks.run import run_checks
from callwatch.db import connection
from callwatch.db.core.connect import extract_first_line
from callwatch.db.core.db_errors import is_refused_write
from callwatch.exceptions import DatabaseUnavailable
from callwatch.monitor.cycle import Cycle
from callwatch.settings import get_settings

_CHECK_S = 3.0
_CHECKED = ("service.", "provider.", "network.")
_NO_WRITES = "the server does not accept writes"


def check(cycle: Cycle) -> Mapping[str, object]:
    """Probe every service at once; without a database the results are used as they are."""
    if cycle.compute_remaining_s(_CHECK_S) < _CHECK_S:
        # Probes without time would all report that nothing responds.
        cycle.unread += _CHECKED
        return {"skipped": "the cycle had no time left"}
    try:
        probes = _apply_refusal(run_checks(get_settings(), _CHECK_S), cycle)
    except Exception:
        cycle.unread += _CHECKED
        raise
    try:
        with connection() as conn:
            in_maintenance, _error = run_isolated(conn, lambda: find_in_maintenance(conn, probes, cycle.now))
            cycle.checks = record_checks(conn, probes, cycle.now, in_maintenance or frozenset())
            conn.commit()
    except Exception as error:
        if isinstance(error, DatabaseUnavailable):
            cycle.checks = build_results_without_state(probes, cycle.now)
        elif is_refused_write(error):
            cycle.refusal = extract_first_line(error)
            cycle.checks = build_results_without_state(_apply_refusal(probes, cycle), cycle.now)
        else:
            cycle.unread += _CHECKED
        raise
    finally:
        cycle.samples += [*check_samples(cycle.checks), *measure_network(cycle.checks)]
    return {"services": {result.service: result.status for result in cycle.checks}}


def _apply_refusal(probes: Mapping[str, ProbeResult], cycle: Cycle) -> dict[str, ProbeResult]:
    """Return the results; a database that rejected a write of this cycle is unhealthy, whatever its own check found."""
    database = probes.get("database")
    if database is None:
        return dict(probes)
    if (database.status, database.reason) == ("unhealthy", "error"):
        cycle.refusal = cycle.refusal or _NO_WRITES
    if cycle.refusal is None or database.status == "unhealthy":
        return dict(probes)
    return {**probes, "database": dataclasses.replace(database, status="unhealthy", reason="error")}
