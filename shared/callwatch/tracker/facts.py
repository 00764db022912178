"""Errors as rules see them. Errors of the monitor itself (project 0) are no errors of the product."""

from datetime import datetime

from callwatch.db.connect import AnyConnection
from callwatch.models.facts import Fact
from callwatch.tracker.stats import last_hour


def error_facts(conn: AnyConnection, now: datetime) -> list[Fact]:
    """Errors of the last 60 minutes: all, and critical ones."""
    total, critical = last_hour(conn, now)
    return [Fact("errors.last_hour", float(total)), Fact("errors.critical_last_hour", float(critical))]
