"""The RSA key of an X.509 certificate, and what it signed (docs/decisions/0074).

The certificate comes from Amazon SNS over verified TLS, which is why it is trusted; only its key is read here.
"""

import binascii
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

# 1.2.840.113549.1.1.1, rsaEncryption.
_RSA = bytes.fromhex("2a864886f70d010101")
_SEQUENCE, _INTEGER, _BIT_STRING, _OBJECT_ID, _VERSION = 0x30, 0x02, 0x03, 0x06, 0xA0
_MIN_BITS, _MAX_BITS = 2_048, 8_192
# DigestInfo of each hash, before the digest itself (RFC 8017, section 9.2).
_PREFIXES: Mapping[str, bytes] = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}
# In a certificate, in this order: serial number, signature algorithm, issuer, validity, subject.
_BEFORE_KEY = 5


class BadCertificate(ValueError):
    """A certificate that cannot be read, or holds another kind of key."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA key: modulus and exponent."""

    modulus: int
    exponent: int

    def verifies(self, signature: bytes, signed: bytes, algorithm: str) -> bool:
        """Whether this key signed it, by RSASSA-PKCS1-v1_5.

        The whole padded digest is made and compared: nothing of the signature is parsed, so there is nothing to forge.
        """
        length = (self.modulus.bit_length() + 7) // 8
        number = int.from_bytes(signature, "big")
        if len(signature) != length or number >= self.modulus:
            return False
        info = _PREFIXES[algorithm] + hashlib.new(algorithm, signed).digest()
        expected = b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info
        return hmac.compare_digest(pow(number, self.exponent, self.modulus).to_bytes(length, "big"), expected)


def read_public_key(pem: bytes) -> PublicKey:
    """The RSA key of a certificate in PEM. Raises BadCertificate."""
    try:
        der = ssl.PEM_cert_to_DER_cert(pem.decode("ascii").strip())
        _tag, certificate, _rest = _read(der)
        _tag, fields, _rest = _read(certificate)
        tag, _value, after = _read(fields)
        rest = after if tag == _VERSION else fields
        for _field in range(_BEFORE_KEY):
            _tag, _value, rest = _read(rest)
        _tag, key_info, _rest = _read(rest)
        return _read_key(key_info)
    except (ValueError, IndexError, binascii.Error):
        raise BadCertificate("is no certificate with an RSA key") from None


def _read_key(key_info: bytes) -> PublicKey:
    _tag, algorithm, rest = _read(key_info)
    tag, name, _rest = _read(algorithm)
    if tag != _OBJECT_ID or name != _RSA:
        raise ValueError("another kind of key")
    tag, bits, _rest = _read(rest)
    # The first byte counts unused bits, of which a key has none.
    tag_of_key, numbers, _rest = _read(bits[1:])
    if (tag, tag_of_key) != (_BIT_STRING, _SEQUENCE):
        raise ValueError("no key")
    tag_of_modulus, modulus, rest = _read(numbers)
    tag_of_exponent, exponent, _rest = _read(rest)
    key = PublicKey(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
    if (tag_of_modulus, tag_of_exponent) != (_INTEGER, _INTEGER) or not _MIN_BITS <= key.modulus.bit_length() <= _MAX_BITS:
        raise ValueError("a key of another size")
    if not 3 <= key.exponent < 2**32:
        raise ValueError("another exponent")
    return key


def _read(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, value and what follows of the first element (DER). Raises ValueError or IndexError."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("a length of another form")
        length, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if start + length > len(data):
        raise ValueError("an element that breaks off")
    return tag, data[start : start + length], data[start + length :]
