"""The token of sentry-cli: it reports releases, and may do nothing else."""

import json
from typing import Any

import pytest

from callwatch.api.http import Request
from callwatch.exceptions import Forbidden
from callwatch.runtime.roles import check_role
from callwatch.settings import load_settings
from functions.authorize import identify
from tests.support.ingest_functions import ROOT, load_function

TOKEN = "u" * 20
SETTINGS = load_settings({"UPLOAD_SECRET": f"ci:{TOKEN}", "ADMIN_SECRET": "a" * 20})


def test_token_has_a_role_of_its_own() -> None:
    assert identify(f"Bearer {TOKEN}", SETTINGS) == ("upload", "ci")


@pytest.mark.parametrize("role", ["viewer", "admin", "ingest"])
def test_upload_token_may_do_nothing_else(role: Any) -> None:
    with pytest.raises(Forbidden):
        check_role(Request("GET", "/x", role="upload"), role)


@pytest.mark.parametrize(("role", "status"), [("none", 401), ("viewer", 403), ("ingest", 403)])
def test_others_may_not_upload(role: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    event = json.loads((ROOT / "events" / "serve_uploads.json").read_text())
    event["requestContext"]["authorizer"]["lambda"]["role"] = role
    answer = load_function("serve_uploads").lambda_handler(event, None)
    body = json.loads(answer["body"])
    # sentry-cli shows what stands under detail.
    assert (answer["statusCode"], body["detail"]) == (status, body["error"]["message"])
