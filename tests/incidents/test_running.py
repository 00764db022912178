"""The twelve incidents on one running system: each notifies within two cycles, by the right alerts and no others."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from local.system import System
from tests.incidents.replay import INCIDENTS, Incident, afternoon_zone, describe_subject, observe, put, system_in

Subject = tuple[str, Mapping[str, str]]
ZONE = afternoon_zone(datetime.now(UTC))


@pytest.fixture(scope="module")
def watched() -> Iterator[System]:
    with system_in(ZONE) as system:
        yield system


def test_a_healthy_day_raises_none(watched: System) -> None:
    assert observe(watched, put(watched, ZONE)).alerts == []


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: f"{incident.number}")
def test_an_incident_is_told_within_two_cycles_with_its_subject(watched: System, incident: Incident) -> None:
    alerts = observe(watched, put(watched, ZONE, incident)).alerts
    told = [describe_subject(alert) for alert in alerts if not alert["suppressed_by"]]
    follows = [describe_subject(alert) for alert in alerts if alert["suppressed_by"]]
    assert without(told, incident.may) == without(incident.told)
    assert without(follows, incident.may) == without(incident.follows)


def without(found: Sequence[Subject], others: Sequence[Subject] = ()) -> list[str]:
    """Return subjects in order, without the given others."""
    return sorted(str((rule_id, dict(labels))) for rule_id, labels in found if (rule_id, dict(labels)) not in others)


def test_when_all_is_well_again_all_is_resolved(watched: System) -> None:
    assert observe(watched, put(watched, ZONE)).alerts == []
