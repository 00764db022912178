"""Generates the table of docs/routes.md: where some alerts go by docs/routes.example.json."""

from datetime import UTC, datetime
from pathlib import Path

from callwatch.alerts.routing.dry_run import show_route
from callwatch.alerts.routing.routes_in_force import check_routes
from callwatch.alerts.rules.builtin import RULES
from callwatch.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ROUTES = ROOT / "docs" / "routes.md"
_EXAMPLE = ROOT / "docs" / "routes.example.json"
_BEGIN, _END = "<!-- route dry run: generated -->\n", "<!-- end -->"
# Of a rule and labels, by day and by night in New York.
_ALERTS = (
    ("vendor_quota", {"service": "openai"}, "2026-11-30T15:00:00Z"),
    ("vendor_quota", {"service": "openai"}, "2026-12-01T04:00:00Z"),
    ("stuck_jobs", {"stage": "transcriptions"}, "2026-11-30T15:00:00Z"),
    ("stuck_jobs", {"stage": "recordings"}, "2026-11-30T15:00:00Z"),
)


def render_routes() -> str:
    """Return docs/routes.md with its table as the code computes it."""
    before, begin, rest = ROUTES.read_text().partition(_BEGIN)
    _old, end, after = rest.partition(_END)
    return before + begin + render_dry_runs() + end + after


def render_dry_runs() -> str:
    """Return one row per alert."""
    settings = Settings(routes_file=str(_EXAMPLE), slack_alert_webhook="https://hooks.slack.com/services/x")
    by_id = {rule.id: rule for rule in RULES}
    head = "| rule, labels | begins | route | channels | not configured | passed |\n|---|---|---|---|---|---|\n"
    rows = []
    for rule_id, labels, at in _ALERTS:
        found = show_route(check_routes(settings), by_id[rule_id], labels, datetime.fromisoformat(at).astimezone(UTC), settings)
        passed = "; ".join(f"{each['name']}: {each['because']}" for each in found["passed"])
        cells = (
            f"{rule_id} {' '.join(f'{name}={text}' for name, text in labels.items())}",
            at,
            found["route"],
            ", ".join(found["channels"]),
            ", ".join(found["channels_not_configured"]),
            passed,
        )
        rows.append(f"| {' | '.join(cells)} |\n")
    return head + "".join(rows)
