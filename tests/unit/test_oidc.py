"""Tokens of an issuer: only one that it signed for our application, now, with a known key and algorithm, names a user."""

import base64
import hmac
import json
import string
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.oidc.keys import FRESH_S, MAX_AGE_S, REFETCH_S, RETRY_S, IssuerKeys, IssuerUnavailable, read_key
from callwatch.oidc.verify import MAX_TOKEN_CHARS, Identity, TokenExpired, TokenRefused, verify_token
from callwatch.settings.oidc import OidcRoles
from tests.support.oidc_issuer import CLIENT_ID, OidcIssuer, describe_key, make_rsa_key

ROLES = OidcRoles("groups", {"ops": "admin", "support": "viewer"})


class Clock:
    """A clock that a test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def shared() -> Iterator[OidcIssuer]:
    """Yield an issuer that no test changes."""
    with OidcIssuer() as found:
        yield found


@pytest.fixture(scope="module")
def keys(shared: OidcIssuer) -> IssuerKeys:
    return IssuerKeys(shared.url)


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    """Yield an issuer of the test's own."""
    with OidcIssuer() as found:
        yield found


def verify(token: str, keys: IssuerKeys) -> Identity:
    return verify_token(token, keys, CLIENT_ID, ROLES)


def encode(value: Any) -> str:
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["ops"], "admin"),
        (["support", "other"], "viewer"),
        (["support", "ops"], "admin"),
        ("support", "viewer"),
        (["OPS", "ops "], None),
        ([], None),
        (None, None),
        ([["ops"], {"ops": 1}, 3], None),
        ({"ops": True}, None),
    ],
)
def test_group_gives_the_role(shared: OidcIssuer, keys: IssuerKeys, algorithm: str, groups: Any, role: str | None) -> None:
    assert verify(shared.sign(algorithm, groups=groups), keys) == Identity("user:ana", role)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claims", "actor"),
    [
        ({"preferred_username": "ana@team.example"}, "user:ana@team.example"),
        ({"preferred_username": None}, "user:u-1"),
        ({"preferred_username": "a\nb", "sub": "auth0|<b>"}, "user:auth0__b_"),
        ({"preferred_username": "x" * 65}, "user:u-1"),
        ({"preferred_username": 7, "sub": "s" * 500}, f"user:{'s' * 64}"),
    ],
)
def test_actor_has_the_signs_of_a_name(shared: OidcIssuer, keys: IssuerKeys, claims: dict[str, Any], actor: str) -> None:
    assert verify(shared.sign(**claims), keys).actor == actor


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": ["a"]},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": [CLIENT_ID, "another"], "azp": "another"},
        {"aud": None},
        {"aud": None, "client_id": "another"},
        {"aud": ""},
        {"aud": {CLIENT_ID: 1}},
        {"exp": None},
        {"exp": "never"},
        {"exp": float("inf")},
        {"iat": None},
        {"sub": None},
        {"sub": 7},
        {"nbf": "x"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    ],
)
def test_claims_that_do_not_fit_are_refused(shared: OidcIssuer, keys: IssuerKeys, claims: dict[str, Any]) -> None:
    header, payload, _ = shared.sign().split(".")
    changed = json.loads(base64.urlsafe_b64decode(payload + "==")) | claims
    changed = {name: value for name, value in changed.items() if value is not None}
    signed = f"{header}.{encode(changed)}"
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(signed.encode(), shared.rsa_key)
    with pytest.raises(TokenRefused):
        verify(f"{signed}.{encode(signature)}", keys)


@pytest.mark.parametrize("claims", [{"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "api"]}, {"aud": None, "client_id": CLIENT_ID}])
def test_token_for_our_application_is_taken(shared: OidcIssuer, keys: IssuerKeys, claims: dict[str, Any]) -> None:
    assert verify(shared.sign(**claims), keys).role == "admin"


@settings(max_examples=60, deadline=None)
@given(offset=st.integers(-400, 400), claim=st.sampled_from(["exp", "nbf", "iat"]))
def test_times_hold_with_a_minute_of_skew(shared: OidcIssuer, keys: IssuerKeys, offset: int, claim: str) -> None:
    # Seconds near the edge depend on how long the test takes.
    offset += 5 if abs(abs(offset) - 60) < 5 else 0
    offset += 10 if abs(abs(offset) - 60) < 5 else 0
    changed: dict[str, Any] = {claim: int(time.time()) + offset}
    token = shared.sign(**changed)
    is_valid = offset > -60 if claim == "exp" else offset < 60
    if is_valid:
        assert verify(token, keys).role == "admin"
    else:
        with pytest.raises(TokenExpired if claim == "exp" else TokenRefused):
            verify(token, keys)


def sign_by_hmac(claims: dict[str, Any], key: bytes, key_id: str) -> str:
    """Return a token whose secret is a public key; the library itself refuses to make one."""
    signed = f"{encode({'alg': 'HS256', 'kid': key_id})}.{encode(claims)}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), 'sha256'))}"


def test_no_other_algorithm_is_taken(shared: OidcIssuer, keys: IssuerKeys) -> None:
    public = shared.rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = shared.rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = shared.build_claims()
    tokens = [sign_by_hmac(claims, key, key_id) for key_id in ("rsa-1", "ec-1") for key in (public, pem, b"")]
    tokens += [jwt.encode(claims, shared.rsa_key, name, headers={"kid": "rsa-1"}) for name in ("RS384", "RS512", "PS256")]
    # The header says one thing, the key or the signature another.
    tokens += [shared.sign("RS256", "ec-1"), shared.sign("ES256", "rsa-1")]
    for name in ("none", "None", "NONE", "", None, ["RS256"], {"a": 1}, "HS256", "ES256", "RS256"):
        for key_id in ("rsa-1", "ec-1", None, 7, ["rsa-1"]):
            unsigned = f"{encode({'alg': name, 'kid': key_id})}.{encode(claims)}"
            tokens += [f"{unsigned}.", f"{unsigned}.{encode(b'x' * 64)}", f"{unsigned}.{encode(b'x' * 256)}"]
    for token in tokens:
        with pytest.raises(TokenRefused):
            verify(token, keys)


def test_key_of_somebody_else_is_refused(shared: OidcIssuer, keys: IssuerKeys) -> None:
    other, other_ec = make_rsa_key(), ec.generate_private_key(ec.SECP256R1())
    embedded = {"kid": "rsa-1", "jwk": describe_key(other, "rsa-1", "RS256"), "jku": "https://evil.example", "x5u": "https://e"}
    tokens = [shared.sign(key=other), shared.sign("ES256", key=other_ec), shared.sign(key=other, key_id="../rsa-1")]
    tokens += [jwt.encode(shared.build_claims(), other, "RS256", headers=embedded)]
    tokens += [jwt.encode(shared.build_claims(), shared.rsa_key, "RS256", headers={"kid": "rsa-1", "crit": ["b64"]})]
    for token in tokens:
        with pytest.raises(TokenRefused):
            verify(token, keys)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10_000), sign=st.sampled_from(string.ascii_letters + string.digits + "-_."))
def test_one_changed_sign_is_refused(shared: OidcIssuer, keys: IssuerKeys, place: int, sign: str) -> None:
    token = shared.sign("ES256", exp=int(time.time()) + 3600)
    place %= len(token) - 1
    changed = token[:place] + sign + token[place + 1 :]
    if changed != token:
        with pytest.raises(TokenRefused):
            verify(changed, keys)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(st.text("eyJ.-_ab09={\"'[]\x00"), min_size=3, max_size=3).map(".".join)))
def test_junk_is_refused_before_the_issuer_is_asked(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify(text, IssuerKeys("http://127.0.0.1:9"))


@pytest.mark.parametrize(
    "token",
    [
        "eyJ" + "a" * 5_000_000 + ".a.a",
        "eyJ." * 1_000_000,
        f"{encode(b'[' * 700)}.a.a",
        f"{encode(b'[' * 7_000)}.a.a",
        f"{encode({'alg': 'RS256', 'kid': 'k', 'x': 'y' * 5_000})}.a.a",
        "a." * 2 + "a" * MAX_TOKEN_CHARS,
    ],
    ids=range(6),
)
def test_huge_token_costs_nothing(token: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TokenRefused):
        verify(token, IssuerKeys("http://127.0.0.1:9"))
    assert time.perf_counter() - began < 0.2


def test_deep_claims_signed_by_the_issuer_are_refused(shared: OidcIssuer, keys: IssuerKeys) -> None:
    signed = f"{encode({'alg': 'RS256', 'kid': 'rsa-1'})}.{encode(b'[' * 6_000)}"
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(signed.encode(), shared.rsa_key)
    with pytest.raises(TokenRefused):
        verify(f"{signed}.{encode(signature)}", keys)


def test_unknown_key_ids_ask_the_issuer_once_a_minute(issuer: OidcIssuer) -> None:
    clock = Clock()
    keys = IssuerKeys(issuer.url, clock)
    for number in range(500):
        clock.now += 0.1
        assert keys.find(f"foreign-{number}") is None
    assert issuer.requests.count("/realm/keys") == 1
    clock.now += REFETCH_S
    assert keys.find("foreign") is None
    assert issuer.requests.count("/realm/keys") == 2


def test_new_key_is_found_and_a_withdrawn_one_ends(issuer: OidcIssuer) -> None:
    clock = Clock()
    keys = IssuerKeys(issuer.url, clock)
    before = issuer.sign()
    assert verify(before, keys).role == "admin"
    issuer.rsa_key = make_rsa_key()
    issuer.jwks = {"keys": [describe_key(issuer.rsa_key, "rsa-2", "RS256")]}
    clock.now += REFETCH_S
    assert verify(before, keys).role == "admin", "known until the keys are fetched again"
    assert verify(issuer.sign(key_id="rsa-2"), keys).role == "admin"
    with pytest.raises(TokenRefused):
        verify(before, keys)
    clock.now += FRESH_S
    assert verify(issuer.sign(key_id="rsa-2"), keys).role == "admin"


def test_issuer_that_is_down_is_told_apart_and_asked_rarely(issuer: OidcIssuer) -> None:
    clock = Clock()
    keys = IssuerKeys(issuer.url, clock)
    issuer.is_down = True
    for _ in range(100):
        with pytest.raises(IssuerUnavailable):
            verify(issuer.sign(), keys)
    assert len(issuer.requests) == 1
    issuer.is_down = False
    clock.now += RETRY_S
    assert verify(issuer.sign(), keys).role == "admin"
    issuer.is_down = True
    clock.now += MAX_AGE_S - 1
    assert verify(issuer.sign(), keys).role == "admin", "kept keys go on for an hour"
    clock.now += 2
    with pytest.raises(IssuerUnavailable):
        verify(issuer.sign(), keys)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"\xff\xfe",
        [],
        None,
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": [None, 1, "x", [], {}]},
        {"keys": [{"kty": "oct", "kid": "k", "k": "AAAA"}]},
        {"keys": [{"kty": ["RSA"], "kid": "rsa-1"}]},
        {"keys": [{"kty": "RSA", "kid": "rsa-1", "n": "", "e": ""}]},
        {"keys": [{"kty": "RSA", "kid": "rsa-1", "n": "A" * 100_000, "e": "AQAB"}]},
        {"keys": [{"kty": "EC", "crv": "P-256", "kid": "ec-1", "x": "AA", "y": "AA"}]},
        {"pad": "x" * 300_000, "keys": []},
    ],
    ids=range(17),
)
def test_garbage_of_the_issuer_is_unavailable(issuer: OidcIssuer, document: Any) -> None:
    issuer.jwks = document
    with pytest.raises(IssuerUnavailable):
        verify(issuer.sign(), IssuerKeys(issuer.url))


def test_one_bad_key_does_not_hide_the_others(issuer: OidcIssuer) -> None:
    bad = [
        None,
        {"kty": "RSA"},
        {"kty": "RSA", "kid": "rsa-1", "n": "AA", "e": "AQAB"},
        describe_key(make_rsa_key(1024), "w", "RS256"),
    ]
    issuer.jwks = {"keys": [*bad, *issuer.jwks["keys"]]}
    assert verify(issuer.sign(), IssuerKeys(issuer.url)).role == "admin"


def test_weak_private_and_other_keys_are_not_used(shared: OidcIssuer) -> None:
    good = describe_key(shared.rsa_key, "k", "RS256")
    assert read_key(good)
    private = jwt.algorithms.RSAAlgorithm.to_jwk(shared.rsa_key, as_dict=True)
    found = read_key({**private, "kid": "k"})
    assert found is not None
    assert not hasattr(found[1].key, "sign"), "only the public half is read"
    weak = describe_key(make_rsa_key(1024), "k", "RS256")
    large_exponent = {**good, "e": good["n"]}
    for entry in (weak, large_exponent, {**good, "use": "enc"}, {**good, "alg": "HS256"}, {**good, "kid": 1}):
        assert read_key(entry) is None


def test_discovery_must_name_the_same_issuer(issuer: OidcIssuer) -> None:
    other = issuer.url.replace("127.0.0.1", "localhost")
    with pytest.raises(IssuerUnavailable):
        IssuerKeys(other).find("rsa-1")


JUNK = st.one_of(st.none(), st.integers(), st.text(), st.binary().map(encode), st.lists(st.text()), st.just("AQAB"))
ENTRY = st.fixed_dictionaries(
    {"kid": st.just("k"), "kty": st.sampled_from(["RSA", "EC", "oct"])},
    optional=dict.fromkeys(("n", "e", "x", "y", "d", "k", "use", "alg"), JUNK) | {"crv": st.sampled_from(["P-256", "P-521"])},
)


@settings(max_examples=300, deadline=None)
@given(ENTRY)
def test_any_entry_of_a_key_document_is_read_or_skipped(entry: dict[str, Any]) -> None:
    found = read_key(entry)
    assert found is None or found[0] == "k"
