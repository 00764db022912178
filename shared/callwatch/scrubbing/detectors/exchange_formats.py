"""Masks people in exchange formats: X12 of insurers and HL7 of clinics, whose fields have a place and no key, vCard and iCalendar."""

import re

from callwatch.scrubbing.detectors.rules import make_rule

# The elements of a segment that hold private data, by its name: the number of the element and the kind.
_X12 = {
    "NM1": {3: "name", 4: "name", 5: "name", 9: "account"},
    "DMG": {2: "dob"},
    "N3": {1: "address", 2: "address"},
    "N4": {1: "city", 3: "zip"},
    "PER": {2: "name", 4: "phone", 6: "phone", 8: "phone"},
}
_HL7 = {
    "PID": {3: "account", 5: "name", 6: "name", 7: "dob", 11: "address", 13: "phone", 14: "phone", 19: "ssn"},
    "NK1": {2: "name", 4: "address", 5: "phone"},
    "GT1": {3: "name", 5: "address", 6: "phone", 8: "dob", 12: "ssn"},
    "IN1": {16: "name", 18: "dob", 19: "address", 36: "account"},
}
_SEGMENT = re.compile(
    rf"(?<![\w*|])(?:(?P<x12>{'|'.join(_X12)})\*[^~\r\n]{{3,600}}|(?P<hl7>{'|'.join(_HL7)})\|[^\r\n]{{3,1500}})"
)
# The letters at the beginning of each name, as the words of a text are listed.
HEADS = frozenset(name.lower().rstrip("0123456789") for name in (*_X12, *_HL7))
CARD_RULES = (
    make_rule("attendee organizer", r"((?:ATTENDEE|ORGANIZER)[^\r\n]{0,200}?;CN=\"?)[^\":;\r\n\[]{2,80}", r"\1[name]"),
    make_rule(
        "vcard tel; email;",
        r"(?<![\w.])(F?N(?:;[A-Z=,-]{1,40})?:)(?!\[)[^\r\n:]{2,120}?(?=[\r\n]|\\n| ?(?:TEL|EMAIL|ADR|ORG|END)[;:]|$)",
        r"\1[name]",
    ),
)
# Organizations have a name in the same element; a person's segment says so in the one before it.
_PERSON = "1"


def mask_segments(text: str) -> str:
    """The text with the mark of its kind for each private element of a segment."""
    return _SEGMENT.sub(_mask_segment, text) if "*" in text or "|" in text else text


def _mask_segment(match: re.Match[str]) -> str:
    name, separator, private = (match["x12"], "*", _X12) if match["x12"] else (match["hl7"], "|", _HL7)
    elements = match[0].split(separator)
    if name == "NM1" and elements[2:3] != [_PERSON]:
        return match[0]
    for number, kind in private[name].items():
        if number < len(elements) and elements[number].strip() and not elements[number].startswith("["):
            elements[number] = f"[{kind}]"
    return separator.join(elements)
