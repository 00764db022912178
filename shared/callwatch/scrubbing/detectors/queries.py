"""Masks the values of queries: those that were bound to one, and literals of private columns within the statement."""

import re

from callwatch.scrubbing.detectors.bound_values import MARK, mask_bound_values
from callwatch.scrubbing.detectors.keys import Verdict, classify_key, is_private
from callwatch.scrubbing.detectors.rules import list_heads

_SQL = re.compile(
    r"\s{0,50}(?:/\*.{0,200}?\*/\s{0,5})?(?:select|insert|update|delete|with|merge|call|copy|upsert|replace|exec(?:ute)?)\s", re.I
)
_CONDITION_HEADS = list_heads(["where", "and", "or", "in", "like", "ilike", "not", "between", "having"])
_INSERT = re.compile(
    r"insert\s{1,5}(?:ignore\s)?into\s{1,5}[\w\".`\[\]]{1,200}\s{0,5}(?:\((?P<columns>[^()]{1,4000})\))?\s{0,9}(?:overriding \w+ value )?values\s{0,9}",
    re.I,
)
_MAX_ROW_CHARS = 200_000
_COLUMN_LIST = re.compile(
    r"(?<![\w\".])(?P<column>[\w\".`\[\]]{1,80})(?:::\w{1,20})?\)?\s{1,3}(?P<operator>(?:not\s{1,3})?(?:in\s{0,3}\(|i?like\s|rlike\s|similar to\s|between\s|is distinct from\s)|<>\s?|!=\s?|~~?\*?\s|!~\s|=\s?any\s?\((?:\s?array\s?\[)?)",
    re.I,
)
_BETWEEN_ROWS = re.compile(r"\s{0,5},\s{0,5}")
_STRING = re.compile(r"[eEnN]?'(?:[^']|''){0,2000}'(?:::\w+)?")
_FREE_TEXT = re.compile(r"[eEnN]?'(?!\[)[^\W\d_](?=[^']{0,200}?[A-Z\u0080-\uffff ]|(?<=[^a-z]))[^']{1,2000}'")
_NOT_BOUND = re.compile(r"\$\d+|\?|:\w+|%s|%\(\w+\)s|default|null|now\(\)|true|false", re.I)


def looks_like_sql(text: object) -> bool:
    """Whether a text begins like an SQL statement."""
    return isinstance(text, str) and _SQL.match(text) is not None


def mask_queries(text: str, heads: set[str]) -> str:
    """The text without the values that were bound to a query, or stand in it under a private column."""
    text = mask_bound_values(text, heads)
    if "valu" in heads and "inse" in heads:
        text = _mask_inserts(text)
    return _mask_conditions(text) if "'" in text and not heads.isdisjoint(_CONDITION_HEADS) else text


def _mask_inserts(text: str) -> str:
    """INSERT ... VALUES (...), (...): mask literals of private columns, or all literals if the columns are not named."""
    parts, done, left = [], 0, _MAX_ROW_CHARS
    for match in _INSERT.finditer(text):
        if match.start() < done or left <= 0:
            continue
        columns = [name.strip(' "`[]\n') for name in match["columns"].split(",")] if match["columns"] else None
        end, rows = match.end(), []
        while left > 0 and (row := _read_row(text, end)):
            values, stop = row
            left -= stop - end
            rows.append(_mask_row(columns, values))
            end = stop
            comma = _BETWEEN_ROWS.match(text, end)
            if not comma or text[comma.end() : comma.end() + 1] != "(":
                break
            rows.append(comma[0])
            end = comma.end()
        left -= 0 if rows else _MAX_ROW_CHARS // 20
        if rows:
            parts.append(text[done : match.end()] + "".join(rows))
            done = end
    return "".join((*parts, text[done:])) if parts else text


def _read_row(text: str, start: int) -> tuple[list[str], int] | None:
    """The values of one row in parentheses at `start`, and its end; quotes and inner parentheses are respected."""
    if text[start : start + 1] != "(":
        return None
    values: list[str] = []
    at, depth, begin, quote = start + 1, 0, start + 1, ""
    limit = min(len(text), start + _MAX_ROW_CHARS)
    while at < limit:
        sign = text[at]
        if quote:
            quote = "" if sign == quote else quote
        elif sign == "'":
            quote = sign
        elif sign == "(":
            depth += 1
        elif sign == ")":
            if not depth:
                return [*values, text[begin:at]], at + 1
            depth -= 1
        elif sign == "," and not depth:
            values.append(text[begin:at])
            begin = at + 1
        at += 1
    # The text was cut within the row.
    return ([*values, text[begin:at]], at) if at >= len(text) else None


def _mask_row(columns: list[str] | None, values: list[str]) -> str:
    if columns is None or len(columns) != len(values):
        return f"({','.join(value if _is_harmless(value) else f' {MARK}' for value in values).strip()})"
    clean = []
    for column, value in zip(columns, values, strict=True):
        verdict = None if _NOT_BOUND.fullmatch(value.strip()) else classify_key(column)
        kind = verdict.kind if verdict and _is_taken(verdict, value) else "value" if _is_free_text(value) else None
        clean.append(f" '[{kind}]'" if kind else value)
    return f"({','.join(clean).strip()})"


def _is_harmless(value: str) -> bool:
    value = value.strip()
    return bool(_NOT_BOUND.fullmatch(value)) or (value.isdigit() and len(value) < 7) or value.startswith(("'[", "["))


def _is_free_text(value: str) -> bool:
    """Whether a literal is text that a person may have written: a capital or a blank, as opposed to a status, an id or a time."""
    return _FREE_TEXT.fullmatch(value.strip()) is not None


def _is_taken(verdict: Verdict, value: str) -> bool:
    bare = value.strip(" '\"\n")
    return bool(bare) and not (bare.startswith("[") and bare.endswith("]")) and is_private(verdict, bare)


def _mask_conditions(text: str) -> str:
    """Mask texts that are compared with a private column, in IN (...), LIKE, BETWEEN and <>."""
    parts, done = [], 0
    for match in _COLUMN_LIST.finditer(text):
        if match.start() < done or not (verdict := classify_key(match["column"].rpartition(".")[2])):
            continue
        is_list = match["operator"].endswith(("(", "[")) or match["operator"].lower().startswith("between")
        at = match.end()
        while (value := _STRING.match(text, at)) or text[at : at + 1] in (",", " "):
            if not value:
                at += 1
                continue
            if not value[0].startswith("'["):
                parts.append(f"{text[done:at]}'[{verdict.kind}]'")
                done = value.end()
            at = value.end()
            if text[at : at + 5].lower() == " and " and match["operator"].lower().startswith("between"):
                at += 5
            if not is_list:
                break
    return "".join((*parts, text[done:])) if parts else text
