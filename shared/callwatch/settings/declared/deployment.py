"""This deployment: its names, addresses and zone, and how long it keeps what it stores."""

from datetime import datetime

from callwatch.settings import values
from callwatch.settings.pii_routes import PiiRoute, parse_pii_routes
from callwatch.settings.variable import declare
from callwatch.settings.weekly_report import WeeklyTime, parse_weekly_time


class DeploymentVariables:
    """This deployment: its names, addresses and zone, and how long it keeps what it stores."""

    app_url: str | None = declare(values.parse_base_url, "Public URL of the dashboard, for links in messages.", affects="links")
    node_env: str | None = declare(values.parse_text, "Shown in health as node_env.", is_for_hosts=True)
    vercel_env: str | None = declare(values.parse_text, "Shown in health as vercel_env.")
    stage: str = declare(values.parse_text, "Name of this deployment.", "local")
    commit_sha: str | None = declare(
        values.parse_text, "Shown in health as commit_sha, and the release of captured errors.", is_for_hosts=True
    )
    commit_parameter: str | None = declare(
        values.parse_text,
        "Name of the SSM parameter that holds the deployed commit; health reads it each minute instead of COMMIT_SHA.",
    )
    timezone: str = declare(values.parse_timezone, "IANA time zone in which days begin.", "UTC")
    retention_days: int = declare(
        values.build_integer_parser(1, 3650), "Number of days that errors, requests and deliveries are kept.", "90"
    )
    access_retention_days: int = declare(
        values.build_integer_parser(1, 3650), "Number of days that records of access to personal data are kept.", "365"
    )
    pii_routes: tuple[PiiRoute, ...] | None = declare(
        parse_pii_routes,
        "The product's routes whose responses hold personal data, comma-separated, such as GET /api/calls/{id}: each access to"
        " them must have a record.",
        affects="access",
    )
    retention_clock_trusted_until: datetime | None = declare(
        values.parse_time,
        "Confirms that the clock is right up to this time (ISO 8601): data that became due through a clock jump is deleted"
        " at once.",
    )
    weekly_report_at: WeeklyTime | None = declare(
        parse_weekly_time,
        "When the report of the last week is sent to the channels of e-mail, such as monday 08:00, with a time zone behind it if"
        " that is not TIMEZONE; unset: it is not sent.",
        affects="weekly_report",
    )
