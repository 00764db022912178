"""Signing in with the organization's account, in a real browser against a real issuer."""

from collections.abc import Iterator

import jwt
import pytest
from playwright.sync_api import Browser, expect

from local.system import System, running_system
from tests.support.oidc_issuer import OidcIssuer
from tools.browser_session import reader

BUTTON = "Sign in with your organization"


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


def test_account_opens_the_view_that_was_asked_for(chromium: Browser, signed_system: System, issuer: OidcIssuer) -> None:
    with reader(chromium, signed_system, None) as somebody:
        page = somebody.page
        page.goto(f"{somebody.url}/admin/operations?refresh=1#/rules")
        page.get_by_role("button", name=BUTTON).click()
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()
        assert page.url == f"{somebody.url}/admin/operations?refresh=1#/rules", "no code is left in the address"
        expect(page.get_by_title("Signed in as user:ana", exact=True)).to_have_text("admin")
        form = issuer.sent_forms[-1]
        assert (form["grant_type"], len(form["code_verifier"])) == ("authorization_code", 43)
        assert "client_secret" not in form
        token = page.evaluate("sessionStorage.getItem('callwatch-token')")
        assert token.count(".") == 2
        assert page.evaluate("JSON.stringify(localStorage) + document.cookie").find(token) == -1
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name=BUTTON)).to_be_visible()
        assert page.evaluate("JSON.stringify(sessionStorage)").find("refresh-1") == -1


def test_a_new_tab_signs_in_by_itself_until_somebody_signs_out(chromium: Browser, signed_system: System) -> None:
    with reader(chromium, signed_system, None) as somebody:
        page = somebody.page
        page.goto(f"{somebody.url}/admin/operations")
        page.get_by_role("button", name=BUTTON).click()
        expect(page.get_by_role("region", name="Overall state")).to_be_visible()
        other = somebody.context.new_page()
        other.goto(f"{somebody.url}/admin/operations#/rules")
        expect(other.get_by_role("region", name="Rules")).to_be_visible()
        assert other.url.endswith("#/rules")
        other.get_by_role("button", name="Sign out").click()
        expect(other.get_by_role("button", name=BUTTON)).to_be_enabled()
        third = somebody.context.new_page()
        third.goto(f"{somebody.url}/admin/operations")
        expect(third.get_by_role("button", name=BUTTON)).to_be_enabled()


def test_viewer_by_group_may_only_look(chromium: Browser, signed_system: System, issuer: OidcIssuer) -> None:
    issuer.groups = ["support"]
    try:
        with reader(chromium, signed_system, None) as somebody:
            page = somebody.page
            page.goto(f"{somebody.url}/admin/operations")
            page.get_by_role("button", name=BUTTON).click()
            expect(page.get_by_title("Signed in as user:ana", exact=True)).to_have_text("viewer")
    finally:
        issuer.groups = ["ops"]


def test_token_is_renewed_before_it_ends(chromium: Browser, signed_system: System, issuer: OidcIssuer) -> None:
    issuer.lifetime_s = 62
    try:
        with reader(chromium, signed_system, None) as somebody:
            page = somebody.page
            page.goto(f"{somebody.url}/admin/operations?refresh=1")
            page.get_by_role("button", name=BUTTON).click()
            expect(page.get_by_role("region", name="Overall state")).to_be_visible()
            issuer.lifetime_s = 3600
            for _ in range(100):
                token = page.evaluate("sessionStorage.getItem('callwatch-token')")
                if jwt.decode(token, options={"verify_signature": False}).get("renewed"):
                    break
                page.wait_for_timeout(200)
            assert issuer.sent_forms[-1]["grant_type"] == "refresh_token"
            expect(page.get_by_role("region", name="Overall state")).to_be_visible()
    finally:
        issuer.lifetime_s = 3600


def test_sign_in_of_another_tab_is_refused(chromium: Browser, signed_system: System, issuer: OidcIssuer) -> None:
    with reader(chromium, signed_system, None) as somebody:
        page, exchanged = somebody.page, len(issuer.sent_forms)
        page.goto(f"{somebody.url}/admin/operations?code=stolen&state=forged")
        expect(page.get_by_role("alert")).to_contain_text("did not begin in this tab")
        assert page.url == f"{somebody.url}/admin/operations"
        assert len(issuer.sent_forms) == exchanged, "the code was not sent"
        expect(page.get_by_label("Token")).to_be_visible()


def test_token_with_another_nonce_is_refused(chromium: Browser, signed_system: System, issuer: OidcIssuer) -> None:
    issuer.nonce = "of another sign-in"
    try:
        with reader(chromium, signed_system, None) as somebody:
            page = somebody.page
            page.goto(f"{somebody.url}/admin/operations")
            page.get_by_role("button", name=BUTTON).click()
            expect(page.get_by_role("alert")).to_contain_text("belongs to another sign-in")
            page.reload()
            expect(page.get_by_role("button", name=BUTTON)).to_be_enabled()
            assert page.evaluate("sessionStorage.getItem('callwatch-token')") is None
    finally:
        issuer.nonce = None
