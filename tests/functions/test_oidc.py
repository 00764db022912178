"""Sign-in by OpenID Connect on the running system: roles by group, refusals in our words, and the issuer's failure."""

from collections.abc import Iterator

import pytest

from local.system import System, running_system
from tests.support.oidc_issuer import CLIENT_ID, OidcIssuer


@pytest.fixture(scope="module")
def issuer() -> Iterator[OidcIssuer]:
    """Yield the issuer of this module's system."""
    with OidcIssuer() as found:
        yield found


@pytest.fixture(scope="module")
def signed_system(issuer: OidcIssuer) -> Iterator[System]:
    """Yield a system with an issuer."""
    with running_system(cycle_s=None, environ=issuer.settings) as found:
        yield found


def test_groups_decide_what_a_user_may_do(signed_system: System, issuer: OidcIssuer) -> None:
    admin, viewer, nobody = (issuer.sign(groups=groups) for groups in (["ops"], ["support"], ["others"]))
    assert signed_system.get("/api/overview", admin)["caller"] == {"actor": "user:ana", "role": "admin"}
    assert signed_system.get("/api/overview", viewer)["caller"] == {"actor": "user:ana", "role": "viewer"}
    silence = {"matchers": {"rule": "memory_usage"}, "minutes": 5, "reason": "a test"}
    status, body, _headers = signed_system.call("POST", "/api/silences", viewer, silence)
    assert (status, body["error"]["code"]) == (403, "forbidden")
    assert signed_system.call("POST", "/api/silences", admin, silence)[0] not in (401, 403)
    status, body, _headers = signed_system.call("GET", "/api/overview", nobody)
    assert (status, body["error"]["code"]) == (403, "forbidden")
    assert "in no group with a role here" in body["error"]["message"]
    assert signed_system.call("GET", "/api/health", nobody)[0] == 200


def test_bad_tokens_are_401_in_our_words(signed_system: System, issuer: OidcIssuer) -> None:
    status, body, headers = signed_system.call("GET", "/api/overview", issuer.sign(exp=1, iat=1))
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert body["error"]["message"] == "the sign-in has expired; sign in again"
    status, body, _headers = signed_system.call("GET", "/api/overview", issuer.sign(aud="another"))
    assert (status, body["error"]["code"]) == (401, "unauthorized")


def test_page_knows_where_to_sign_in_and_may_connect_there_alone(signed_system: System, issuer: OidcIssuer) -> None:
    found = signed_system.get("/admin/sign-in.json", None)
    assert found == {"oidc": {"issuer": issuer.url, "client_id": CLIENT_ID}}
    _status, _body, headers = signed_system.call("GET", "/admin/operations", None)
    origin = issuer.url.removesuffix("/realm")
    assert f"connect-src 'self' {origin};" in headers["content-security-policy"]


def test_issuer_that_is_down_stops_nobody_with_a_token(issuer: OidcIssuer) -> None:
    issuer.is_down = True
    try:
        with running_system(cycle_s=None, environ=issuer.settings) as system:
            assert system.get("/api/overview")["caller"]["role"] == "admin"
            status, body, _headers = system.call("GET", "/api/overview", issuer.sign())
            assert status == 401
            assert "sign-in service of the organization does not respond" in body["error"]["message"]
            assert "keys of OIDC_ISSUER cannot be read" in system.read_logs() + "".join(
                path.read_text(errors="replace") for path in (system.data_dir / "logs").glob("*.log")
            )
    finally:
        issuer.is_down = False
