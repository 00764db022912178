"""One running system shared by tests that only read it or add to it."""

from collections.abc import Iterator

import pytest

from local.system import System, running_system
from tests.support.scripted_receiver import Receiver

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(scope="package")
def receiver() -> Iterator[Receiver]:
    """Yield a webhook receiver."""
    with Receiver() as found:
        yield found


@pytest.fixture(scope="module")
def own_receiver() -> Iterator[Receiver]:
    """Yield a webhook receiver for one module's own system."""
    with Receiver() as found:
        yield found


def webhook_to(receiver: Receiver) -> dict[str, str]:
    """Return the settings of a system whose alerts go to a receiver on this machine."""
    return {
        "ALERT_WEBHOOK_URL": receiver.url,
        "ALERT_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }


@pytest.fixture(scope="package")
def system(receiver: Receiver) -> Iterator[System]:
    """Yield the system with a webhook; its cycles run on demand."""
    with running_system(cycle_s=None, environ={**webhook_to(receiver), "CORS_ORIGINS": "https://ops.example.com"}) as found:
        yield found
