"""Shared by the tests on a database: a receiver of webhooks, and stores of payloads outside."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from callwatch import file_store
from callwatch.settings import reset_settings
from tests.support.scripted_receiver import Receiver

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver of webhooks; none is sent to it unless a test uses `webhook`, too."""
    with Receiver() as found:
        yield found


@pytest.fixture
def webhook(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """Configure the webhook channel, and return its receiver."""
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", WEBHOOK_SECRET)
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    reset_settings()
    return receiver


@pytest.fixture
def folder(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Store payloads in a folder."""
    monkeypatch.setenv("PAYLOAD_STORE", "s3")
    monkeypatch.setenv("PAYLOADS_URL", str(tmp_path / "payloads"))
    reset_settings()
    return tmp_path / "payloads"


@pytest.fixture(params=["folder", "s3"])
def url(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the address of a store of each kind."""
    file_store._make_client.cache_clear()
    if request.param == "folder":
        yield str(folder)
        return
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="payloads")
        monkeypatch.setenv("PAYLOADS_URL", "s3://payloads/errors-test")
        reset_settings()
        yield "s3://payloads/errors-test"
    file_store._make_client.cache_clear()
