"""Scrubs values behind private keys in notations without a colon or an equals sign between the two.

XML elements, form fields, multipart parts, dumps of PHP, pairs of Python, tab-separated lines, arguments of a command, and
MySQL's duplicate entries. Each expression is tried only where the text holds its sign, and reads a bounded length from there.
"""

import re

from callwatch.scrubbing.detectors.keys import Verdict, classify_key
from callwatch.scrubbing.detectors.validators import VALIDATOR_NOTATIONS, mask_unnamed
from callwatch.scrubbing.pairs import is_value

_KEY = r"(?P<key>[A-Za-z_$\u00c0-\u024f][\w.\[\]-]{0,79})"
# The quoted value and the column or field that it was meant for, as servers and parsers name them.
_COLUMN = r"[`'\"\[]?(?:[\w$]{1,60}[`'\"\]]?\.[`'\"\[]?){0,3}(?P<key>[A-Za-z_]\w{0,79})"
# Each with the sign that a text has at least, in lower case.
_NOTATIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("</", re.compile(r"<(?P<key>[A-Za-z_][\w.:-]{0,79})(?:\s[^<>]{0,200})?>(?P<value>[^<>]{1,300})</(?P=key)>")),
    (
        "value=",
        re.compile(rf"\b(?:name|id)=[\"']?{_KEY}[\"']?\]?[^<>\r\n]{{0,100}}?\bvalue=[\"'](?P<value>[^\"'<>\r\n]{{1,300}})[\"']"),
    ),
    (
        "form-data",
        re.compile(
            r"\bname=\"(?P<key>[^\"\r\n]{1,80})\"[^\r\n]{0,200}\r?\n(?:[A-Za-z-]{1,40}:[^\r\n]{0,200}\r?\n){0,3}\r?\n"
            r"(?P<value>[^\r\n]{1,1000})"
        ),
    ),
    (
        "=>",
        re.compile(
            rf"\[[\"']{_KEY}[\"'](?::[^\]]{{1,80}})?\]\s{{0,3}}=>\s{{0,20}}string\(\d{{1,9}}\)\s\"(?P<value>[^\"]{{1,300}})\""
        ),
    ),
    ("', ", re.compile(rf"[(\[]'{_KEY}', [bru]{{0,2}}(?P<quote>['\"])(?P<value>[^'\"\r\n]{{1,300}})(?P=quote)")),
    ('", ', re.compile(rf"[(\[]\"{_KEY}\", [bru]{{0,2}}(?P<quote>['\"])(?P<value>[^'\"\r\n]{{1,300}})(?P=quote)")),
    ("\t", re.compile(rf"(?:^|[\r\n]){_KEY}\t{{1,4}}(?P<value>[^\t\r\n]{{1,300}})")),
    (
        "duplicate entry",
        re.compile(r"Duplicate entry '(?P<value>[^\r\n]{1,300}?)' for key '(?P<key>[^'\r\n]{1,100})'", re.IGNORECASE),
    ),
    (
        "' for ",
        re.compile(rf"(?<!\w)'(?P<value>[^'\r\n]{{1,300}})' for (?:column|field|attribute|property|parameter) {_COLUMN}"),
    ),
    ("column ", re.compile(rf"\bcolumn {_COLUMN}[`'\"\]]? at row \d{{1,9}}: ['\"](?P<value>[^'\"\r\n]{{1,300}})['\"]")),
    *VALIDATOR_NOTATIONS,
    (
        "struct field ",
        re.compile(r"struct field (?:\w{1,60}\.){1,5}(?P<key>\w{1,79}) of type [^\"\r\n]{1,100}\"(?P<value>[^\"\r\n]{1,300})\""),
    ),
)
# A capital or a blank, as opposed to an id or a status.
_FREE_TEXT = re.compile(r"[^\W\d_](?=[^\r\n]{0,300}?[^a-z0-9_.:/-]|(?<=[^a-z]))")
_VALUE = Verdict("value", is_whole=True)

_ARGUMENT = re.compile(r"'[^'\\\r\n]{0,300}'")
_ARGUMENTS = re.compile(r"\[ ?'[^'\\\r\n]{1,300}'(?:, ?'[^'\\\r\n]{0,300}'){1,60} ?\]")
# The program, where only its arguments are a list: "spawn mysql ENOENT [ '-u', 'root' ]".
_PROGRAM = re.compile(r"\b(?:mysql\w{0,20}|mariadb[\w-]{0,20}|mongo\w{0,20}|sshpass|redis-cli|curl|sqlcmd|7z|docker)\b")
_MAX_ARGUMENTS = 60
_MAX_ARGUMENT_CHARS = 300
# Stands for a blank within an argument.
_SPACE = "\x1f"


def mask_notations(text: str, lower: str) -> str:
    """The text with the mark of its kind for each private value; lower: the text in lower case."""
    for sign, pattern in _NOTATIONS:
        if sign in lower:
            text = pattern.sub(_mask, text)
    return mask_unnamed(text, lower)


def mask_argument_lists(text: str) -> str:
    """The text with the arguments of each command scrubbed that stands in it as a list: ['mysql', '-u', 'root', '-p...']."""
    return _ARGUMENTS.sub(_mask_arguments, text) if "'-" in text and "[" in text else text


def _mask_arguments(match: re.Match[str]) -> str:
    items = [item[1:-1] for item in _ARGUMENT.findall(match[0])]
    program = _PROGRAM.search(match.string) if items[0].startswith("-") else None
    clean = mask_command([program[0], *items])[1:] if program else mask_command(items)
    return match[0] if clean == items else f"[{', '.join(repr(item) for item in clean)}]"


def mask_command(items: list[str]) -> list[str]:
    """The arguments of a command, each with a mark in place of its password; they are read as one line."""
    from callwatch.scrubbing.detectors.command_lines import COMMANDS
    from callwatch.scrubbing.detectors.rules import list_word_heads

    if any(_SPACE in item or len(item) > _MAX_ARGUMENT_CHARS for item in items) or len(items) > _MAX_ARGUMENTS:
        return items
    line = " ".join(
        re.sub(r"\s", _SPACE, item).rpartition("/")[2] if not number else re.sub(r"\s", _SPACE, item)
        for number, item in enumerate(items)
    )
    lower = line.lower()
    pieces = COMMANDS.apply(line, lower, list_word_heads(lower)).split(" ")
    if len(pieces) != len(items):
        return items
    was = line.split(" ")
    return [piece if piece != before else item for piece, before, item in zip(pieces, was, items, strict=True)]


def is_secret_option(text: str) -> bool:
    """Whether an argument of a command is an option such as --db-password, whose value is the next argument."""
    verdict = classify_key(text.lstrip("-")) if text.startswith("-") and len(text) < 60 and "=" not in text else None
    return verdict is not None and verdict.kind == "token"


def _mask(match: re.Match[str]) -> str:
    # Without the namespace of an element, and without the path to a field.
    key, value = re.split(r"[:.\[\]/]", match["key"].rstrip("]'\""))[-1], match["value"]
    verdict = classify_key(key)
    if verdict is None and match[0].startswith("Duplicate entry") and _FREE_TEXT.match(value):
        # A unique value is a person's as often as not, and an index has a name of its own.
        verdict = _VALUE
    elif verdict is None or not is_value(verdict, value.strip(), key):
        return match[0]
    start, end = match.start("value") - match.start(), match.end("value") - match.start()
    return f"{match[0][:start]}[{verdict.kind}]{match[0][end:]}"
