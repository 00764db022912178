"""Finds names of people in text: by frequency lists, by the words before them, and by the phone or e-mail next to them.

A run of words ends before the first word that cannot be part of a name. It is a name if the lists know enough of it; how much
is enough depends on what stands before it ("customer", a key, nothing).
"""

import re

from callwatch.scrubbing.detectors.people.contexts import (
    CONTEXT,
    CONTEXT_HEADS,
    NUMBERED,
    TITLE,
    TITLE_HEADS,
    Place,
    is_part_of_software,
    place_after,
)
from callwatch.scrubbing.detectors.people.kinds import WORDS, Kind, classify_word
from callwatch.scrubbing.detectors.people.runs import (
    MAX_WORDS,
    TAILS,
    WORD,
    count_words,
    end_of_name,
    end_of_reversed,
    is_capitalized,
    list_words_at,
)
from callwatch.scrubbing.detectors.rules import list_heads

__all__ = ["end_of_name", "is_known_person", "is_person", "mask_named", "mask_names"]

# Two capitalized words next to each other, or separated by a comma.
_CAPITALS = re.compile(
    r"(?<![\w.])[^\W\d_a-z][^\W\d_]{0,39}(?:['\u2019-][^\W\d_]{1,40}){0,3}\.?,? ?"
    r"(?:(?:de|del|la|las|los|van|von|der|den|di|da|dos|du|le|bin|al|el|ter|ten) ){0,3}[^\W\d_a-z]"
)
_MARK = re.compile(r"\[(?:phone|email)\]")
_NEAR_CHARS = 80
_BEFORE_MARK = re.compile(r"[ ,;:<(|\t'\"-]{0,4}")
# What may stand between a name and its phone: "Tamika at", "ROSA MEJIA's number", "Rosa Mejia, phone:".
_CONNECTION = re.compile(
    r"(?:'s)?[ ,;:<(|\t'\"=-]{0,3}"
    r"(?:\b(?:at|on|via|under|from|by|with|using|his|her|the|and|is|has|whose|phone|mobile|cell|tel|telephone|number|no|email|e-mail|mail|sms|call|contact)\b\.?[ :=#]{0,3}){0,3}"
    r"[ ,;:<(|\t'\"=-]{0,4}$",
    re.IGNORECASE,
)
_JOINT = re.compile(r"[ ,;|\t]{1,2}|['\"], ?['\"]")
# "marisol-quintanilla", "Marisol_Quintanilla", "marisol.quintanilla": parts of paths, files and logins.
_JOINED = re.compile(
    # A letter with an accent is a letter: "mañana-west".
    r"(?<![^\W_])(?P<first>[A-Za-z]{3,20})(?P<sign>[._+-])(?P<last>[A-Za-z]{3,20})(?![^\W_]|\(|[._-][^\W\d_])"
)
# A surname of two words that was just masked: "Smith-Jones, Ann".
_AFTER_SURNAME = re.compile(r"\[name\],[ ]?(?P<first>[A-Z][^\W\d_]{1,30})(?![\w@.'-])")
_LOWER_PAIR = re.compile(
    r"(?P<before>[?&;](?:q|query|search|s|term|filter|lookup|keyword|text)=[\"']?)(?P<first>[a-z]{3,20})(?P<sign>[ +])(?P<last>[a-z]{3,20})(?![\w-])",
    re.I,
)
# A schema or a parser quotes what it got, in any case: 'got invalid value "marisol quintanilla"'.
_QUOTED_VALUE = re.compile(
    r"(?P<before>\b(?:value|input|got|received|string|text|(?:syntax|value) for (?:type |enum )?[a-z][\w ]{1,60}?|string to [a-z]{2,12}|literal for [^:\r\n]{1,30})(?: is)?:? (?P<quote>['\"`]['\"]?))"
    r"(?P<value>[^\W\d_][\w.'-]{1,30}(?: [^\W\d_][\w.'-]{0,30}){1,3})(?P<end>['\"]?['\"`])(?![\w])",
    re.IGNORECASE,
)
_VALUE_HEADS = list_heads(["value", "input", "got", "received", "string", "text"])
_ANY_CASE = (Kind.FIRST, Kind.LAST, Kind.UNKNOWN)


def is_person(text: str, is_role: bool = False) -> bool:
    """Whether a whole text is the name of a person.

    is_role: its key is one such as "caller", where one unknown word is enough.
    """
    text = text.strip()
    if not 1 < len(text) < 80 or any(sign.isdigit() or sign in "_/:<>(){}[]=@\\" for sign in text):
        return False
    if not text.isascii() and any(sign.isalpha() and ord(sign) > 0x24F for sign in text):
        # The lists know only Latin letters; names in other scripts have few words and no digits.
        return len(text.split()) <= MAX_WORDS and len(text) <= 40
    words = list_words_at(text, 0)
    if words and "," in text:
        return end_of_reversed(text, words, Place.PERSON) == len(text)
    if not words or words[-1].end() != len(text):
        return False
    kinds = [classify_word(word[0]) for word in words]
    if len(words) > 1:
        return count_words(words, kinds, Place.PERSON if is_role else Place.ROLE) == len(words)
    word = words[0][0]
    is_camel = not (word.islower() or word.isupper() or word.istitle() or "'" in word or "-" in word or word[:2] == "Mc")
    if is_camel or (word.isupper() and len(word) <= 3):
        return False
    return kinds[0] in (Kind.FIRST, Kind.LAST) or (is_role and kinds[0] == Kind.UNKNOWN)


def is_name_of_holder(text: str) -> bool:
    """Whether the name of a customer, lead or caller is a person's: unless each of its words is one of software or English."""
    words = WORD.findall(text) if len(text) < 80 else []
    return bool(words) and not all(classify_word(word) in (*WORDS, Kind.PLAIN_LAST, Kind.PLAIN_FIRST) for word in words)


def is_known_person(text: str) -> bool:
    """Whether a whole text without a key is a name of at least two words of which the lists know one."""
    if " " not in text or not is_person(text):
        return False
    return not text.isascii() or any(classify_word(word) in (Kind.FIRST, Kind.LAST) for word in text.replace(",", "").split())


def mask_names(text: str, heads: set[str]) -> str:
    """The text with `[name]` for each name; heads: the beginnings of its words."""
    text = mask_named(text, heads)
    return _mask_bare(text) if _CAPITALS.search(text) else text


def mask_named(text: str, heads: set[str]) -> str:
    """The text without names that a word before them, or a phone or e-mail next to them, identifies."""
    if not heads.isdisjoint(CONTEXT_HEADS):
        text = NUMBERED.sub(_mask_numbered, _mask_behind(text, CONTEXT))
    if not heads.isdisjoint(TITLE_HEADS):
        text = _mask_behind(text, TITLE)
    if not heads.isdisjoint(_VALUE_HEADS):
        text = _QUOTED_VALUE.sub(_mask_quoted, text)
    text = _AFTER_SURNAME.sub(_mask_first, _JOINED.sub(_mask_joined, text))
    if "=" in text:
        text = _LOWER_PAIR.sub(_mask_joined, text)
    return _mask_beside_marks(text) if "[phone]" in text or "[email]" in text else text


def _mask_joined(match: re.Match[str]) -> str:
    """The mark for a first name and a surname that a sign joins, if the lists know both."""
    first, last = classify_word(match["first"]), classify_word(match["last"])
    is_name = first == Kind.FIRST and (last == Kind.LAST or match["last"].lower() in TAILS)
    return f"{match.groupdict().get('before') or ''}[name]" if is_name else match[0]


def _mask_numbered(match: re.Match[str]) -> str:
    is_name = classify_word(match["name"]) in (Kind.FIRST, Kind.LAST)
    return match[0].replace(match["name"], "[name]") if is_name else match[0]


def _mask_quoted(match: re.Match[str]) -> str:
    value = match["value"]
    # Two rare words that are both capitalized are a name here, where data stands.
    is_name = is_known_person(value.title()) or (value.istitle() and is_person(value, is_role=True))
    return f"{match['before']}[name]{match['end']}" if is_name else match[0]


def _mask_first(match: re.Match[str]) -> str:
    return "[name]" if classify_word(match["first"]) == Kind.FIRST else match[0]


def _mask_behind(text: str, pattern: re.Pattern[str]) -> str:
    parts, done = [], 0
    for match in pattern.finditer(text):
        if match.start() < done or is_part_of_software(text, match):
            continue
        place = Place.TITLE if pattern is TITLE else place_after(match)
        at = match.end()
        # More names may follow: "agents Ann Lee, Bo Park and Cy Dunn".
        while (end := end_of_name(text, at, place)) > at:
            parts.append(f"{text[done:at]}[name]")
            done = end
            following = _NEXT_OF_LIST.match(text, end)
            if not following or place == Place.TITLE:
                break
            at = following.end()
    return "".join((*parts, text[done:])) if parts else text


_NEXT_OF_LIST = re.compile(r"(?:, (?:and |or )?| and | or | & |['\"], ?['\"])(?=[^\W\d_a-z])")


def _mask_beside_marks(text: str) -> str:
    """Mask names directly before or after a phone or an e-mail, which belong to a person."""
    parts, done = [], 0
    for match in _MARK.finditer(text):
        low = max(done, match.start() - _NEAR_CHARS)
        start, end = _name_before(text[low : match.start()])
        if end:
            parts.append(f"{text[done : low + start]}[name]")
            done = low + end
        behind = _BEFORE_MARK.match(text, match.end())
        at = behind.end() if behind else match.end()
        if at > match.end() and (stop := _end_behind_mark(text, at)) > at:
            parts.append(f"{text[done:at]}[name]")
            done = stop
    return "".join((*parts, text[done:])) if parts else text


def _end_behind_mark(text: str, at: int) -> int:
    """The end of a name of two words behind a mark; `at` if there is none."""
    stop = end_of_name(text, at)
    if stop > at:
        return stop if " " in text[at:stop] or "," in text[at:stop] else at
    # Two fields of a table, which no list knows.
    first = WORD.match(text, at)
    joint = _JOINT.match(text, first.end()) if first else None
    second = WORD.match(text, joint.end()) if joint else None
    if not first or not second or text[second.end() : second.end() + 1] in ("=", ":", "_", "/", "("):
        return at
    is_name = all(word[0].istitle() and classify_word(word[0]) in _ANY_CASE for word in (first, second))
    return second.end() if is_name else at


def _name_before(text: str) -> tuple[int, int]:
    """Start and end of the name at the end of a text; (0, 0) if it does not end with one."""
    connection = _CONNECTION.search(text)
    stripped = text[: connection.start()] if connection else text
    words = [*WORD.finditer(stripped)][-4:]
    run: list[re.Match[str]] = []
    at = len(stripped)
    for word in reversed(words):
        kind = classify_word(word[0])
        is_joined = word.end() == at or _JOINT.fullmatch(stripped[word.end() : at])
        is_open = stripped[word.start() - 1 : word.start()] not in ("_", "/", ".", "@", "=", "-") or word.start() == 0
        is_tail = not run and word[0] in TAILS
        is_word = kind == Kind.PLAIN or (
            not is_tail and kind in (Kind.ENGLISH, Kind.PLAIN_FIRST, Kind.PLAIN_LAST) and not word[0][0].isupper()
        )
        if not is_joined or is_word:
            break
        run.insert(0, word)
        at = word.start()
        if not is_open:
            break
    while run and classify_word(run[0][0]) == Kind.PARTICLE:
        run.pop(0)
    return _choose_before(run)


def _choose_before(run: list[re.Match[str]]) -> tuple[int, int]:
    """The longest name at the end of a run of words before a phone or an e-mail."""
    for first in range(max(0, len(run) - 1)):
        rest = run[first:]
        kinds = [classify_word(word[0]) for word in rest]
        if kinds[0] in WORDS:
            continue
        is_known = any(kind in (Kind.FIRST, Kind.LAST) for kind in kinds)
        # Initials prove nothing.
        full = [(kind, word[0]) for kind, word in zip(kinds, rest, strict=True) if kind != Kind.INITIAL]
        is_rare = len(full) > 1 and all(kind == Kind.UNKNOWN and len(word) > 3 for kind, word in full)
        is_titled = len(full) > 1 and all(is_capitalized(word) and not word.isupper() for _, word in full)
        if is_known or is_rare or is_titled or (kinds[0] == Kind.PLAIN_FIRST and kinds[1] == Kind.PLAIN_LAST):
            return rest[0].start(), rest[-1].end()
    if len(run) == 1 and classify_word(run[0][0]) == Kind.FIRST and run[0][0][0].isupper():
        return run[0].start(), run[0].end()
    return 0, 0


def _mask_bare(text: str) -> str:
    """Mask names without any context: a known first name with a surname, capitalized, also in reverse order."""
    parts, done, at = [], 0, 0
    while match := _CAPITALS.search(text, at):
        start = match.start()
        end = end_of_name(text, start, Place.BARE) if start >= done else start
        if end == start:
            # Continue with the next word, which may begin a separate name.
            word = WORD.match(text, start)
            at = max(word.end() if word else start + 1, start + 1)
            continue
        parts.append(f"{text[done:start]}[name]")
        done = at = end
    return "".join((*parts, text[done:])) if parts else text
