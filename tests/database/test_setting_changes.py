"""Changes of the monitor's settings: each is stored once, and an alert names those of the hour before it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.db import connection, execute, fetch_all
from callwatch.db.incident_queries.changes import list_changes
from callwatch.db.queries.setting_changes import delete_changes_before
from callwatch.monitor.own_samples import measure_configuration
from callwatch.settings import VARIABLES, reset_settings
from callwatch.settings.digests import digest_settings

NOW = datetime(2031, 3, 12, 15, 0, tzinfo=UTC)


def run_cycle(minute: float) -> None:
    reset_settings()
    with connection() as conn:
        measure_configuration(conn, NOW + timedelta(minutes=minute))


def titles(minute: float) -> list[str]:
    with connection() as conn:
        return [change["title"] for change in list_changes(conn, {1: NOW + timedelta(minutes=minute)})[1]]


def test_first_cycle_changes_nothing(database: str) -> None:
    run_cycle(0)
    run_cycle(1)
    assert titles(2) == []


def test_changed_setting_is_named_before_the_alert(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run_cycle(0)
    monkeypatch.setenv("TIMEZONE", "America/New_York")
    run_cycle(10)
    run_cycle(11)
    assert titles(12) == ["Setting TIMEZONE changed"]
    assert titles(75) == []
    monkeypatch.delenv("TIMEZONE")
    run_cycle(20)
    assert titles(21) == ["Setting TIMEZONE changed"] * 2


def test_changed_file_is_a_change_though_its_name_is_the_same(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rules.json"
    file.write_text("[]")
    monkeypatch.setenv("RULES_FILE", str(file))
    run_cycle(0)
    file.write_text("[ ]")
    # Another process reads the file again.
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("STAGE", "other")
    run_cycle(5)
    assert sorted(titles(6)) == ["Setting RULES_FILE changed", "Setting STAGE changed"]


@pytest.mark.parametrize(
    ("variable", "title"),
    [("SECRETS_VERSION", "A secret of Callwatch changed"), ("COMMIT_SHA", "Callwatch itself was deployed")],
)
def test_deploys_of_the_monitor_are_told_in_words(
    database: str, monkeypatch: pytest.MonkeyPatch, variable: str, title: str
) -> None:
    run_cycle(0)
    monkeypatch.setenv(variable, "2")
    run_cycle(1)
    assert titles(2) == [title]


def test_secrets_and_local_addresses_have_no_digest() -> None:
    digests = digest_settings({variable.name: "x" for variable in VARIABLES})
    assert not [variable.name for variable in VARIABLES if variable.is_secret and variable.name in digests]
    assert not digests.keys() & {"ERROR_QUEUE_URL", "AWS_ENDPOINT_URL_SQS", "AWS_LAMBDA_FUNCTION_NAME"}
    assert {"STAGES_FILE", "PRICES_FILE", "TIMEZONE"} <= digests.keys()
    assert "x" not in digests.values()


def test_old_changes_are_deleted_but_the_latest(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEZONE", "America/New_York")
    run_cycle(0)
    monkeypatch.setenv("TIMEZONE", "UTC")
    run_cycle(1)
    with connection() as conn:
        delete_changes_before(conn, NOW + timedelta(days=90))
        rows: list[Any] = fetch_all(conn, "SELECT at FROM callwatch.setting_changes WHERE variable = 'TIMEZONE'", ())
        execute(conn, "SELECT 1")
    assert [row["at"] for row in rows] == [NOW + timedelta(minutes=1)]
    run_cycle(2)
    assert titles(3) == ["Setting TIMEZONE changed"]
