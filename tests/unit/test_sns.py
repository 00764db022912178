"""Messages of SNS: what it signed is read, what anybody else signed is not, and only SNS is called."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from callwatch.exceptions import Forbidden, Invalid, RequestRefused, Unavailable
from callwatch.http_client import client
from callwatch.ingest.external import sns
from callwatch.ingest.external.certificate import BadCertificate, read_public_key

HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE_URL = f"{HOST}/SimpleNotificationService-0123456789abcdef.pem"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
MESSAGE = {
    "Type": "Notification",
    "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    "TopicArn": TOPIC,
    "Subject": "ALARM",
    "Message": '{"AlarmName": "Über"}\nsecond line',
    "Timestamp": "2026-05-04T09:59:31.000Z",
    "SignatureVersion": "2",
    "SigningCertURL": CERTIFICATE_URL,
}
CONFIRMATION = {
    **{name: value for name, value in MESSAGE.items() if name != "Subject"},
    "Type": "SubscriptionConfirmation",
    "Token": "2336412f37",
    "SubscribeURL": f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37",
}
KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)


def certify(key: Any) -> bytes:
    """Return a certificate in PEM, signed by its own key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sign(message: dict[str, Any], key: Any = KEY) -> dict[str, Any]:
    names = sorted(name for name in message if name not in ("Signature", "SignatureVersion", "SigningCertURL", "UnsubscribeURL"))
    signed = "".join(f"{name}\n{message[name]}\n" for name in names).encode()
    algorithm = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
    signature = key.sign(signed, padding.PKCS1v15(), algorithm)
    return {**message, "Signature": base64.b64encode(signature).decode(), "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe"}


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the addresses that are fetched; the certificate is that of KEY."""
    found: list[str] = []

    def fetch(url: str) -> bytes:
        found.append(url)
        return certify(KEY)

    monkeypatch.setattr(sns, "fetch", fetch)
    sns._keys.clear()
    return found


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("message", [MESSAGE, CONFIRMATION, {**CONFIRMATION, "Type": "UnsubscribeConfirmation"}])
def test_message_that_sns_signed_is_read(message: dict[str, Any], version: str, fetched: list[str]) -> None:
    given = sign({**message, "SignatureVersion": version})
    assert sns.is_sns(given)
    assert sns.verify_message(given) == sns.verify_message(given) == message["Type"]
    assert fetched == [CERTIFICATE_URL], "the certificate is kept"


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Signature"])
def test_message_that_was_changed_is_refused(name: str) -> None:
    given = sign(MESSAGE)
    changed = given[name].replace("a", "b", 1) if name != "TopicArn" else TOPIC.replace("alarms", "other")
    if name == "Signature":
        changed = base64.b64encode(base64.b64decode(given[name])[::-1]).decode()
    if name in ("Timestamp", "Subject", "MessageId"):
        changed = given[name] + "0"
    with pytest.raises(Forbidden):
        sns.verify_message({**given, name: changed})


def test_message_of_another_key_is_refused() -> None:
    for key in (OTHER_KEY, rsa.generate_private_key(65537, 3072)):
        with pytest.raises(Forbidden):
            sns.verify_message(sign(MESSAGE, key))
    for signature in ("", "AAAA", base64.b64encode(b"\xff" * 256).decode(), "not base64", "é"):
        with pytest.raises(Forbidden):
            sns.verify_message({**sign(MESSAGE), "Signature": signature})


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://x@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://bucket.s3.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/other.pem",
        "https://sns.eu-west-1.amazonaws.com/a/../SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem?x=1",
        "https://[::1/SimpleNotificationService-0.pem",
    ],
)
def test_certificate_of_another_place_is_not_fetched(url: str, fetched: list[str]) -> None:
    with pytest.raises(Forbidden):
        sns.verify_message(sign({**MESSAGE, "SigningCertURL": url}))
    assert fetched == []


@pytest.mark.parametrize(
    "change",
    [{"Type": "Other"}, {"Type": None}, {"Message": None}, {"TopicArn": "topic"}, {"SignatureVersion": "3"}, {"Signature": 7}],
)
def test_message_that_lacks_a_field_is_422(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        sns.verify_message({**sign(MESSAGE), **change})


def test_subscription_is_confirmed_at_sns(fetched: list[str]) -> None:
    sns.confirm_subscription(sign(CONFIRMATION))
    assert fetched == [CONFIRMATION["SubscribeURL"]]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?Action=ConfirmSubscription",
        f"http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}",
        f"{HOST}/?Action=DeleteTopic&TopicArn={TOPIC}",
        f"{HOST}/?Action=ConfirmSubscription&Action=DeleteTopic&TopicArn={TOPIC}",
        f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}-other",
        f"{HOST}/path?Action=ConfirmSubscription&TopicArn={TOPIC}",
        f"https://169.254.169.254/?Action=ConfirmSubscription&TopicArn={TOPIC}",
    ],
)
def test_subscription_elsewhere_is_not_confirmed(url: str, fetched: list[str]) -> None:
    with pytest.raises(Forbidden):
        sns.confirm_subscription({**CONFIRMATION, "SubscribeURL": url})
    assert fetched == []


@pytest.mark.parametrize(
    "certificate",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        b"\xff",
        certify(KEY)[:-200] + b"\n-----END CERTIFICATE-----\n",
        certify(ec.generate_private_key(ec.SECP256R1())),
        certify(rsa.generate_private_key(65537, 1024)),
    ],
)
def test_certificate_without_a_usable_key_is_refused(certificate: bytes) -> None:
    with pytest.raises(BadCertificate):
        read_public_key(certificate)


def test_key_of_a_certificate_is_that_of_the_library() -> None:
    for bits in (2048, 3072, 4096):
        key = rsa.generate_private_key(65537, bits)
        numbers = key.public_key().public_numbers()
        found = read_public_key(certify(key))
        assert (found.modulus, found.exponent) == (numbers.n, numbers.e)


@pytest.mark.parametrize("fails", [True, False])
def test_sns_that_does_not_respond_is_503(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    def send(*_args: Any, **_options: Any) -> client.HttpResponse:
        if fails:
            raise client.RequestFailed("timeout")
        return client.HttpResponse(500, {}, b"", False, None, 1.0)

    monkeypatch.undo()
    monkeypatch.setattr(client, "send_request", send)
    fetch: Callable[[str], bytes] = sns.fetch
    with pytest.raises(Unavailable) as caught:
        fetch(CERTIFICATE_URL)
    refusal: RequestRefused = caught.value
    assert refusal.headers["retry-after"] == "5"
