"""What `promtool check metrics` warns of: the rules of client_golang's promlint, for families that the client library parsed."""

import re
from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric

_BASE_UNITS = ("amperes", "bytes", "celsius", "grams", "joules", "kelvin", "kelvins", "meters", "metres", "moles", "seconds")
_OTHER_UNITS = ("minutes", "hours", "days", "weeks", "inches", "yards", "miles", "pounds", "ounces", "calories", "bits")
_PREFIXES = ("pico", "nano", "micro", "milli", "centi", "deci", "hecto", "kilo", "kibi", "mega", "mibi", "giga", "gibi", "tera")
_ABBREVIATIONS = frozenset(["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d"])
_TYPES = frozenset(["counter", "gauge", "summary", "untyped", "histogram"])
_SUFFIXES = ("_count", "_sum", "_bucket")


def lint(families: Iterable[Metric]) -> list[str]:
    """One line for each violation: the metric and what is wrong with its name."""
    return [f"{family.name} {problem}" for family in families for problem in _check(family)]


def _check(family: Metric) -> Iterator[str]:
    # The parser takes the suffix of a counter from its family.
    name = f"{family.name}_total" if family.type == "counter" else family.name
    words = name.split("_")
    if not family.documentation:
        yield "has no help"
    if family.type != "counter" and name.endswith("_total"):
        yield 'should not have the suffix "_total"'
    if family.type == "gauge" and name.endswith(_SUFFIXES):
        yield "has the suffix of a histogram or a summary"
    if _TYPES & set(words):
        yield "has the word of a type in its name"
    if _ABBREVIATIONS & set(words):
        yield "has an abbreviated unit"
    prefixed = {prefix + unit for prefix in _PREFIXES for unit in (*_BASE_UNITS, *_OTHER_UNITS)}
    if (prefixed | set(_OTHER_UNITS)) & set(words):
        yield "has a unit that is no base unit"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        yield "is not in snake case"
