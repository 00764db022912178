"""All faults, what each needs of the machine, and where each is played."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from tests.chaos import pgbouncer, upgrade
from tests.chaos.arena import Arena, can_mount, run_plain_arena, run_single_disk_arena
from tests.chaos.database_faults import DATABASE_FAULTS
from tests.chaos.fault import Fault, Setup
from tests.chaos.other_faults import FAKETIME, OTHER_FAULTS
from tests.chaos.process_faults import PROCESS_FAULTS

FAULTS: tuple[Fault, ...] = (*PROCESS_FAULTS, *DATABASE_FAULTS, *OTHER_FAULTS)

# Whether the machine has it, and why a fault is not played where it does not.
NEEDS: Mapping[str, tuple[Callable[[], bool], str]] = {
    "mount": (can_mount, "only root can mount a small disk"),
    "faketime": (FAKETIME.is_file, "libfaketime is not installed (apt-get install libfaketime)"),
    "pgbouncer": (lambda: pgbouncer.find_program() is not None, "PgBouncer is not installed (apt-get install pgbouncer)"),
}
ARENAS: Mapping[Setup, Callable[[], AbstractContextManager[Arena]]] = {
    "plain": run_plain_arena,
    "single": run_single_disk_arena,
    "pgbouncer": pgbouncer.run_pooled_arena,
    "upgrade": upgrade.run_upgraded_arena,
}


def explain_absence(fault: Fault) -> str | None:
    """Why a fault cannot be played here; None where it can."""
    return next((why for is_there, why in map(NEEDS.__getitem__, fault.needs) if not is_there()), None)
