"""Signature Version 4: the published test suite of AWS, and botocore's signer on generated requests."""

import string

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from callwatch.aws.signature import Credentials, Scope, sign_post

# aws4_testsuite: its keys, scope and time, and the cases that POST to "/".
KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SUITE = Scope("us-east-1", "service")
AT = "20150830T123600Z"
HOST = {"host": "example.amazonaws.com"}
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/"
    "qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr"
    "7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("headers", "body", "token", "signed", "signature"),
    [
        ({}, b"", None, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            {"my-header1": "VALUE1"},
            b"",
            None,
            "host;my-header1;x-amz-date",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            FORM,
            b"Param1=value1",
            None,
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            {},
            b"",
            TOKEN,
            "host;x-amz-date;x-amz-security-token",
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        ),
    ],
    ids=["post-vanilla", "post-header-value-case", "post-x-www-form-urlencoded", "post-sts-header-before"],
)
def test_signature_is_that_of_the_published_suite(
    headers: dict[str, str], body: bytes, token: str | None, signed: str, signature: str
) -> None:
    found = sign_post(HOST | headers, body, KEYS._replace(token=token), SUITE, AT)
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    assert found["authorization"] == f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}"
    assert found["x-amz-date"] == AT
    assert found.get("x-amz-security-token") == token


_words = st.text(string.ascii_letters + string.digits + "/+=.-_;, ", min_size=1, max_size=40).map(lambda text: f"x{text}x")


@given(
    body=st.binary(max_size=300),
    target=_words,
    token=st.none() | _words,
    secret=_words,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    service=st.sampled_from(["sqs", "secretsmanager", "ssm"]),
)
def test_signature_equals_that_of_botocore(
    body: bytes, target: str, token: str | None, secret: str, region: str, service: str
) -> None:
    host = f"{service}.{region}.amazonaws.com"
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
    request = AWSRequest("POST", f"https://{host}/", headers, body)
    SigV4Auth(BotoCredentials("AKIDEXAMPLE", secret, token), service, region).add_auth(request)
    at = request.context["timestamp"]
    found = sign_post({**headers, "host": host}, body, Credentials("AKIDEXAMPLE", secret, token), Scope(region, service), at)
    assert found["authorization"] == request.headers["Authorization"]
