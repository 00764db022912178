"""The checked configuration: all variables that the modules of declared/ declare."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from callwatch.settings.declared.access import AccessVariables
from callwatch.settings.declared.channels import ChannelVariables
from callwatch.settings.declared.deployment import DeploymentVariables
from callwatch.settings.declared.files import FileVariables
from callwatch.settings.declared.ingest import IngestVariables
from callwatch.settings.declared.sources import SourceVariables
from callwatch.settings.variable import list_declared


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """A setting that cannot be used. The message never holds the value. is_passing: the value could not be fetched this time."""

    variable: str
    message: str
    affects: str
    is_passing: bool = False


class Settings(SourceVariables, ChannelVariables, AccessVariables, FileVariables, IngestVariables, DeploymentVariables):
    """The checked configuration; a field without a default is None if its variable is unset. Immutable."""

    # Further channels of a kind by name, such as "slack:ops"; None for one whose settings cannot be used.
    named_channels: "Mapping[str, Settings | None]" = MappingProxyType({})
    problems: tuple[SettingProblem, ...] = ()

    def __init__(self, **values: Any) -> None:
        """Take checked values by field; fields that are not given have their defaults. Raises TypeError for an unknown field."""
        unknown = values.keys() - _FIELDS.keys() - {"named_channels", "problems"}
        if unknown:
            raise TypeError(f"Settings has no field {sorted(unknown)[0]!r}")
        missing = _FIELDS.keys() - values.keys()
        vars(self).update({name: _FIELDS[name].parse_default() for name in missing} | values)

    def replace(self, **values: Any) -> "Settings":
        """Return a copy with other values of these fields."""
        return Settings(**{**vars(self), **values})

    def __setattr__(self, name: str, _value: object) -> None:
        raise AttributeError(f"{name} cannot be changed: settings are immutable")

    def __repr__(self) -> str:
        """Name every field but the secrets and the further channels."""
        shown = {name: value for name, value in vars(self).items() if name in _FIELDS and not _FIELDS[name].is_secret}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())}, problems={self.problems!r})"


VARIABLES = list_declared(*Settings.__mro__)
_FIELDS = {variable.name.lower(): variable for variable in VARIABLES}
