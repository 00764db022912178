"""Further channels of a kind: the variables of the kind with a name behind them, such as SLACK_ALERT_WEBHOOK__OPS.

The channel is then `slack:ops`. What it does not set itself is as for the channel `slack`.
"""

import re
from collections.abc import Mapping, Sequence

from callwatch.settings.variable import Variable

_SUFFIXED = re.compile(r"([A-Z][A-Z0-9_]*?)__([A-Z][A-Z0-9_]{0,19})")
_PREFIX = "channel."
# E-mail is sent by one of these; a channel that names its own does not use another one of the kind.
_EITHER = ("sendgrid_api_key", "smtp_url", "ses_region")


def list_named_channels(environ: Mapping[str, str], variables: Sequence[Variable]) -> dict[str, dict[str, str]]:
    """Return the variables of each further channel by its name: {"slack:ops": {"SLACK_ALERT_WEBHOOK": "https://..."}}."""
    kinds = {variable.name: kind for variable in variables if (kind := find_kind(variable))}
    found: dict[str, dict[str, str]] = {}
    for full, text in environ.items():
        parts = _SUFFIXED.fullmatch(full)
        if parts and parts[1] in kinds and text.strip():
            found.setdefault(f"{kinds[parts[1]]}:{parts[2].lower()}", {})[parts[1]] = text
    return {name: found[name] for name in sorted(found)}


def is_named_variable(full: str, variables: Sequence[Variable]) -> bool:
    """Whether this is a variable of a further channel."""
    return bool(list_named_channels({full: "x"}, variables))


def find_kind(variable: Variable) -> str | None:
    """Return the kind of channel that a variable belongs to."""
    kind = (variable.affects or "").removeprefix(_PREFIX)
    return kind if (variable.affects or "").startswith(_PREFIX) and kind != "settings" else None


def add_suffix(variable: str, channel: str) -> str:
    """Return the variable of a further channel: SLACK_ALERT_WEBHOOK and slack:ops -> SLACK_ALERT_WEBHOOK__OPS."""
    name = channel.partition(":")[2]
    return f"{variable}__{name.upper()}" if name else variable


def drop_others(own: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that a further channel does not take over, since it sets an alternative to them."""
    return {name: None for name in _EITHER if name not in own} if any(name in own for name in _EITHER) else {}
