"""Renders metrics in the text format of Prometheus (0.0.4), or as OpenMetrics (1.0.0) for a scraper that asks for it."""

from collections.abc import Iterator, Mapping

from callwatch.reports.prometheus.families import Family, collect_families

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_MAX_ACCEPT_CHARS = 1_000


def accepts_openmetrics(accept: str) -> bool:
    """Whether a header Accept names OpenMetrics; a weight of 0 refuses it."""
    for given in accept[:_MAX_ACCEPT_CHARS].lower().split(","):
        kind, *parameters = (part.strip() for part in given.split(";"))
        if kind == "application/openmetrics-text" and not any(part in ("q=0", "q=0.0") for part in parameters):
            return True
    return False


def render_exposition(answers: Mapping[str, Mapping[str, object]], is_openmetrics: bool = False) -> str:
    """Render all numbers, booleans and times of some responses, which are given by their short names."""
    families = collect_families(answers)
    text = "".join(line for family in families for line in _render(family, is_openmetrics))
    return f"{text}# EOF\n" if is_openmetrics else text


def _render(family: Family, is_openmetrics: bool) -> Iterator[str]:
    # In OpenMetrics a counter's family is named without the suffix of its samples.
    name = family.name.family if is_openmetrics else family.name.sample
    yield f"# HELP {name} {_escape(family.about) if is_openmetrics else family.about}\n"
    yield f"# TYPE {name} {'counter' if family.name.is_counter else 'gauge'}\n"
    if is_openmetrics and family.name.unit:
        yield f"# UNIT {name} {family.name.unit}\n"
    for labels, value in sorted(family.samples.items()):
        shown = ",".join(f'{label}="{_escape(text)}"' for label, text in labels)
        yield (
            f"{family.name.sample}{{{shown}}} {_format_number(value)}\n"
            if shown
            else f"{family.name.sample} {_format_number(value)}\n"
        )


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _format_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
