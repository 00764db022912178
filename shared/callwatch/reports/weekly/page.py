"""The weekly report as a page without script that prints on two sheets; every text is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from callwatch.models.shapes.reporting.weekly import Target, WeeklyReport

_STYLE = (
    "@page{size:A4;margin:12mm}body{font:12px/1.35 system-ui,sans-serif;color:#1d2939;margin:0 auto;max-width:190mm;padding:8px}"
    "h1{font-size:20px;margin:0}h2{font-size:14px;margin:12px 0 4px;border-bottom:1px solid #d0d5dd}p{margin:2px 0}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:2px 6px;border-bottom:1px solid #eaecf0;"
    "vertical-align:top;overflow-wrap:anywhere}th{color:#475467;font-weight:600}.n{text-align:right;white-space:nowrap}"
    ".met{color:#067647}.missed{color:#b42318;font-weight:600}.unknown{color:#667085;font-style:italic}"
    "@media print{body{font-size:10.5px;padding:0}.second{break-before:page}tr{break-inside:avoid}}"
    "@media(prefers-color-scheme:dark){@media screen{body{background:#101828;color:#e4e7ec}th{color:#98a2b3}"
    "h2,th,td{border-color:#344054}.met{color:#47cd89}.missed{color:#f97066}.unknown{color:#98a2b3}}}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NAMES = {
    "error_rate": "Requests that fail",
    "p95_latency": "95th percentile of response times",
    "uptime": "Uptime of the worst own service",
    "call_cost": "Cost of a call",
    "access_logged": "Access to personal data recorded",
}
_IS_NUMBER = ' class="n"'
# A title may have 300 characters, and a page has two sheets.
_MAX_TITLE_CHARS = 80
_MAX_ROWS = 16


def render_html(report: WeeklyReport) -> str:
    """Render the report."""
    title = f"Week {report['week']}"
    body = "".join([
        f"<h1>{escape(title)}</h1><p>{_describe_span(report)}</p>",
        "<h2>Targets</h2>", _render_targets(report),
        "<h2>Services</h2>", _render_services(report),
        "<h2>Requests of the product</h2>", _render_requests(report),
        "<h2>Pipeline</h2>", _render_pipeline(report),
        '<h2 class="second">Alerts</h2>', _render_alerts(report),
        "<h2>Errors</h2>", _render_errors(report),
        "<h2>Cost</h2>", _render_cost(report),
    ])  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def _describe_span(report: WeeklyReport) -> str:
    zone = ZoneInfo(report["timezone"])
    since, until = (_format_time(report[name], zone) for name in ("since", "until"))
    state = "" if report["is_complete"] else " The week is not over."
    recorded = report["recorded_since"]
    part = f" Recorded only since {_format_time(recorded, zone)}." if report["since"] < recorded < report["until"] else ""
    return escape(f"{since} to {until}, {report['timezone']}.{state}{part}")


def _format_time(when: datetime, zone: ZoneInfo) -> str:
    return when.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def describe_target(report: WeeklyReport, place: int) -> str:
    """One target in a sentence without HTML: "Requests that fail: 0.4 %, wanted below 1 %"."""
    target = report["targets"][place]
    actual = target["actual"]
    shown = "unknown" if actual is None else f"{_render_number(_scale(target, actual))}{_get_unit(target)}"
    return f"{_name_target(target)}: {shown}, wanted {_describe_bound(target)}"


def _render_targets(report: WeeklyReport) -> str:
    rows = []
    for place, target in enumerate(report["targets"]):
        actual = _render_figure(report, f"targets.{place}.actual", _scale(target, target["actual"]), _get_unit(target))
        state = target["state"]
        name = escape(_name_target(target))
        rows.append([name, _describe_bound(target), actual, f'<span class="{state}">{state}</span>'])
    return _render_table(("target", "wanted", "measured", ""), rows)


def _name_target(target: Target) -> str:
    return _NAMES.get(target["name"], target["name"])


def _describe_bound(target: Target) -> str:
    bound = "below" if target["bound"] == "most" else "at least"
    return f"{bound} {_render_number(_scale(target, target['target']))}{_get_unit(target)}"


def _scale(target: Target, value: float | None) -> float | None:
    return value if value is None or target["unit"] != "ratio" else 100 * value


def _get_unit(target: Target) -> str:
    return {"ratio": " %", "percent": " %", "ms": " ms", "usd": " USD"}[target["unit"]]


def _render_services(report: WeeklyReport) -> str:
    rows = []
    for place, service in enumerate(report["services"]):
        path = f"services.{place}"
        rows.append([
            escape(service["name"]),
            _render_figure(report, f"{path}.uptime", service["uptime"], " %"),
            _render_figure(report, f"{path}.minutes_down", service["minutes_down"]),
            _render_figure(report, f"{path}.minutes_rate_limited", service["minutes_rate_limited"]),
            _render_figure(report, f"{path}.minutes_out_of_quota", service["minutes_out_of_quota"]),
        ])  # fmt: skip
    return _render_table(("service", "uptime", "minutes down", "rate-limited", "out of quota"), rows)


def _render_requests(report: WeeklyReport) -> str:
    requests = report["requests"]
    rate = requests["error_rate"]
    cells = [
        _render_figure(report, "requests.count", requests["count"]),
        _render_figure(report, "requests.error_rate", None if rate is None else 100 * rate, " %"),
        *(_render_figure(report, f"requests.{name}", value, " ms") for name, value in (
            ("p50_ms", requests["p50_ms"]), ("p95_ms", requests["p95_ms"]), ("p99_ms", requests["p99_ms"]),
        )),
    ]  # fmt: skip
    return _render_table(("requests", "failed", "median", "p95", "p99"), [cells])


def _render_pipeline(report: WeeklyReport) -> str:
    rows = []
    for place, stage in enumerate(report["pipeline"]):
        path = f"pipeline.{place}"
        completed = _render_figure(report, f"{path}.completed", stage["completed"])
        rows.append([escape(stage["name"]), completed, _render_figure(report, f"{path}.peak_pending", stage["peak_pending"])])
    return _render_table(("stage", "completed", "most waiting"), rows)


def _render_alerts(report: WeeklyReport) -> str:
    alerts = report["alerts"]
    levels = ", ".join(f"{count} {level}" for level, count in sorted(alerts["by_level"].items()))
    acknowledged, resolved = _count(alerts["acknowledged"]), _count(alerts["resolved"])
    lines = [
        f"{_count(alerts['count'])} alerts{f' ({levels})' if levels else ''}; {_count(alerts['inhibited'])} more followed from"
        " another one.",
        f"Mean time to acknowledge: {_format_duration(alerts['mean_time_to_acknowledge_s'])} ({acknowledged} acknowledged).",
        f"Mean time to resolve: {_format_duration(alerts['mean_time_to_resolve_s'])} ({resolved} resolved).",
    ]
    rows = [
        [escape(_shorten(rule["title"])), _render_number(rule["count"]), _render_number(rule["firing_minutes"])]
        for rule in alerts["noisiest_rules"]
    ]
    return "".join(f"<p>{escape(line)}</p>" for line in lines) + _render_table(("noisiest rules", "alerts", "minutes"), rows)


def _render_errors(report: WeeklyReport) -> str:
    errors = report["errors"]
    total = _render_figure(report, "errors.total", errors["total"])
    severities = ", ".join(f"{count} {severity}" for severity, count in sorted(errors["by_severity"].items()))
    found = f"<p>{total} errors{escape(f' ({severities})') if severities else ''}</p>"
    for name, count, groups in (
        ("new", errors["new_count"], errors["new"]),
        ("back after they were resolved", errors["regressed_count"], errors["regressed"]),
    ):
        rows = [
            [
                escape(_shorten(group["title"])),
                escape(group["environment"]),
                escape(group["severity"]),
                _render_number(group["count"]),
            ]
            for group in groups
        ]
        found += _render_table((f"{_count(count)} {name}", "environment", "severity", "count"), rows)
    return found


def _render_cost(report: WeeklyReport) -> str:
    cost = report["cost"]
    cells = [
        _render_figure(report, "cost.total", cost["total"], " USD"),
        _render_figure(report, "cost.per_call", cost["per_call"], " USD"),
        _render_figure(report, "cost.calls", cost["calls"]),
        _render_figure(report, "cost.unpriced_calls", cost["unpriced_calls"]),
    ]
    return _render_table(("total", "a call", "calls", "without a price"), [cells])


def _render_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    given = list(rows)
    lines = [f"<tr>{_render_cells(row)}</tr>" for row in given[:_MAX_ROWS]]
    if len(given) > _MAX_ROWS:
        lines.append(f'<tr><td colspan="{len(head)}">and {len(given) - _MAX_ROWS} more</td></tr>')
    if not lines:
        return f'<p class="unknown">{escape(head[0])}: none</p>'
    marks = "".join(f"<th{'' if place == 0 else _IS_NUMBER}>{escape(name)}</th>" for place, name in enumerate(head))
    return f"<table><tr>{marks}</tr>{''.join(lines)}</table>"


def _render_cells(row: Sequence[str]) -> str:
    return "".join(f"<td{'' if place == 0 else _IS_NUMBER}>{cell}</td>" for place, cell in enumerate(row))


def _render_figure(report: WeeklyReport, path: str, value: float | None, unit: str = "") -> str:
    """A figure as HTML; an unknown one says why."""
    if value is not None:
        return f"{_render_number(value)}{escape(unit)}"
    reason = report["unknown"].get(path)
    return f'<span class="unknown" title="{escape(reason.message if reason else "")}">unknown</span>'


def _count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _render_number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")


def _format_duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 60 else f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TITLE_CHARS else f"{text[:_MAX_TITLE_CHARS]}…"
