"""Hostile texts by shape, and the places of a request that can contain them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[int], str]


def repeat(unit: str, head: str = "", tail: str = "") -> Shape:
    """Return a shape: texts of a given length that repeat one unit."""

    def build(size: int) -> str:
        return head + unit * max(1, (size - len(head) - len(tail)) // len(unit)) + tail

    return build


def nest(opening: str, closing: str) -> Shape:
    """Return a shape: texts of a given length in which each unit opens within the previous one."""

    def build(size: int) -> str:
        depth = size // (len(opening) + len(closing))
        return opening * depth + closing * depth

    return build


SHAPES: dict[str, Shape] = {
    "letters": repeat("a"),
    "digits": repeat("1"),
    "hex by turns": repeat("a1"),
    "blanks": repeat(" "),
    "newlines": repeat("\n"),
    "quotes": repeat('"'),
    "single quotes": repeat("'"),
    "escaped quotes": repeat('\\"'),
    "backslashes": repeat("\\"),
    "brackets": repeat("["),
    "braces": repeat('{"a":'),
    "nested lists": nest("[", "]"),
    "nested objects": nest('{"a":', "0}"),
    "colons in a bracket": repeat(":", "["),
    "parentheses": repeat("("),
    "at signs": repeat("@"),
    "dots": repeat("."),
    "dotted letters": repeat("a."),
    "dashed letters": repeat("a-"),
    "mail addresses without an end": repeat("a@a."),
    "mail addresses without a gap": repeat("a@b.com" + "m" * 24),
    "sk- without a digit": repeat("sk-"),
    "sk- in one word": repeat("sk-a-", "", "!"),
    "tokens": repeat("token a-"),
    "bearers": repeat("bearer "),
    "JWTs": repeat("eyJaaaaaaaa."),
    "PEM openings": repeat("-----BEGIN "),
    "PEM headers": repeat("-----BEGIN A KEY-----"),
    "passwords without an end": repeat('password="x\\"'),
    "names without an end": repeat('name="x\\"'),
    "phones without an end": repeat("phone='x\\'"),
    "XML elements without an end": repeat("<name>a"),
    "XML elements in one tag": repeat("<name a </"),
    "elements that end as another": repeat("<first>a</last>"),
    "form fields without a value": repeat("name=a ", "", "value="),
    "form fields with an open value": repeat('name="a" value="'),
    "form data": repeat('form-data; name="a"\r\n\r\n'),
    "form data without a part": repeat('name="a" a: b\r\n', "form-data"),
    "arrays of PHP": repeat('["a"]=> string(1) "'),
    "pairs of Python": repeat("('name', '"),
    "turns": repeat("agent: I\n"),
    "turns in one line": repeat("customer: my "),
    "subtitles": repeat("00:01.000 --> 00:02.000\na b\n"),
    "tab-separated": repeat("name\ta\t"),
    "tabs": repeat("\t"),
    "lines of keys and tabs": repeat("\nname\t"),
    "duplicate entries": repeat("Duplicate entry 'a"),
    "text in hex": repeat("613d"),
    "odd hex": repeat("61", "a"),
    "quoted-printable": repeat("a=40"),
    "encoded words": repeat("=?utf-8?B?"),
    "transcripts in lists": repeat("transcript=["),
    "cookies": repeat("cookie: a "),
    "PostgreSQL details": repeat("Key (a)=("),
    "inserts": repeat("(a) values ("),
    "failing rows": repeat("failing row contains ("),
    "card groups": repeat("4111 "),
    "IBAN groups": repeat("AB12 "),
    "phone groups": repeat("415-555-"),
    "plus phones": repeat("+1 4"),
    "streets": repeat("12 Main "),
    "capitals": repeat("Aaaa "),
    "customers": repeat("customer John "),
    "URLs with users": repeat("a://b:"),
    "recordings": repeat("https://a/recordings/"),
    "keys of an SDK": repeat("://a1"),
    "percent signs": repeat("%25"),
    "escaped escapes": repeat("%2525"),
    "query pairs": repeat("a=1&"),
    "key by key": repeat("a="),
    "dates": repeat("2026-01-31T"),
    "versions": repeat("1.1."),
    "asset hashes": repeat("-a1b2c3d4."),
    "path segments": repeat("a/"),
    "packages": repeat("node_modules/"),
    "releases": repeat("/releases/a"),
    "schemes": repeat("a+", "", "://"),
    "minified names": repeat("a$."),
    "aliases": repeat(" [as "),
    "lambdas": repeat("lambda"),
    "stack lines of Python": repeat('  File "a", line 1, in '),
    "stack lines of JavaScript": repeat("at a:1:1"),
    "stack lines of Ruby": repeat("a:1:in `"),
    "data URLs": repeat("QUFB", "data:text/javascript;base64,"),
    "SQLSTATE": repeat("sql SQLSTATE[ "),
    "placeholders": repeat("{{ default }}"),
    "JSON in a text": lambda size: json.dumps({"a": ["x" * 10] * (size // 14)}),
    "JSON in JSON": lambda size: json.dumps(json.dumps({"a": "x" * (size // 2)})),
    "reprs": lambda size: repr({"a": ["x"] * (size // 5)}),
    "wide digits": repeat("４１１１ "),
    "surrogates": repeat("\ud800"),
    "combining": repeat("e\u0301"),
    "NUL": repeat("\x00"),
    "markers": repeat("[phone]"),
}

Place = Callable[[str], dict[str, Any]]


def frame(**fields: Any) -> dict[str, Any]:
    """Build an event with one frame."""
    whole = {"filename": "app/a.py", "function": "f", "lineno": 1, "in_app": True, **fields}
    return {"exception": {"values": [{"type": "E", "value": "x", "stacktrace": {"frames": [whole]}}]}}


# Twenty of everything that a sender may repeat, so that limits on single texts do not hide the cost of many.
PLACES: dict[str, Place] = {
    "message": lambda text: {"message": text},
    "value": lambda text: {"exception": {"values": [{"type": "E", "value": text[: len(text) // 20]}] * 20}},
    "file name": lambda text: _frames(text, "filename"),
    "function": lambda text: _frames(text, "function"),
    "module": lambda text: _frames(text, "module"),
    "key": lambda text: {"message": "x", "extra": {f"{n}{part}": "x" for n, part in enumerate(_split(text))}},
    "extra": lambda text: {"message": "x", "extra": {"a": text}},
    "query": lambda text: {"message": "x", "request": {"url": f"https://a/?{text}", "query_string": text}},
    "tag": lambda text: {"message": "x", "tags": {f"t{n}": part for n, part in enumerate(_split(text))}},
    "SQL": lambda text: {"message": "x", "breadcrumbs": {"values": [{"category": "query", "message": f"SELECT '{text}'"}]}},
    "fingerprint": lambda text: {"message": "x", "fingerprint": _split(text)},
    "variable": lambda text: frame(vars={"a": text}),
    "many values": lambda text: {"message": "x", "extra": {"a": _cut(text, 100)}},
    "many keys": lambda text: {"message": "x", "extra": {f"{n} {part}": "x" for n, part in enumerate(_cut(text, 60))}},
    "many fields": lambda text: {"message": "x", "extra": {f"password{n}": part for n, part in enumerate(_cut(text, 60))}},
    "source lines": lambda text: frame(pre_context=_split(text), post_context=_split(text)[:9]),
    "template": lambda text: {"logentry": {"message": text, "params": _split(text)}},
    "parameter": lambda text: {"logentry": {"message": "%s" * 20, "params": _split(text)}},
    "cause": lambda text: _chain(text),
    "package": lambda text: {"message": "x", "modules": {f"{n}{part}": part for n, part in enumerate(_cut(text, 60))}},
    "named fingerprint": lambda text: {"message": text, "fingerprint": ["{{ message }}", "{{ default }}", *_split(text)[:9]]},
    "release": lambda text: {"message": "x", "release": text, "dist": text, "logger": text, "level": text},
    "header": lambda text: {"message": "x", "request": {"headers": {"X-A": text, "Cookie": text[: len(text) // 2]}}},
}


def _split(text: str) -> list[str]:
    size = max(1, len(text) // 20)
    return [text[start : start + size] for start in range(0, len(text), size)][:20]


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _frames(text: str, name: str) -> dict[str, Any]:
    parts = [{"filename": "app/a.js", "function": "f", "in_app": True, name: f"{n}{part}"} for n, part in enumerate(_split(text))]
    return {"exception": {"values": [{"type": "E", "value": "x", "stacktrace": {"frames": parts}}]}}


def _chain(text: str) -> dict[str, Any]:
    """Return a chain of exceptions with the text in the value and in the frames of each cause."""
    links = [
        {"type": "E", "value": part, "stacktrace": {"frames": [{"filename": f"{part}.js", "function": part}]}}
        for part in _split(text)
    ]
    return {"exception": {"values": [*links, {"type": "E", "value": "x"}]}}


def event_at(place: str, shape: str, json_bytes: int) -> dict[str, Any]:
    """Build an event with one shape in one place and about this size as JSON."""
    probe = len(as_json(PLACES[place](SHAPES[shape](20_000)))) / 20_000
    return PLACES[place](SHAPES[shape](int(json_bytes / probe)))


def as_json(event: Mapping[str, Any]) -> bytes:
    """Encode JSON as SDKs do; lone surrogates are escaped."""
    return json.dumps(event).encode()


def build_errors(shape: str, count: int, json_bytes: int) -> list[dict[str, Any]]:
    """Build a list of errors of about this size as JSON, each with its own text of one shape as message and as stack."""

    def build(chars: int) -> list[dict[str, Any]]:
        texts = [f"{number}{SHAPES[shape](chars // 3)}" for number in range(count)]
        return [{"message": text, "stack": text * 2} for text in texts]

    probe = len(as_json({"items": build(20_000)[:1]})) / 20_000
    return build(int(json_bytes / count / probe))


def build_log_records(shape: str, count: int, json_bytes: int) -> dict[str, Any]:
    """Build a request of OTLP with as many records of logs, each an exception with such a text as message and as stack."""

    def attribute(key: str, text: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": text}}

    records = [
        {
            "timeUnixNano": "1767960000000000000",
            "severityNumber": 17,
            "body": {"stringValue": error["message"]},
            "attributes": [attribute("exception.type", "E"), attribute("exception.stacktrace", error["stack"])],
        }
        for error in build_errors(shape, count, json_bytes)
    ]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
