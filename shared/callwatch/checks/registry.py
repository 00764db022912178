"""All checks by service: a new one is its file and one line here."""

from collections.abc import Callable

from callwatch.checks import convoso, database, deepgram, openai
from callwatch.checks.http_service import checker
from callwatch.checks.verdict import Verdict
from callwatch.settings import Settings

Check = Callable[[Settings, float], Verdict]

BUILT_IN: dict[str, Check] = {
    "database": database.check,
    "deepgram": deepgram.check,
    "openai": openai.check,
    "convoso": convoso.check,
}


def checks_of(settings: Settings) -> dict[str, Check]:
    """The built-in checks, then those of HTTP_CHECKS."""
    return BUILT_IN | {configured["name"]: checker(configured) for configured in settings.http_checks}
