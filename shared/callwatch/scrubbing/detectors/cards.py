"""Recognizes card numbers: the ranges of the issuers, their lengths, and the check digit."""

import re

_LENGTHS = (("34", (15,)), ("37", (15,)), ("30", (14,)), ("36", (14,)), ("38", (14,)), ("35", (16,)))
# The value of a digit in the Luhn algorithm when it counts twice.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_card(text: str) -> bool:
    """Whether a text of digits, blanks and hyphens is a card number: an issuer, its length, the check digit."""
    digits = text.replace(" ", "").replace("-", "")
    digits = digits if digits.isdecimal() else re.sub(r"\D", "", digits)
    return 12 <= len(digits) <= 19 and _is_issued(digits) and has_luhn(digits)


def _is_issued(digits: str) -> bool:
    size, two, four = len(digits), digits[:2], int(digits[:4])
    if digits[0] == "4":
        return size in (13, 16, 19)
    if "51" <= two <= "55" or 2221 <= four <= 2720:
        return size == 16
    if four == 6011 or two in ("65", "62") or 6440 <= four <= 6499:
        return 16 <= size <= 19
    return any(two == prefix and size in sizes for prefix, sizes in _LENGTHS)


def has_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the Luhn algorithm (ISO/IEC 7812-1)."""
    return (sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])) % 10 == 0
