"""The messages of validators: each names the field or the path to it, and quotes the value that it refused.

From the sources of pydantic, Joi, Superstruct, Mongoose, jsonschema, Jackson, ASP.NET and SQL Server.
"""

import re

_PATH = r"(?P<key>[A-Za-z_$](?:[\w$\[\]-]|\.(?=\w)){0,99})"
_FIELD = rf"[`'\"]?{_PATH}[`'\"]?"
_QUOTED = r"(?P<quote>[`'\"])(?P<value>[^\r\n]{1,300}?)(?P=quote)"
# Each with the sign that a text has at least, in lower case.
VALIDATOR_NOTATIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # The field stands on the line before: "last_name\n  Input should be ... [type=..., input_value='...', ...]".
    (
        "input_value=",
        re.compile(
            rf"(?:^|(?<=\n)){_PATH}\r?\n[ \t]{{1,8}}[^\r\n]{{0,300}}?\binput_value=(?P<quote>['\"]?)(?P<value>[^\r\n]{{1,300}}?)(?P=quote), input_type="
        ),
    ),
    (" with value ", re.compile(rf"\"{_PATH}\" with value {_QUOTED}(?= fails| matches| is| \()")),
    ("at path: ", re.compile(rf"\b[Aa]t path: {_PATH} -- [^\r\n]{{0,200}}?\breceived: `?{_QUOTED}")),
    (" failed for value ", re.compile(rf"\bfailed for value {_QUOTED} (?:\([^()\r\n]{{1,60}}\) )?(?:at|for) (?:path|field) {_FIELD}")),
    ("path `", re.compile(r"\bPath `(?P<key>[\w.]{1,100})` \((?P<quote>`)?(?P<value>[^`()\r\n]{1,300})`?\)")),
    (
        "on instance[",
        re.compile(r"\bOn instance(?:\[[^\]\r\n]{1,60}\]){0,6}\[['\"](?P<key>\w{1,80})['\"]\]:\s{1,20}(?P<quote>['\"])(?P<value>[^\r\n]{1,300}?)(?P=quote)"),
    ),
    (
        "reference chain: ",
        re.compile(
            r"\bfrom String \"(?P<value>[^\"\r\n]{1,300})\":"
            r"[^\0]{0,600}?\breference chain: [^()\r\n]{0,300}\[\"(?P<key>\w{1,80})\"\]\)"
        ),
    ),
    (
        "truncated value: '",
        re.compile(r"\bcolumn '(?P<key>\w{1,128})'\. Truncated value: '(?P<value>[^'\r\n]{1,300})'"),
    ),
    ("' is not valid for ", re.compile(rf"\bvalue '(?P<value>[^'\r\n]{{1,300}})' is not valid for {_FIELD}", re.IGNORECASE)),
    ("invalid value ", re.compile(rf"\binvalid value {_QUOTED} for (?:field |argument |parameter )?{_FIELD}", re.IGNORECASE)),
    (
        " has invalid value",
        re.compile(rf"\b(?:field|attribute|property|parameter) {_FIELD} has invalid value:? [`'\"]?(?P<value>[^`'\"\r\n,;]{{1,300}})", re.IGNORECASE),
    ),
)  # fmt: skip
# jsonschema repeats the value at the beginning, without its name.
_REFUSED = re.compile(r"(?P<quote>['\"])(?P<value>[^\r\n]{1,300}?)(?P=quote) (?:is|does|has|was)\b")
_MASKED_INSTANCE = re.compile(r"\nOn instance[^:\r\n]{1,400}:\s{1,20}['\"](?P<mark>\[[a-z]{2,10}\])['\"]")
# SQL Server shows the values of an index, which has a name of its own. Numbers and ids have no capitals and are no words.
_DUPLICATE = re.compile(
    r"(?P<before>\bduplicate key value is \()(?!\[value\])(?=[^()\r\n]{0,1000}(?:(?-i:[A-Z@])|[^\W\d_] [^\W\d_]))[^()\r\n]{1,1000}\)",
    re.IGNORECASE,
)


def mask_unnamed(text: str, lower: str) -> str:
    """The text without refused values whose field stands elsewhere in it; lower: the text in lower case."""
    if "duplicate key value is (" in lower:
        text = _DUPLICATE.sub(r"\g<before>[value])", text)
    if "\non instance" in lower and (refused := _REFUSED.match(text)):
        masked = _MASKED_INSTANCE.search(text, refused.end())
        if masked:
            text = f"{refused['quote']}{masked['mark']}{refused['quote']}{text[refused.end('value') + 1 :]}"
    return text
