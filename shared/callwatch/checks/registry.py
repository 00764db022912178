"""All checks by service; to add one, add its file and one line here."""

from collections.abc import Callable

from callwatch.checks import convoso, database, deepgram, openai
from callwatch.checks.http_service import build_checker
from callwatch.checks.probe_result import ProbeResult
from callwatch.settings import Settings

Check = Callable[[Settings, float], ProbeResult]

BUILT_IN: dict[str, Check] = {
    "database": database.check,
    "deepgram": deepgram.check,
    "openai": openai.check,
    "convoso": convoso.check,
}


def list_checks(settings: Settings) -> dict[str, Check]:
    """Return the built-in checks, then those of HTTP_CHECKS."""
    return BUILT_IN | {configured["name"]: build_checker(configured) for configured in settings.http_checks}
