"""Decides whether digits can be a phone number, and whether their context says that they count something else."""

import functools

from callwatch.scrubbing.detectors.keys import split_words

# Well-known numbers of programming that have the shape of a phone number.
_FAMOUS = frozenset({"2147483647", "2147483648", "4294967295", "4294967296", "8589934592", "9223372036"})
_COUNTED = frozenset(
    "id ids uuid guid count counts total size length len bytes byte ts time timestamp at ms ns us sec seconds duration elapsed"
    " took offset line lineno col column port pid tid seq sequence version build index row rows page limit memory mem hash seed"
    " lsn xid txid oid heap conversation rss capacity max min epoch expires nonce order ticket invoice job request trace span transaction cost price"
    " amount tokens code attempt batch record commit revision rev issue pr"
    " policy case ref reference sku lot position cursor checksum crc balance sum used".split()
)


def is_phone(digits: str) -> bool:
    """Whether 10 digits, or 11 with a leading 1, can be a number of the North American Numbering Plan."""
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) != 10 or national in _FAMOUS:
        return False
    # An area code begins with 2..9, has no 9 in the middle and is not x11; 555 is used in examples.
    area = national[:3]
    return area[0] in "23456789" and area[1] != "9" and area[1:] != "11" and (area == "555" or national[3] in "23456789")


@functools.lru_cache(maxsize=4096)
def is_count(key: str) -> bool:
    """Whether a key or word says that its number is an id, a time, a size or another count."""
    words = split_words(key)
    return bool(words) and any(word in _COUNTED or word.removesuffix("s") in _COUNTED for word in words[-2:])
