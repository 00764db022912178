"""The state of each component of the public status page, from checks and firing alerts. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from callwatch.models.alert import Level
from callwatch.models.check import Status
from callwatch.models.public_status import ComponentState
from callwatch.settings.status_page import StatusComponent

# From the best to the worst; what nobody can assess is worse than operational, and hides nothing that is known to be bad.
_ORDER: tuple[ComponentState, ...] = (
    "operational",
    "under_maintenance",
    "unknown",
    "degraded_performance",
    "partial_outage",
    "major_outage",
)
_OF_LEVEL: Mapping[Level, ComponentState] = {
    "critical": "major_outage",
    "error": "partial_outage",
    "warning": "degraded_performance",
}
_OF_SERVICE: Mapping[Status, ComponentState] = {
    "healthy": "operational",
    "degraded": "degraded_performance",
    "unhealthy": "major_outage",
    "unknown": "unknown",
}


@dataclass(frozen=True, slots=True)
class Assessed:
    """What the monitor knows. services: the stored state of each checked service. stages: those with at least one figure that
    is known. firing: the level of each firing alert, and the stages it is about.
    """

    services: Mapping[str, Status]
    stages: frozenset[str]
    firing: Sequence[tuple[Level, frozenset[str]]]


def assess(component: StatusComponent, known: Assessed) -> ComponentState:
    """The worst state of what a component stands for."""
    states = [_OF_SERVICE[known.services.get(service, "unknown")] for service in component.services]
    for stage in component.stages:
        if stage not in known.stages:
            states.append("unknown")
        states += [_OF_LEVEL[level] for level, stages in known.firing if stage in stages and level in _OF_LEVEL]
    return find_worst(states)


def find_worst(states: Iterable[ComponentState]) -> ComponentState:
    """The worst of some states; operational without any."""
    return max(states, key=_ORDER.index, default="operational")
