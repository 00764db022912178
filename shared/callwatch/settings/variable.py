"""What is known of one environment variable; `declare` attaches it to the field of `Settings` that holds the value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FIELD_KEY = "variable"


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: its parser, its default text, and its line in the documentation.

    affects: the part that a bad value switches off in a function, such as "channel.email". None: no part works without the
    variable, so a bad value stops the function. is_for_hosts: the tracker reads it in the process of a host program, where
    every other variable may have another meaning: its DATABASE_URL, for example, is its own. needs: names of variables that
    must be set too, each with what it must be, or of several of which one must be set; a channel that is half configured would
    be silent when it is needed. kept_in: another variable, a JSON object, that holds its value if the environment does not.
    """

    parse: Callable[[str], Any]
    purpose: str
    default: str | None = None
    is_secret: bool = False
    affects: str | None = None
    is_for_hosts: bool = False
    needs: tuple[tuple[str | tuple[str, ...], str], ...] = ()
    kept_in: str | None = None
    name: str = ""


def declare(
    parse: Callable[[str], Any],
    purpose: str,
    default: str | None = None,
    *,
    is_secret: bool = False,
    affects: str | None = None,
    is_for_hosts: bool = False,
    needs: tuple[tuple[str | tuple[str, ...], str], ...] = (),
    kept_in: str | None = None,
) -> Any:
    """A field of `Settings`: the variable has the field's name in capitals, the field the value of the default text.

    The value of a secret is left out of the field's printed form.
    """
    variable = Variable(parse, purpose, default, is_secret, affects, is_for_hosts, needs, kept_in)
    metadata = {FIELD_KEY: variable}
    # A parser may import what few installations need, so the default text is parsed when settings are made.
    return field(default_factory=lambda: None if default is None else parse(default), repr=not is_secret, metadata=metadata)
