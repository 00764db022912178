"""Scrubs data: each value by its key, by its place, and by its look."""

import functools
import itertools
import re
from typing import Any

from callwatch.scrubbing.bound import LOG_LINES, is_bound, mask_bound, parse_data
from callwatch.scrubbing.detectors.cards import is_card
from callwatch.scrubbing.detectors.keys import Verdict, classify_key, holds_people, holds_people_or_software, is_private
from callwatch.scrubbing.detectors.phone_numbers import is_phone
from callwatch.scrubbing.detectors.prose import is_about_person, is_prose, is_speech
from callwatch.scrubbing.fields import COORDINATES, HEX_IDS, THINGS, Field, describe_field
from callwatch.scrubbing.sanitize import render_json
from callwatch.scrubbing.text import MAX_SHORT_CHARS, holds_data, is_long_number, scrub_short, scrub_text

KINDS = (
    "account address card city credentials dob email encoded ip licence location mac medicare name pem phone recording-url"
    " row ssn token"
    " transcript value zip"
).split()
MARK = re.compile(rf"\[({'|'.join(KINDS)})\]")
_PERSON = Verdict("name", is_loose=True, is_role=True)
# The least whole number that can be a phone or a card.
_LEAST_PHONE = 2_000_000_000
_MAX_DEPTH = 64
_MAX_NESTED_CHARS = 200_000
_MAX_NESTED_DEPTH = 8
# A field that names another one, and those that hold its value.
_LABELS = frozenset({"name", "key", "field", "path", "param", "property", "column", "attribute", "loc"})
_LABELED = frozenset({"value", "input", "received", "rejectedValue", "rejected_value", "badValue"})
# A value under its type, as DynamoDB, Firestore and converted XML write it: {"S": "..."}.
_TYPED = frozenset({"S", "N", "stringValue", "integerValue", "_text", "#text", "$t", "$numberLong", "Value"})
# What stands around the data in the repr of an object.
_CALL = re.compile(r"[A-Za-z_][\w.]{0,80}\((?=[\[{(])")
# Commands of Redis whose arguments are data of the product.
_REDIS = frozenset(
    "set get setex psetex setnx getset append mset hset hmset hsetnx hget lpush rpush sadd zadd publish xadd geoadd".split()
)
_HEX_ID = re.compile(r"[0-9a-fA-F-]{8,64}")
_SQL = re.compile(
    r"['\"]?\s{0,50}(?:/\*.{0,200}?\*/\s{0,5})?(?:select|insert|update|delete|with|merge|call|copy|upsert|replace|exec(?:ute)?)\s",
    re.I,
)


def scrub_nested(value: Any) -> Any:
    """Scrubbed data that was part of a text."""
    return scrub(value, "", _MAX_DEPTH // _MAX_NESTED_DEPTH)


def scrub(value: Any, parent: str, depth: int) -> Any:
    """A value scrubbed by its key and by its look; its shape stays."""
    if isinstance(value, str):
        return _scrub_string(value, parent, depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _scrub_number(value, parent)
    if depth > _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, dict):
        return _scrub_object(value, parent, depth)
    clean = _scrub_list(list(value), parent, depth)
    # A tuple in the repr of an object stays one.
    return tuple(clean) if isinstance(value, tuple) else clean


def _scrub_number(value: int | float, parent: str) -> Any:
    """A whole number that can be a phone or a card, also as the float that a data frame makes of it."""
    if not _LEAST_PHONE <= value < 10**19 or (isinstance(value, float) and not value.is_integer()):
        return value
    if describe_field(parent).is_counted:
        return value
    digits = str(int(value))
    if len(digits) in (10, 11):
        return "[phone]" if is_phone(digits) else value
    return "[card]" if len(digits) >= 13 and is_card(digits) else value


def _scrub_object(value: dict[Any, Any], parent: str, depth: int) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    judged: list[tuple[str, Any, Field]] = []
    for name, item in value.items():
        key = name if type(name) is str else str(name)
        field = describe_field(key)
        if type(item) is str:
            if field.is_plain_for_text:
                found = scrub_short(item, field.is_code, field.is_counted) if len(item) <= MAX_SHORT_CHARS else None
                clean[key] = _scrub_string(item, key, depth + 1) if found is None else found
                continue
        elif field.is_plain_for_data:
            clean[key] = item if type(item) is int and item < _LEAST_PHONE else scrub(item, key, depth + 1)
            continue
        # Its place, between the others.
        clean[field.clean_key] = None
        judged.append((key, item, field))
    if judged:
        _scrub_judged(judged, clean, parent, depth)
    if not _LABELED.isdisjoint(value):
        _scrub_labeled_values(value, clean)
    return clean


def _scrub_judged(judged: list[tuple[str, Any, Field]], clean: dict[str, Any], parent: str, depth: int) -> None:
    """Scrub the fields whose keys say something about their values, or about the values next to them."""
    is_record = any(field.is_of_person for _key, _item, field in judged) or {"first", "last"} <= {
        key.lower() for key, *_ in judged
    }
    is_query = any(field.is_query and isinstance(item, str) and _SQL.match(item) is not None for _key, item, field in judged)
    is_query = is_query or (parent == "command" and _is_redis(judged))
    above = describe_field(parent)
    for key, item, field in judged:
        if field.is_bound_alone or ((field.is_bound or (is_query and field.is_value)) and is_bound(item, is_query, parent)):
            if field.clean_key != key:
                clean.pop(field.clean_key, None)
            clean[key] = mask_bound(item)
        elif parent in LOG_LINES and field.is_bound and isinstance(item, list):
            clean[key] = [_scrub_log_parameter(part, depth) for part in item]
        else:
            clean[field.clean_key] = _scrub_field(key, item, field, above, is_record, parent, depth)


def _is_redis(judged: list[tuple[str, Any, Field]]) -> bool:
    """Whether an object is a command of Redis, as its clients attach it to their errors: {"name": "hset", "args": [...]}."""
    return any(key == "name" and isinstance(item, str) and item.lower() in _REDIS for key, item, _field in judged)


def _scrub_labeled_values(value: dict[Any, Any], clean: dict[str, Any]) -> None:
    """Headers also come as {"name": "Cookie", "value": "..."}, and what a validator refused as {"path": "dob", "input": "..."}."""
    for name in _LABELS & value.keys():
        label = value[name]
        if isinstance(label, (list, tuple)) and label:
            label = label[-1]
        verdict = classify_key(label) if isinstance(label, str) else None
        if verdict is None:
            continue
        if isinstance(value[name], str):
            clean[name] = scrub_text(value[name])
        for labeled in _LABELED & value.keys():
            if is_private(verdict, value[labeled]):
                clean[labeled] = f"[{verdict.kind}]"


def _scrub_log_parameter(value: Any, depth: int) -> Any:
    """A parameter of a log line: its template may call it a customer, so that one unknown name is enough."""
    return "[name]" if is_private(_PERSON, value) else scrub(value, "", depth + 1)


def _scrub_field(key: str, value: Any, field: Field, above: Field, is_record: bool, parent: str, depth: int) -> Any:
    is_text = isinstance(value, str)
    if is_text and key in HEX_IDS and _HEX_ID.fullmatch(value):
        return value
    verdict = field.verdict
    if verdict and not (verdict.is_loose and key == "name" and parent in THINGS):
        bare = _unquote(value)
        if verdict.is_loose and isinstance(bare, str) and _is_name_below(key, bare, parent):
            return value if _is_mark(value) else "[name]"
        is_unknown_person = verdict.is_loose and is_record and isinstance(bare, str) and bare.isalpha() and bare.istitle()
        if is_private(verdict, bare) or is_unknown_person:
            return value if _is_mark(value) else f"[{verdict.kind}]"
    if is_text and _is_speech_in(value, field, above):
        return value if _is_mark(value) else "[transcript]"
    if verdict and isinstance(value, dict) and len(value) == 1 and not _TYPED.isdisjoint(value):
        return {name: _scrub_field(key, item, field, above, is_record, parent, depth + 1) for name, item in value.items()}
    if isinstance(value, float) and key.lower() in COORDINATES:
        return "[location]"
    return scrub(value, key, depth + 1)


def _is_name_below(key: str, value: str, parent: str) -> bool:
    """Whether a "name" belongs to the person above it: {"customer": {"name": "..."}}."""
    if key.lower() not in ("name", "displayname", "display_name", "full", "first", "last") or not holds_people(parent):
        return False
    if holds_people_or_software(parent) and " " not in value:
        return False
    from callwatch.scrubbing.detectors.people.names import is_name_of_holder

    return is_name_of_holder(value)


def _is_speech_in(value: str, field: Field, above: Field) -> bool:
    """Whether a person said or a model wrote a text, by its key, the key above, and its words."""
    if field.is_word and above.is_words:
        return True
    if field.is_speech or (field.is_speech_in_parent and above.is_speech_parent):
        return is_prose(value) and value.lstrip()[:1] not in ("{", "[", "<")
    if field.is_summary and is_about_person(value):
        return True
    return field.is_mixed and value.lstrip()[:1] not in ("{", "[", "<") and is_speech(value)


def _unquote(value: Any) -> Any:
    """A text without the quotes of a repr: variables of frames are formatted as Python reprs."""
    is_quoted = isinstance(value, str) and len(value) > 2 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def _scrub_list(items: list[Any], parent: str, depth: int) -> list[Any]:
    verdict = classify_key(parent) if parent else None
    if len(items) == 2 and isinstance(items[1], (list, tuple, dict)) and isinstance(items[0], str) and _SQL.match(items[0]):
        # A statement and the values that were bound to it, as clients return and raise them.
        return [scrub(items[0], "", depth + 1), _mask_pair(items[1])]
    # Headers and query strings also come as pairs: the first of a pair is the key of the second.
    if len(items) == 2 and isinstance(items[0], str) and (pair := classify_key(items[0])) and is_private(pair, items[1]):
        return [items[0], items[1] if _is_mark(items[1]) else f"[{pair.kind}]"]
    if verdict and verdict.is_loose:
        return [
            f"[{verdict.kind}]" if is_private(verdict, item) and not _is_mark(item) else scrub(item, "", depth + 1)
            for item in items
        ]
    field = describe_field(parent)
    is_spoken = field.is_speech
    clean, has_option = [], False
    for item in items:
        if type(item) is str:
            has_option = has_option or item[:1] == "-"
            found = None if is_spoken or len(item) > MAX_SHORT_CHARS else _scrub_short_item(item, field.is_code, field.is_counted)
            clean.append(_scrub_item(item, parent, is_spoken, depth) if found is None else found)
        else:
            # A row below the key "rows" is no count, whatever numbers it holds.
            inner = "" if field.is_counted and isinstance(item, (list, tuple)) else parent
            clean.append(scrub(item, inner, depth + 1))
    # Options of a command begin with a hyphen, and the next argument is the value.
    if has_option:
        _mask_option_values(items, clean)
    return clean


def _mask_pair(values: Any) -> Any:
    masked = mask_bound(values)
    return tuple(masked) if isinstance(values, tuple) else masked


def _mask_option_values(items: list[Any], clean: list[Any]) -> None:
    # Loaded where it is used: it compiles expressions, and few events carry a command.
    from callwatch.scrubbing.notations import is_secret_option, mask_command

    if all(isinstance(item, str) for item in items):
        masked = mask_command(items)
        clean[:] = [piece if piece != item else kept for piece, item, kept in zip(masked, items, clean, strict=True)]
    for number, (option, value) in enumerate(itertools.pairwise(items), 1):
        if isinstance(option, str) and isinstance(value, str) and value[:1] not in ("-", "") and is_secret_option(option):
            clean[number] = value if _is_mark(value) else "[token]"


def _scrub_item(item: Any, parent: str, is_spoken: bool, depth: int) -> Any:
    if isinstance(item, str) and not _is_mark(item):
        if is_spoken and is_prose(item):
            return "[transcript]"
        # A row of a table has no keys: an item that is a whole name is a name.
        if _is_whole_name(item):
            return "[name]"
    return scrub(item, parent, depth + 1)


@functools.lru_cache(maxsize=4096)
def _scrub_short_item(text: str, is_code: bool, is_counted: bool) -> str | None:
    """The scrubbed text of an item of a list that nobody said; None if it holds data."""
    return "[name]" if _is_whole_name(text) else scrub_short(text, is_code, is_counted)


def _is_whole_name(text: str) -> bool:
    return text[:1].isupper() and " " in text and len(text) < 60 and _is_known_person(text)


def _is_known_person(text: str) -> bool:
    from callwatch.scrubbing.detectors.people.names import is_known_person

    return is_known_person(text)


def _scrub_string(text: str, parent: str, depth: int) -> str:
    if holds_data(text) and len(text) < _MAX_NESTED_CHARS:
        inner, is_json = parse_data(text)
        if isinstance(inner, (dict, list, tuple)) or (isinstance(inner, str) and inner[:1] in ("{", "[")):
            clean = scrub(inner, parent, depth + _MAX_DEPTH // _MAX_NESTED_DEPTH)
            return text if clean == inner else render_json(clean) if is_json else repr(clean)
        if (call := _CALL.match(text)) and text.endswith(")"):
            inner = text[call.end() : -1]
            clean = _scrub_string(inner, parent, depth + 1) if holds_data(inner) and depth <= _MAX_DEPTH else inner
            text = text if clean == inner else f"{call[0]}{clean})"
    field = describe_field(parent)
    return text if field.is_counted and is_long_number(text) else scrub_text(text, field.is_code)


def _is_mark(value: Any) -> bool:
    return isinstance(value, str) and value[:1] == "[" and MARK.fullmatch(value) is not None
