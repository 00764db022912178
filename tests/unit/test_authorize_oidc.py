"""The authorizer with an issuer: our own tokens come first and go on without it, and each failure has its name."""

from collections.abc import Iterator
from typing import Any

import pytest

from callwatch.exceptions import ConfigurationError
from callwatch.runtime.caller_limits import CallerLimits
from callwatch.settings import Settings, load_settings
from functions import authorize
from functions.authorize import describe_caller
from tests.support.oidc_issuer import OidcIssuer, make_rsa_key

# A token of ours may have any look.
SIGNED_LOOK = "eyJhbGciOiJub25lIn0.e30.c2ln"


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    authorize._find_keys.cache_clear()
    with OidcIssuer() as found:
        yield found


@pytest.fixture
def settings(issuer: OidcIssuer) -> Settings:
    return load_settings({"ADMIN_SECRET": f"ana:{'a' * 24},eve:{SIGNED_LOOK}", **issuer.settings})


def call(settings: Settings, authorization: str, limits: CallerLimits | None = None) -> dict[str, Any]:
    event = {"headers": {"Authorization": authorization}, "rawPath": "/api/overview"}
    return dict(describe_caller(event, settings, limits or CallerLimits()))


def test_group_signs_in(issuer: OidcIssuer, settings: Settings) -> None:
    assert call(settings, f"Bearer {issuer.sign()}") == {"role": "admin", "actor": "user:ana"}
    issuer.groups = ["support"]
    assert call(settings, f"bearer  {issuer.sign('ES256')} ") == {"role": "viewer", "actor": "user:ana"}


def test_each_failure_has_its_name(issuer: OidcIssuer, settings: Settings) -> None:
    anonymous = {"role": "none", "actor": "anonymous"}
    forged = issuer.sign(key=make_rsa_key())
    assert call(settings, f"Bearer {issuer.sign(groups=[])}") == {"role": "none", "actor": "user:ana", "sign_in": "no_role"}
    assert call(settings, f"Bearer {issuer.sign(exp=1, iat=1)}") == {**anonymous, "sign_in": "expired"}
    assert call(settings, f"Bearer {forged}") == {**anonymous, "sign_in": "failed"}
    assert call(settings, f"Basic {issuer.sign()}") == {**anonymous, "sign_in": "failed"}
    assert call(settings, "") == anonymous


def test_own_tokens_go_on_while_the_issuer_is_down(issuer: OidcIssuer, settings: Settings) -> None:
    issuer.is_down = True
    assert call(settings, f"Bearer {'a' * 24}") == {"role": "admin", "actor": "ana"}
    assert call(settings, f"Bearer {SIGNED_LOOK}") == {"role": "admin", "actor": "eve"}
    assert issuer.requests == []
    found = call(settings, f"Bearer {issuer.sign()}")
    assert found == {"role": "none", "actor": "anonymous", "sign_in": "unavailable"}


def test_without_an_issuer_its_tokens_are_unknown_ones(issuer: OidcIssuer) -> None:
    found = call(load_settings({}), f"Bearer {issuer.sign()}")
    assert found == {"role": "none", "actor": "anonymous", "sign_in": "failed"}
    assert issuer.requests == []


def test_users_have_limits_of_their_own(issuer: OidcIssuer, settings: Settings) -> None:
    limits = CallerLimits()
    forged = issuer.sign(key=make_rsa_key())
    waits = [call(settings, f"Bearer {forged}", limits).get("retry_after_s") for _ in range(150)]
    assert waits[0] is None
    assert waits[-1]
    assert "retry_after_s" not in call(settings, f"Bearer {issuer.sign()}", limits)


@pytest.mark.parametrize(
    ("raw", "claim", "groups"),
    [
        ("groups:ops=admin", "groups", {"ops": "admin"}),
        ("groups:ops=admin, support=viewer", "groups", {"ops": "admin", "support": "viewer"}),
        ("cognito:groups:ops=admin", "cognito:groups", {"ops": "admin"}),
        ("https://callwatch/groups:On Call=viewer", "https://callwatch/groups", {"On Call": "viewer"}),
        ("groups:/ops/eu=admin", "groups", {"/ops/eu": "admin"}),
    ],
)
def test_roles_of_groups(raw: str, claim: str, groups: dict[str, str]) -> None:
    given = {"OIDC_ISSUER": "https://issuer.example", "OIDC_AUDIENCE": "page", "OIDC_ROLES": raw}
    found = load_settings(given).oidc_roles
    assert found is not None
    assert (found.claim, dict(found.by_group)) == (claim, groups)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        *[
            ("OIDC_ROLES", raw)
            for raw in ("ops=admin", "groups:ops", "groups:ops=root", "groups:=admin", ":ops=admin", "groups:")
        ],
        *[("OIDC_ROLES", raw) for raw in ("groups:ops=admin,ops=viewer", "groups:ops=admin,=viewer", "groups:ops=admin,x")],
        *[
            ("OIDC_ISSUER", raw)
            for raw in ("http://issuer.example", "issuer", "https://a; script-src *", "https://a b", "https://a?b")
        ],
        *[("OIDC_ISSUER", raw) for raw in ("https://u:p@issuer.example", "ftp://a", "https://a,b", "https://a'b")],
        *[("OIDC_TOKEN_ORIGIN", raw) for raw in ("https://a.example/", "https://a.example/x", "http://a.example", "*")],
        ("OIDC_AUDIENCE", "two words"),
        ("OIDC_AUDIENCE", ""),
        ("OIDC_ROLES", ""),
    ],
)
def test_setting_that_cannot_work_switches_the_sign_in_off(name: str, raw: str) -> None:
    given = {"OIDC_ISSUER": "https://issuer.example", "OIDC_AUDIENCE": "page", "OIDC_ROLES": "groups:ops=admin", name: raw}
    with pytest.raises(ConfigurationError, match=name):
        load_settings(given)
    found = load_settings(given, is_strict=False)
    assert (found.oidc_issuer, found.oidc_audience, found.oidc_roles) == (None, None, None)
    assert [problem.affects for problem in found.problems] == ["sign_in"]
