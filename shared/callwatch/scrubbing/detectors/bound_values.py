"""Masks the values bound to a query, as drivers, ORMs, servers and loggers print them next to the statement.

1. Assignments to a placeholder (`$1 = 'x'`, `@p0=N'x'`). 2. A list behind a word such as `params`, `bindings` or `args`; weak words
count only next to a statement. 3. A list or a remainder behind a statement with placeholders. 4. Statements into which Laravel or
Prisma wrote the values. A position has no key, so all values of a list are masked.
"""

import re

from callwatch.scrubbing.detectors.rules import list_heads

MARK = "[value]"
HEADS = list_heads(
    "params parameters parameter binding bindings bind binds args arguments values replacements placeholders with query queries sql"
    " select insert update delete generated cached raw engine prisma failed executing executed pipeline".split()
)
# A statement, or what a driver writes around one.
_SQL = re.compile(
    r"\b(?:select\s|insert\s+(?:ignore\s+)?into\b|update\s+[\w\"`\[.]{1,80}\s+set\b|delete\s+from\b|merge\s+into\b|call\s+\w+\(|exec(?:ute)?\s"
    r"|failed query|sql\s?[:=\[]|statement[:=]|query\s?[:=]|in query\b|sqlstate)",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\$\d{1,4}\b|(?<=[\s=(,])\?(?=[\s,);]|$)|%s\b|%\(\w{1,60}\)s|(?<=[\s=(,]):\w{1,60}\b|@p\d{1,4}\b|(?<=[\s=(,])@\w{1,60}\b"
)
_ASSIGNED = re.compile(
    r"(?P<before>\$\d{1,4} = |@[A-Za-z_]\w{0,60}\s?=\s?)(?!\[)(?:[NnEe]?'(?:[^']|''){0,5000}(?:'|$)|-?\d[\d.:+-]{0,60}(?![\w]))"
)
_ARGUMENT = re.compile(
    r"(?P<before>\bquery argument \$\d{1,4}[^:\r\n]{0,60}: )(?!\[value\])(?P<value>[^\r\n]{1,300}?)(?= \([^()\r\n]{1,300}\)\s*$| \((?:expected|'|an? )|[\r\n]|$)"
)
# A word for bound values, the signs behind it, and the opening of a list. Strong words need no statement next to them.
_STRONG = (
    r"(?:sql|query|db|stmt|statement|bound|multi|compiled|distilled|effective|str)[_.-]?param(?:eter)?s|bindings?|binds?|bind[_ -]?(?:vars|params|parameters|values|variables)"
    r"|replacements|placeholders|\[parameters|(?-i:PARAMETERS)"
)
_MEDIUM = r"params|parameters"
_WEAK = r"args|arguments|values|variables|vars|inputs|tuples?|with|parameter sets?"
_LISTED = re.compile(
    rf"(?<![A-Za-z])(?:(?P<strong>{_STRONG})|(?P<medium>{_MEDIUM})|(?P<weak>{_WEAK}))[\"'\]]{{0,2}}"
    r"(?:\s{0,3}(?::=|=>|[:=])\s{0,3}|(?<!values)(?<!VALUES)\s{1,3}(?:are\s)?)[\"']?(?:&|\[\](?:interface ?\{\}|[\w.]{1,40})(?=\{))?(?=[\[({])",
    re.IGNORECASE,
)
# A struct as Go prints it has values without keys: "params={{scott tiger [] } ...}" of godror.
_GO_STRUCT = re.compile(r"\{{1,3}\[?(?![\w.]{1,60}(?::|=))[^\s{}\[\]:=]{1,100}\]? [^\s:=]")
# Redis repeats a command that failed within a pipeline: its name and its key stay.
_PIPELINED = re.compile(
    r"(?P<before>\b[Cc]ommand # ?\d{1,6} \(\w{1,20} \S{1,200} )(?!\[value\])[^\r\n]{1,5000}?(?=\) of pipeline|[\r\n]|$)"
)
_ECHO = re.compile(
    r"\[(?:generated in|cached since|no key|raw sql|caching disabled|dialect \w{1,30})[^\]\r\n]{0,120}\] (?=[\[({])"
    # Oracle's driver: "2 positional bind values are required but 1 were provided: [...]".
    r"|\bbind (?:values|variables|parameters) [^\[({\r\n]{0,80}: (?=[\[({])"
)
_BINDER = re.compile(
    r"(?P<before>\bbinding parameter [\[(]\w{1,20}(?::\w{1,20})?[\])] (?:as \[\w{1,40}\] - |<- )|==>\s{0,4}Parameters: )(?!\[value\])[^\r\n]{1,20000}"
)
# The remainder of a line behind these is values, with or without brackets.
_REMAINDER = re.compile(
    r"(?P<before>(?:\n|\\n|(?<=[\s\])]))(?:params|parameters): |\bwith (?:params|parameters|args|values|bindings):? (?!as\b)|\b(?:arguments|args|params|parameters) = |\b(?:values|bindings|binds): )(?!\[value\])(?P<values>[^\r\n\[({][^\r\n]{0,20000})",
    re.IGNORECASE,
)
# Drizzle joins values with commas, and a value may contain line breaks.
_DRIZZLE = re.compile(r"(?:\n|\\n|\s)params: ?+(?!\[value\])")
_END_OF_DRIZZLE = re.compile(
    r"(?:\n|\\n)\s{0,8}(?:at\s|File \"|\[?cause|Caused by|\w{0,60}Error\b|DETAIL|HINT|CONTEXT|\}|Failed query)"
)
_BEHIND = re.compile(
    r"(?<=[\s;,:=-])(?:\[(?=\s{0,9}(?:['\"\[({]|-?\d|null\b|None\b|true\b|false\b|[A-Za-z_.]{1,30}\())|\((?=\s{0,9}(?:[bu]?'|-?\d|None\b))|\{(?=\s{0,9}['\"]))"
)
# Words behind which a parenthesis belongs to the statement.
_OF_STATEMENT = re.compile(
    r"(?:\b(?:in|values?|any|all|as|and|or|on|by|from|where|not|exists|over|select|conflict|returning|using|set|key|table|into|then|else|when|limit|offset)|[=<>*/+,(|-])\s{0,5}$",
    re.IGNORECASE,
)
_SEQUELIZE = re.compile(r"\bExecut(?:ing|ed) \([\w-]{1,60}\): ")
_SEQUELIZE_VALUES = re.compile(r"; (?!\[value\])(?=[\"'\[{\d])[^\r\n]{1,20000}?(?= Elapsed time|[\r\n]|$)")
_PRISMA_VALUE = re.compile(
    r"(?P<before>\b\w{1,80}: )(?!\"\[)(?:\"(?:[^\"\\\r\n]|\\.){1,5000}\"|-?\d[\d.]{4,40}|new Date\(\"[^\"\r\n]{1,60}\"\))"
)
_LARAVEL = re.compile(r"\((?:Connection: [\w-]{1,60}, )?(?:[A-Z][a-z]+: [^,()]{1,120}, ){0,4}SQL: ")
_LARAVEL_VALUES = re.compile(r"\bvalues \((?!\[value\])", re.IGNORECASE)
_LARAVEL_TAIL = re.compile(r"\) (?:on (?:conflict|duplicate)|returning) ", re.IGNORECASE)
_LARAVEL_CONDITION = re.compile(
    r"(?P<before>(?:[`\"\]\w] (?:=|<>|!=|<=|>=|<|>|like|ilike)|\bin) )(?!\?|\$\d|\[value\]|[`\"\[]|(?:null|true|false|select)\b)(?P<value>[^\r\n]{1,300}?)"
    r"(?=\s(?:and|or|order by|limit|group by|where|returning|on|having|offset|for update)\b|, [`\"]\w|\){1,3}\s*$|$)",
    re.IGNORECASE,
)
_MAX_LIST_CHARS = 20_000
_MAX_LISTS = 40
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_LIST_SIGN = re.compile(r"\\.|['\"\[\](){}]")


def mask_bound_values(text: str, heads: set[str]) -> str:
    """The text with `[value]` for each list of values that was bound to a query."""
    if "$" in text or "@" in text:
        text = _ASSIGNED.sub(_mask_assigned, text)
    if heads.isdisjoint(HEADS):
        return text
    if "query argument" in text:
        text = _ARGUMENT.sub(_keep_before, text)
    if "pipeline" in text:
        text = _PIPELINED.sub(_keep_before, text)
    has_sql = _SQL.search(text) is not None
    text = _mask_lists(text, has_sql)
    if "prisma." in text and "invocation" in text:
        at = text.index("invocation")
        text = text[:at] + _PRISMA_VALUE.sub(_keep_before, text[at:])
    return _mask_next_to_statement(text) if has_sql else text


def _mask_assigned(match: re.Match[str]) -> str:
    if match["before"].startswith("@") and "'" not in match[0]:
        return match[0]
    return f"{match['before']}{MARK}"


def _keep_before(match: re.Match[str]) -> str:
    return f"{match['before']}{MARK}"


def _mask_lists(text: str, has_sql: bool) -> str:
    """Mask lists behind their words; a word such as "args" counts only with a statement, "params" also with a quoted value."""
    parts, done, left = [], 0, _MAX_LISTS
    for match in _LISTED.finditer(text):
        if match.start() < done or left <= 0:
            continue
        end = _end_of_list(text, match.end())
        if text.startswith(MARK, match.end()) or not end:
            continue
        left -= 1
        inner = text[match.end() : end]
        if len(inner.strip()) <= 2:
            continue
        has_values = "'" in inner or '"' in inner
        is_listed = (has_values and not _is_mapping_of_route(inner)) or _GO_STRUCT.match(inner) is not None
        if match["strong"] or has_sql or (match["medium"] and is_listed):
            parts.append(f"{text[done : match.end()]}{MARK}")
            done = end
    text = "".join((*parts, text[done:])) if parts else text
    text = _BINDER.sub(_keep_before, text)
    return _mask_after(text, _ECHO)


def _is_mapping_of_route(inner: str) -> bool:
    # Without a statement, an object under "params" has keys that say what is private.
    return inner[0] == "{" and "=>" not in inner


def _mask_after(text: str, pattern: re.Pattern[str], start: int = 0, is_statement: bool = False) -> str:
    parts, done, left = [], 0, _MAX_LISTS
    for match in pattern.finditer(text, start):
        at = match.end() if not is_statement else match.start()
        if match.start() < done or left <= 0 or text.startswith(MARK, at):
            continue
        if is_statement and text[at] == "(" and _OF_STATEMENT.search(text[max(0, at - 20) : at]):
            continue
        left -= 1
        if end := _end_of_list(text, at):
            parts.append(f"{text[done:at]}{MARK}")
            done = end
    return "".join((*parts, text[done:])) if parts else text


def _mask_next_to_statement(text: str) -> str:
    lower = text.lower()
    if "failed query" in lower:
        text = _mask_drizzle(text)
    text = _REMAINDER.sub(_keep_before, text)
    if "sql: " in lower and (wrapped := _LARAVEL.search(text)):
        at = wrapped.end()
        tail = _mask_laravel_values(text[at:])
        text = text[:at] + _LARAVEL_CONDITION.sub(_keep_before, tail)
    placeholder = _PLACEHOLDER.search(text)
    if not placeholder:
        return text
    if echo := _SEQUELIZE.search(text):
        at = max(echo.end(), placeholder.start())
        text = text[:at] + _SEQUELIZE_VALUES.sub(f"; {MARK}", text[at:])
    return _mask_after(text, _BEHIND, placeholder.end(), is_statement=True)


def _mask_drizzle(text: str) -> str:
    """Mask what stands between "params:" and the next line that is none of the values."""
    parts, done = [], 0
    for match in _DRIZZLE.finditer(text):
        if match.start() < done or match.end() >= len(text):
            continue
        end = _END_OF_DRIZZLE.search(text, match.end())
        parts.append(f"{text[done : match.end()]}{MARK}")
        done = end.start() if end else len(text)
    return "".join((*parts, text[done:])) if parts else text


def _mask_laravel_values(text: str) -> str:
    """Mask the rows of an INSERT into which Laravel wrote the values without quotes."""
    values = _LARAVEL_VALUES.search(text)
    if not values:
        return text
    tail = _LARAVEL_TAIL.search(text, values.end())
    end = tail.start() if tail else max(values.end(), len(text.rstrip().rstrip(")")))
    return f"{text[: values.end()]}{MARK}{text[end:]}"


def _end_of_list(text: str, start: int) -> int:
    """The end of the list that opens at `start`, quotes and inner lists respected; that of a cut text if it is not closed."""
    stack: list[str] = []
    quote = ""
    limit = start + _MAX_LIST_CHARS
    for match in _LIST_SIGN.finditer(text, start, min(len(text), limit)):
        sign = match[0]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            # An apostrophe within a word opens nothing.
            quote = "" if text[match.start() - 1].isalnum() and text[match.start() - 1] not in "buN" else sign
        elif sign in _CLOSING:
            stack.append(_CLOSING[sign])
        elif stack and sign == stack[-1]:
            stack.pop()
            if not stack:
                return match.end()
    return min(len(text), limit)
