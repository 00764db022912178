"""Messages of Amazon SNS to an HTTP endpoint: only what SNS signed is read, and only SNS itself is called.

The documentation "Verifying the signatures of Amazon SNS messages" names the fields, their order and the algorithms.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from callwatch.exceptions import Forbidden, Invalid, Unavailable
from callwatch.ingest.external.certificate import BadCertificate, PublicKey, read_public_key

_TYPES = ("Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation")
_SIGNED: Mapping[str, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Mapping[str, str] = {"1": "sha1", "2": "sha256"}
_HOST = re.compile(r"sns\.([a-z0-9-]{1,40})\.amazonaws\.com(\.cn)?")
_CERTIFICATE_PATH = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]{1,40}):\d{12}:.{1,256}")
_TIMEOUT_S = 5.0
_MAX_CERTIFICATE_BYTES, _MAX_CERTIFICATES = 16 * 1024, 8
# SNS signs with one certificate for about a year.
_keys: dict[str, PublicKey] = {}


def is_sns(given: Any) -> bool:
    """Whether a body is a message of SNS, and not an alarm alone."""
    return isinstance(given, dict) and "SigningCertURL" in given and "Type" in given


def verify_message(given: Mapping[str, Any]) -> str:
    """The type of a message that SNS signed.

    Raises Invalid for one that lacks a field, Forbidden for one that SNS did not sign, Unavailable if SNS does not respond.
    """
    kind = given.get("Type")
    if kind not in _TYPES:
        raise Invalid("Type", f"must be one of {', '.join(_TYPES)}")
    names = [name for name in _SIGNED[kind] if name != "Subject" or given.get("Subject") is not None]
    for name in (*names, "Signature", "SignatureVersion", "SigningCertURL"):
        if not isinstance(given.get(name), str):
            raise Invalid(name, "is required and must be a text")
    algorithm = _HASHES.get(given["SignatureVersion"])
    if algorithm is None:
        raise Invalid("SignatureVersion", "must be 1 or 2")
    try:
        signature = base64.b64decode(given["Signature"], validate=True)
    except (binascii.Error, ValueError):
        raise Forbidden("Signature: is not the one of Amazon SNS") from None
    region = _find_region(given)
    signed = "".join(f"{name}\n{given[name]}\n" for name in names).encode("utf-8", "surrogatepass")
    if not _load_key(given["SigningCertURL"], region).verifies(signature, signed, algorithm):
        raise Forbidden("Signature: is not the one of Amazon SNS")
    return str(kind)


def confirm_subscription(given: Mapping[str, Any]) -> None:
    """Confirm a subscription that a verified message offers. Raises Forbidden for an address that is not SNS's own."""
    url = str(given["SubscribeURL"])
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    is_ours = query.get("Action") == ["ConfirmSubscription"] and query.get("TopicArn") == [given["TopicArn"]]
    if not _is_of_sns(url, _find_region(given)) or parts.path not in ("", "/") or not is_ours:
        raise Forbidden("SubscribeURL: must confirm a subscription at Amazon SNS")
    fetch(url)


def fetch(url: str) -> bytes:
    """The body of a GET. Raises Unavailable."""
    # Loaded with the first message of SNS: nobody else waits for it.
    from callwatch.http_client.client import RequestFailed, send_request

    try:
        answer = send_request("GET", url, {}, None, _TIMEOUT_S, max_body_bytes=_MAX_CERTIFICATE_BYTES)
    except (RequestFailed, ValueError):
        raise Unavailable("Amazon SNS does not respond; send the message again", retry_after_s=5) from None
    if answer.status != 200 or answer.body_error or answer.is_truncated:
        raise Unavailable(f"Amazon SNS responds with {answer.status}; send the message again", retry_after_s=5)
    return answer.body


def _find_region(given: Mapping[str, Any]) -> str:
    topic = _TOPIC.fullmatch(given["TopicArn"])
    if topic is None:
        raise Invalid("TopicArn", "must be the ARN of an SNS topic")
    return topic[1]


def _is_of_sns(url: str, region: str) -> bool:
    """Whether an address is that of SNS in a region: with TLS, its standard port, and nothing in front of the host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = _HOST.fullmatch(parts.netloc)
    return parts.scheme == "https" and host is not None and host[1] == region


def _load_key(url: str, region: str) -> PublicKey:
    if not _is_of_sns(url, region) or not _CERTIFICATE_PATH.fullmatch(urlsplit(url).path) or urlsplit(url).query:
        raise Forbidden("SigningCertURL: must be a certificate of Amazon SNS in the topic's region")
    if url not in _keys:
        try:
            key = read_public_key(fetch(url))
        except BadCertificate as error:
            raise Forbidden(f"SigningCertURL: {error}") from None
        if len(_keys) >= _MAX_CERTIFICATES:
            _keys.clear()
        _keys[url] = key
    return _keys[url]
