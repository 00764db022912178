"""The INIT phase of an execution environment: what the first request needs is there before it comes."""

from pathlib import Path

import boto3
import pytest

from callwatch.exceptions import ConfigurationError
from callwatch.settings import get_settings, peek_settings
from tests.support.aws_server import run_aws
from tests.support.ingest_functions import load_function_anew

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-viewer-token-of-a-test"


@pytest.mark.parametrize("name", ["authorize", "get_status", "ingest_errors", "run_monitor"])
def test_secrets_are_read_while_a_function_loads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_aws(monkeypatch):
        arn = boto3.client("secretsmanager").create_secret(Name="access", SecretString=f'{{"VIEWER_SECRET": "ana:{TOKEN}"}}')[
            "ARN"
        ]
        monkeypatch.setenv("VIEWER_SECRET", f"{arn}:VIEWER_SECRET::")
        load_function_anew(name)
        assert peek_settings() is None, "only in Lambda: tests and tools import functions too"
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
        load_function_anew(name)
        known = peek_settings()
    assert known is not None
    assert [token.token for token in known.viewer_secret or ()] == [TOKEN]


def test_a_secret_that_is_away_fails_the_request_and_not_init(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    with run_aws(monkeypatch):
        monkeypatch.setenv("VIEWER_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-abcdef")
        load_function_anew("authorize")
        with pytest.raises(ConfigurationError, match="ResourceNotFoundException"):
            get_settings()
