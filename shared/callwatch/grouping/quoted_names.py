"""Replaces quoted texts in a message, except for names that a programmer chose: they are the cause and not a value."""

import re

_NAME = r"[\w.$-]{1,100}"
_OPEN, _CLOSE = r"[\"'`\u2018\u201c]", r"[\"'`\u2019\u201d]"
_NAMES = (
    (re.compile(rf"\((reading|setting|calling) {_OPEN}({_NAME}){_CLOSE}\)"), r"(\1 \2)"),
    (re.compile(rf"\(evaluating {_OPEN}(?:[^'\"`]{{0,100}}\.)?({_NAME})(?:\(\.*\))?{_CLOSE}\)"), r"(evaluating \1)"),
    (
        re.compile(
            r"\b(relation|column|table|constraint|function|type|index|schema|role|trigger|property|attribute|module named|module"
            r"|import name|argument:?|parameter:?|method|array key|interface|trait|enum|component|variable|directive|class|prop"
            rf"|field|model|extension|package|plugin|option|setting)( of relation)? {_OPEN}([\w.$\\-]{{1,100}}){_CLOSE}",
            re.IGNORECASE,
        ),
        r"\1\2 \3",
    ),
    (
        re.compile(rf"\b(route|endpoint|view|template|subpath) {_OPEN}([\w.$/:{{}}\[\]-]{{1,100}}){_CLOSE}", re.IGNORECASE),
        r"\1 \2",
    ),
    # What a response calls the code or the type of its error, if it is a word.
    (re.compile(rf"([\"']?\b(?:code|type|reason|status)[\"']?: ?){_OPEN}([A-Za-z][A-Za-z_.-]{{2,60}}){_CLOSE}"), r"\1\2"),
    (re.compile(rf"\bname {_OPEN}({_NAME}){_CLOSE} is not defined"), r"name \1 is not defined"),
    (re.compile(rf"{_OPEN}([\w.$-]{{3,100}}){_CLOSE} (object|is not (?:a function|defined))\b"), r"\1 \2"),
)
# Prisma names the call, and the fields of a constraint: (`email`,`phone`).
_CALLED = re.compile(r"\b([Ii]nvalid) `(prisma\.\w{1,80}\.\w{1,80})\(\)` (?=invocation)")
_LISTED = re.compile(r"\b((?:fields?|columns?|constraints?|keys?): )\((`\w{1,80}`(?:, ?`\w{1,80}`){0,20})\)")
# A KeyError's message is the key, and nothing else.
_NAME_ALONE = re.compile(rf"\s*{_OPEN}([A-Za-z_][A-Za-z_.-]{{0,99}}){_CLOSE}\s*")
_KEY_ERROR = re.compile(rf"\b(KeyError:) {_OPEN}([A-Za-z_][A-Za-z_.-]{{0,99}}){_CLOSE}")
_OPERANDS = re.compile(r"(operand type\(s\) for \S{1,5}:) '(\w{1,60})' and '(\w{1,60})'")
_QUOTED = re.compile(
    r"\"[^\"]{1,200}\"|(?<!\w)'[^']{1,200}'(?!\w)|`[^`]{1,200}`|\u201c[^\u201d]{1,200}\u201d|\u2018[^\u2019]{1,200}\u2019(?!\w)"
    r"|\u00ab[^\u00bb]{1,200}\u00bb|\u201e[^\u201c\u201d]{1,200}[\u201c\u201d]|\u2039[^\u203a]{1,200}\u203a|\u300c[^\u300d]{1,200}\u300d"
)


def replace_quoted(text: str) -> str:
    """The text with `<text>` for each quoted value, and without the quotes of each name."""
    if not any(quote in text for quote in "\"'`\u2018\u201c\u00ab\u201e\u2039\u300c"):
        return text
    text = _NAME_ALONE.sub(r"\1", text) if _NAME_ALONE.fullmatch(text) else _KEY_ERROR.sub(r"\1 \2", text)
    if "`" in text:
        text = _LISTED.sub(lambda match: match[1] + match[2].replace("`", ""), _CALLED.sub(r"\1 \2 ", text))
    text = _OPERANDS.sub(r"\1 \2 and \3", text)
    for pattern, kept in _NAMES:
        text = pattern.sub(kept, text)
    return _QUOTED.sub("<text>", text)
