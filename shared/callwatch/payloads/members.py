"""A bloom filter of what an object holds: without reading the object, it says that an event or a user is not in it."""

import hashlib
from collections.abc import Collection

# With 16 bits a key, one object in 1,700 is read without need.
_BYTES_A_KEY = 2
_POSITIONS = 8


def build_filter(keys: Collection[str]) -> bytes:
    """The filter of some keys, as PostgreSQL's get_bit numbers its bits."""
    size = _BYTES_A_KEY * max(1, len(keys))
    bits = size * 8
    content = bytearray(size)
    for key in keys:
        for position in list_positions(key):
            bit = position % bits
            content[bit >> 3] |= 1 << (bit & 7)
    return bytes(content)


def list_positions(key: str) -> list[int]:
    """Numbers whose remainders by a filter's bits are the positions of the key in it."""
    digest = hashlib.blake2b(key.encode(), digest_size=4 * _POSITIONS).digest()
    return [int.from_bytes(digest[start : start + 4], "little") for start in range(0, len(digest), 4)]
