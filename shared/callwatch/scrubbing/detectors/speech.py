"""Masks what people said: in what a parser quotes from a text that is not JSON, and in sentences about a person's health."""

import re

from callwatch.scrubbing.detectors.prose import HEALTH, is_about_health, is_about_person, is_prose, is_speech
from callwatch.scrubbing.detectors.rules import list_heads

TRIGGERS = list_heads(
    ["json", "jsondecode", "unexpected", "unterminated", "expected", "invalid", "received", "output", "response", "completion"]
)
# A parser's message quotes the beginning of what it could not read: a page from a proxy, or the response of a model.
_NOT_JSON = re.compile(
    r"(?P<before>(?:Unexpected (?:token|identifier|non-whitespace character)|Expected (?:property name|',' or|double-quoted)|is not valid JSON|JSON(?:Decode)?(?: parse)? ?[Ee]rror"
    r"|Unterminated string|invalid (?:character|JSON|json)|(?:parse|parsing|decode) JSON)[^\"\u201c\r\n]{0,80})[\"\u201c](?P<text>[^\r\n]{3,400}?)(?P<after>[\"\u201d](?:\.{3}|\u2026)?(?=[\s,.;)]|$))"
)
_QUOTED_FIRST = re.compile(
    r"(?P<before>)[\"\u201c](?P<text>[^\"\r\n]{3,400})(?P<after>[\"\u201d](?:\.{3}|\u2026)?)(?= is not valid JSON)"
)
# Python's parsers quote with apostrophes; others append the text to the position.
_QUOTED_SINGLE = re.compile(
    r"(?P<before>(?:Expecting (?:value|property)|Extra data|[Ii]nvalid (?:JSON|json)|Unterminated string|JSON(?:Decode)?(?: parse)? ?[Ee]rror|(?:parse|parsing|decode) JSON)[^'\"\r\n]{0,80})'"
    r"(?P<text>[^\r\n\"]{3,400}?)(?P<after>'(?:\.{3}|\u2026)?(?=[\s,.;)]|$))",
    re.M,
)
# A schema's message quotes the value of a field; few words are those of a list to choose from.
_RECEIVED = re.compile(
    r"(?P<before>\b(?:received|got|given|but was|instead of|input:?|LLM output:?) (?:(?:string|str|text|value):? )?(?P<quote>['\"`]))(?P<text>[^'\"`\r\n]{12,400}(?:'\w[^'\"`\r\n]{0,400}){0,4})(?P=quote)"
)
_MIN_WORDS_OF_PROSE = 5
_BEHIND_POSITION = re.compile(r"(?P<before>(?:position|column|char|line) \d{1,9}\)?: )(?P<text>[^\W\d_][^\r\n]{2,400})", re.M)
# What a model wrote instead of JSON, without quotes.
_WRITTEN = re.compile(
    r"(?P<before>\b(?:(?:invalid|malformed|unparse?able|non|not valid)[ -]JSON[^:\r\n]{0,60}|(?:raw|LLM|model|AI|GPT|assistant) (?:response|output|reply|content|completion)(?: was)?): )"
    r"(?P<text>[A-Z][^\r\n]{12,2000})",
    re.IGNORECASE,
)
# A line of a conversation: who speaks, perhaps with a time before it, and what was said.
_TURN = re.compile(
    r"^(?P<before>[ \t]{0,8}(?:\[?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?\]?[ \t-]{1,3})?"
    r"\[?(?P<who>agent|customer|caller|client|lead|prospect|patient|rep|representative|human|user|assistant|interviewer|guest"
    r"|speaker[ _-]?\w{1,3})(?:[ _]\d{1,2})?(?:\][ \t]?:?|:)[ \t]{1,3})(?P<text>[^\r\n]{3,2000})",
    re.IGNORECASE | re.MULTILINE,
)
TURN_HEADS = list_heads(
    "agent customer caller client lead prospect patient rep representative human user assistant interviewer guest speaker".split()
)
# What is shown between two times, as subtitles are written.
_CUE = re.compile(
    r"(?P<before>\d{2}[.,]\d{3} --> [\d:.,]{5,13}[^\r\n]{0,80}\r?\n)(?P<text>[^\r\n]{2,400}(?:\r?\n[^\r\n]{1,400}){0,2})"
)
HEALTH_HEADS = list_heads(HEALTH)
# What stands between these signs is judged by itself.
_CLAUSE = re.compile(r"[^\r\n\"\u201c\u201d:;<>{}\[\]()|=]{12,400}")
_PAGE_STARTS = (
    "an error occurred", "internal server error", "request entity too large", "bad gateway", "not found", "too many requests",
    "unauthorized", "forbidden", "service unavailable", "gateway timeout", "gateway time-out", "rate limit exceeded", "proxy error",
    "error code", "upstream connect error", "upstream request timeout", "no healthy upstream", "stream timeout", "the page could not",
    "function invocation", "method not allowed", "access denied", "invalid", "cannot", "error:", "bad request", "payload too large",
    "the deployment", "this deployment", "the server", "server error", "connection", "request timeout", "missing", "no such",
    "unable to", "failed to", "temporary", "account", "authentication", "your request", "the request", "a server error", "this model", "this request", "this endpoint", "this page", "this api", "this site", "the model", "the page", "you exceeded", "incorrect api", "we are", "please try", "rate limited",
)  # fmt: skip


def mask_unreadable_json(text: str) -> str:
    """The text with `[transcript]` for what a JSON parser quotes, if it is prose and not a server's error page."""
    if '"' in text or "\u201c" in text:
        text = _QUOTED_FIRST.sub(_mask_quoted, _NOT_JSON.sub(_mask_quoted, text))
    if "'" in text:
        text = _QUOTED_SINGLE.sub(_mask_quoted, text)
    text = _WRITTEN.sub(_mask_behind, text)
    return _BEHIND_POSITION.sub(_mask_behind, _RECEIVED.sub(_mask_received, text))


def mask_turns(text: str) -> str:
    """The text with `[transcript]` for each line of a conversation, if one of them sounds like a person."""
    turns = list(_TURN.finditer(text))
    if not turns:
        return text
    spoken = {turn.start() for turn in turns if _is_spoken(turn)}
    is_conversation = bool(spoken) and len({turn["who"].lower() for turn in turns}) > 1
    return _TURN.sub(lambda turn: f"{turn['before']}[transcript]" if is_conversation or turn.start() in spoken else turn[0], text)


def _is_spoken(turn: re.Match[str]) -> bool:
    said = turn["text"]
    return is_speech(said) or is_about_person(said) or (turn["who"].lower().startswith("speaker") and is_prose(said))


def mask_cues(text: str) -> str:
    """The text with `[transcript]` for what stands in subtitles."""
    return _CUE.sub(lambda cue: f"{cue['before']}[transcript]" if is_prose(cue["text"]) else cue[0], text)


def mask_health(text: str) -> str:
    """The text with `[transcript]` for each clause in which a person reports an illness, their own or somebody's."""
    return _CLAUSE.sub(_mask_clause, text)


def _mask_clause(match: re.Match[str]) -> str:
    clause = match[0].strip(" ',")
    if not is_about_health(clause):
        return match[0]
    before, after = match[0].split(clause, 1)
    return f"{before}[transcript]{after}"


def _mask_behind(match: re.Match[str]) -> str:
    return f"{match['before']}[transcript]" if is_speech(match["text"]) or is_about_person(match["text"]) else match[0]


def _mask_received(match: re.Match[str]) -> str:
    words = match["text"].split(" ")
    is_prose = len(words) >= _MIN_WORDS_OF_PROSE and sum(word.strip(".,").isalpha() for word in words) >= len(words) - 1
    return f"{match['before']}[transcript]{match['quote']}" if is_prose else match[0]


def _mask_quoted(match: re.Match[str]) -> str:
    quoted = match["text"].strip().lower()
    is_page = any(start.startswith(quoted) or quoted.startswith(start) for start in _PAGE_STARTS)
    is_text = quoted[:1].isalpha() and re.search(r"[^\W\d_][,']? [^\W\d_]", quoted)
    quote = match[0][len(match["before"]) : match.start("text") - match.start()]
    return match[0] if is_page or not is_text else f"{match['before']}{quote}[transcript]{match['after']}"
