"""The commit that health shows is the deployed one, also in environments that a deployment left alone."""

import threading
import time

import pytest

from callwatch.client.exception_event import build_event
from callwatch.exceptions import ConfigurationError
from callwatch.runtime import deployed_commit as module
from callwatch.runtime.deployed_commit import NOT_SET, UNREADABLE, DeployedCommit
from callwatch.settings import Settings, load_settings, reset_settings

SETTINGS = load_settings({"COMMIT_PARAMETER": "/callwatch/dev/commit"})


class Parameter:
    """A parameter with a value that a test changes; `asked` holds the names that were read."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.is_down = False
        self.asked: list[str] = []

    def fetch(self, name: str) -> str:
        self.asked.append(name)
        if self.is_down:
            raise ConfigurationError("it cannot be read")
        return self.value


def read(commit: DeployedCommit, settings: Settings = SETTINGS) -> tuple[str | None, object]:
    commit.refresh(settings)
    return commit.get(settings)


def test_new_commit_is_shown_within_a_minute() -> None:
    now, parameter = [0.0], Parameter("a" * 40)
    commit = DeployedCommit(parameter.fetch, lambda: now[0])
    assert read(commit) == ("a" * 40, NOT_SET)
    parameter.value = "b" * 40
    now[0] = 59.0
    assert read(commit)[0] == "a" * 40
    now[0] = 60.0
    assert read(commit)[0] == "b" * 40
    assert parameter.asked == ["ssm:/callwatch/dev/commit"] * 2


def test_commit_that_cannot_be_read_is_unknown_and_read_again() -> None:
    parameter = Parameter("a" * 40)
    commit = DeployedCommit(parameter.fetch, lambda: 0.0)
    parameter.is_down = True
    assert read(commit) == (None, UNREADABLE)
    parameter.is_down = False
    assert read(commit)[0] == "a" * 40


def test_deployment_without_a_commit_says_so() -> None:
    assert read(DeployedCommit(Parameter("none").fetch)) == (None, NOT_SET)
    assert read(DeployedCommit(), Settings()) == (None, NOT_SET)
    assert read(DeployedCommit(), load_settings({"COMMIT_SHA": "abc1234"}))[0] == "abc1234"


def test_hanging_parameter_delays_no_response() -> None:
    is_over = threading.Event()

    def hang(_name: str) -> str:
        is_over.wait(20)
        return "a" * 40

    commit = DeployedCommit(hang)
    started = time.monotonic()
    assert read(commit) == (None, UNREADABLE)
    assert time.monotonic() - started < module.WAIT_S + 10
    is_over.set()
    time.sleep(0.01)
    assert read(commit)[0] == "a" * 40


@pytest.mark.parametrize(("project", "release"), [("0", "build-0123456789ab"), ("1", None)])
def test_own_errors_name_the_build_as_their_release(project: str, release: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.client.exception_event.read_build_id", lambda: "0123456789ab")
    monkeypatch.setenv("CALLWATCH_PROJECT_ID", project)
    reset_settings()
    assert build_event(ValueError("x"), None, None, None)["release"] == release
    monkeypatch.setenv("COMMIT_SHA", "abc1234")
    reset_settings()
    assert build_event(ValueError("x"), None, None, None)["release"] == "abc1234"
