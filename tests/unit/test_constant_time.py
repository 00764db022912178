"""Secrets are compared in constant time, and the header Authorization is read at one place."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.api.credentials import read_basic, read_bearer
from callwatch.constant_time import equals_any

ROOT = Path(__file__).parents[2]
# Bytes of a certificate, a signature of our own and one header: each compares two values, not a value with many.
COMPARE_ALONE = {
    "shared/callwatch/constant_time.py",
    "shared/callwatch/ingest/external/certificate.py",
    "shared/callwatch/runtime/endpoint.py",
    "shared/callwatch/sessions/cookie.py",
}


@given(st.text(), st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_text_is_known_if_it_is_in_the_list(sent: str, known: list[str]) -> None:
    assert equals_any(sent, known) == (sent in known)


@pytest.mark.parametrize("sent", ["one", "two", "three", "none", "\ud800", ""])
def test_every_known_text_is_compared(sent: str) -> None:
    left = iter(["one", "two", "three"])
    equals_any(sent, left)
    assert next(left, None) is None


@pytest.mark.parametrize(
    ("header", "bearer", "basic"),
    [
        ("Bearer abc", "abc", None), ("bearer  abc ", "abc", None), ("BEARER abc", "abc", None), ("Bearer", "", None),
        ("Basic YTpi", None, "YTpi"), ("basic YTpi", None, "YTpi"), ("", None, None), ("abc", None, None),
        ("Digest a=b", None, None), ("Bearer a b", "a b", None),
    ],
)  # fmt: skip
def test_credentials_are_those_of_their_scheme(header: str, bearer: str | None, basic: str | None) -> None:
    assert (read_bearer(header), read_basic(header)) == (bearer, basic)


def test_no_other_module_compares_secrets_in_a_loop() -> None:
    found = set()
    for path in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("functions/*.py")]:
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)]
        if any(node.attr == "compare_digest" for node in calls):
            found.add(str(path.relative_to(ROOT)))
    assert found == COMPARE_ALONE
