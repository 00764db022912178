"""What is known of one environment variable, and the base of the classes that declare them.

These are plain classes: each start of a function imports them, and a dataclass of 90 fields takes it 10 ms.
"""

from collections.abc import Callable
from typing import Any, ParamSpec

P = ParamSpec("P")

# A deployed function has 4 KB for its environment, so the settings of further channels share one variable.
CHANNEL_SETTINGS = "CHANNEL_SETTINGS"


class Variable:
    """One environment variable: its parser, its default text, and its line in the documentation.

    affects: the part that a bad value switches off in a function, such as "channel.email". None: no part works without the
    variable, so a bad value stops the function. is_for_hosts: the tracker reads it in the process of a host program, where
    every other variable may have another meaning: its DATABASE_URL, for example, is its own. needs: names of variables that
    must be set too, each with what it must be, or of several of which one must be set; a channel that is half configured would
    be silent when it is needed. kept_in: another variable, a JSON object, that holds its value if the environment does not.
    at_most: another variable, a number that this one must not exceed.
    """

    __slots__ = ("affects", "at_most", "default", "is_for_hosts", "is_secret", "kept_in", "name", "needs", "parse", "purpose")

    def __init__(
        self,
        parse: Callable[[str], Any],
        purpose: str,
        default: str | None = None,
        *,
        is_secret: bool = False,
        affects: str | None = None,
        is_for_hosts: bool = False,
        needs: tuple[tuple[str | tuple[str, ...], str], ...] = (),
        kept_in: str | None = None,
        at_most: str | None = None,
    ) -> None:
        self.parse, self.purpose, self.default, self.is_secret = parse, purpose, default, is_secret
        self.affects, self.is_for_hosts, self.needs, self.kept_in = affects, is_for_hosts, needs, kept_in
        self.at_most = at_most
        self.name = ""

    def __set_name__(self, _owner: type, name: str) -> None:
        self.name = name.upper()

    def parse_default(self) -> Any:
        """Return the value of the default text. A parser may import what few installations need, so it is called late."""
        return None if self.default is None else self.parse(self.default)


def _hide_type(make: Callable[P, Variable]) -> Callable[P, Any]:
    """Let the field of a variable have the type of its value."""
    return make


# A field of `Settings`: the variable has the field's name in capitals, the field the value of the default text. The value of a
# secret is left out of the printed form.
declare = _hide_type(Variable)


def list_declared(*classes: type) -> tuple[Variable, ...]:
    """Return the variables that the classes declare, in their order."""
    return tuple(each for one in classes for each in vars(one).values() if isinstance(each, Variable))
