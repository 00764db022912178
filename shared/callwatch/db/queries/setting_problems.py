"""The settings that the monitor found unusable: other functions, which do not have those settings, show them too."""

from collections.abc import Sequence
from datetime import datetime

from callwatch.db.core.connect import AnyConnection
from callwatch.db.core.query import execute, fetch_all
from callwatch.models.shapes.stored import SettingProblem as ShownProblem
from callwatch.settings import SettingProblem

_KEEP = """
    INSERT INTO callwatch.setting_problems AS known (variable, affects, message, since)
    VALUES (%(variable)s, %(affects)s, %(message)s, %(now)s)
    ON CONFLICT (variable) DO UPDATE SET affects = EXCLUDED.affects, message = EXCLUDED.message
        WHERE (known.affects, known.message) <> (EXCLUDED.affects, EXCLUDED.message)
"""
_FORGET = "DELETE FROM callwatch.setting_problems WHERE variable <> ALL (%s)"
_LIST = "SELECT variable, affects, message FROM callwatch.setting_problems ORDER BY variable"


def keep_problems(conn: AnyConnection, problems: Sequence[SettingProblem], now: datetime) -> None:
    """Replace the stored problems with the current ones. The caller commits."""
    for problem in problems:
        given = {"variable": problem.variable, "affects": problem.affects, "message": problem.message, "now": now}
        execute(conn, _KEEP, given)
    execute(conn, _FORGET, ([problem.variable for problem in problems],))


def list_stored_problems(conn: AnyConnection) -> list[ShownProblem]:
    """The problems that the last cycle found."""
    return fetch_all(conn, _LIST, (), ShownProblem)
