"""Reads the configuration of a process from its environment.

A variable holds its value itself or names where the value is kept: `arn:aws:secretsmanager:...` (the whole secret, or one key
of a JSON secret as `<arn>:<key>::`) or `ssm:<parameter name>`. Named values are fetched once per execution environment.
"""

import functools
import hashlib
import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.settings.named_channels import add_suffix, drop_others, find_kind, list_named_channels
from callwatch.settings.named_values import fetch_named_value, forget_secrets
from callwatch.settings.values import replace_host
from callwatch.settings.variable import Variable
from callwatch.settings.variables import VARIABLES, SettingProblem, Settings

# A secret that could not be fetched is requested again after this time.
REFETCH_S = 60.0

_log = logging.getLogger(__name__)


def load_settings(environ: Mapping[str, str], fetch: Callable[[str], str] | None = None, is_strict: bool = True) -> Settings:
    """Check every variable of `environ`; `fetch` resolves named secrets.

    Raises ConfigurationError with one line that names the first bad variable and what it must be. Without is_strict, as in a
    function, a bad value of a variable with `affects` switches off that part and is listed in `problems`.
    """
    found: dict[str, Any] = {}
    problems: list[SettingProblem] = []
    for variable in VARIABLES:
        # Declared behind the variable that may keep it.
        kept = found.get(variable.kept_in.lower()) if variable.kept_in else None
        try:
            value = _read_variable(variable, {**kept, **_drop_empty(environ)} if kept else environ, fetch or fetch_named_value)
        except (ConfigurationError, ValueError) as error:
            is_passing = isinstance(error, ConfigurationError)
            message = f"{variable.name}: {error}" if is_passing else f"{variable.name} must be {error}"
            if is_strict or variable.affects is None:
                raise ConfigurationError(message) from None
            problems.append(SettingProblem(variable.name, message, variable.affects, is_passing))
            continue
        if value is not None:
            found[variable.name.lower()] = value
    halves = _find_half_pairs(found, {problem.variable for problem in problems})
    contradictions = halves + _find_excesses(found)
    if contradictions and is_strict:
        raise ConfigurationError(contradictions[0].message)
    if is_strict:
        _refuse_shared_tokens(found)
    problems += contradictions
    for affects in {problem.affects for problem in problems}:
        _switch_off(found, affects)
    if found.get("database_url") and found.get("database_host"):
        found["database_url"] = replace_host(found["database_url"], found["database_host"])
    found.setdefault("product_database_url", found.get("database_url"))
    if found.get("ingest_keys"):
        found.setdefault("user_hash_key", _derive_key(found["ingest_keys"]))
    settings = Settings(**found, problems=tuple(problems))
    return _add_named_channels(
        settings, {**(found.get("channel_settings") or {}), **environ}, fetch or fetch_named_value, is_strict
    )


def _add_named_channels(settings: Settings, environ: Mapping[str, str], fetch: Callable[[str], str], is_strict: bool) -> Settings:
    """Add the settings of each further channel of a kind; one with a bad value has none, and a problem."""
    named: dict[str, Settings | None] = {}
    problems = list(settings.problems)
    for channel, given in list_named_channels(environ, VARIABLES).items():
        own, faults = _read_channel(channel, given, fetch)
        whole = settings.replace(**drop_others(own), **own)
        faults += _find_half_pairs(vars(whole), {fault.variable for fault in faults}, channel)
        if faults and is_strict:
            raise ConfigurationError(faults[0].message)
        named[channel] = None if faults else whole
        problems += faults
    return settings.replace(named_channels=named, problems=tuple(problems)) if named else settings


def _read_channel(
    channel: str, given: Mapping[str, str], fetch: Callable[[str], str]
) -> tuple[dict[str, Any], list[SettingProblem]]:
    own: dict[str, Any] = {}
    faults = []
    for variable in VARIABLES:
        if variable.name not in given:
            continue
        try:
            own[variable.name.lower()] = _read_variable(variable, given, fetch)
        except (ConfigurationError, ValueError) as error:
            is_passing = isinstance(error, ConfigurationError)
            full = add_suffix(variable.name, channel)
            message = f"{full}: {error}" if is_passing else f"{full} must be {error}"
            faults.append(SettingProblem(full, message, f"channel.{channel}", is_passing))
    return own, faults


def _read_variable(variable: Variable, environ: Mapping[str, str], fetch: Callable[[str], str]) -> Any:
    """The checked value; None if the variable is not set.

    Raises ValueError for a bad value, and ConfigurationError if the secret that it names cannot be read.
    """
    raw = environ.get(variable.name, "").strip()
    if re.match(r"arn:aws[a-z-]*:secretsmanager:|ssm:", raw):
        raw = fetch(raw).strip()
    raw = raw or variable.default or ""
    return variable.parse(raw) if raw else None


def _drop_empty(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in environ.items() if text.strip()}


def _refuse_shared_tokens(found: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for a token that two names or two roles share: the key of a DSN stands in public pages."""
    owners: dict[str, str] = {}
    for variable in ("ADMIN_SECRET", "VIEWER_SECRET", "UPLOAD_SECRET"):
        for named in found.get(variable.lower()) or ():
            if owners.setdefault(named.token, f"{variable} {named.name}") != f"{variable} {named.name}":
                message = f"{variable} must be tokens of their own: {named.name} has the token of {owners[named.token]}"
                raise ConfigurationError(message)
    for project_id, keys in (found.get("ingest_keys") or {}).items():
        owner = next((owners[key] for key in keys if key in owners), None)
        if owner:
            raise ConfigurationError(f"INGEST_KEYS must be keys of their own: project {project_id} has the token of {owner}")


def _find_half_pairs(found: Mapping[str, Any], bad: set[str], channel: str = "") -> list[SettingProblem]:
    """A problem for each variable that another one needs and that is missing. A bad variable already has its problem.

    channel: one of several of its kind; the others are not looked at.
    """
    problems: dict[str, SettingProblem] = {}
    kind = channel.partition(":")[0]
    needs = [(variable, *need) for variable in VARIABLES for need in variable.needs if not channel or find_kind(variable) == kind]
    for variable, needed, expected in needs:
        names = (needed,) if isinstance(needed, str) else needed
        has_one = any(found.get(name.lower()) or add_suffix(name, channel) in bad for name in names)
        if found.get(variable.name.lower()) and not has_one:
            missing = [add_suffix(name, channel) for name in names]
            message = (
                f"{' or '.join(missing)} is required when {add_suffix(variable.name, channel)} is set; it must be {expected}"
            )
            affects = f"channel.{channel}" if channel else variable.affects or ""
            problems.setdefault(missing[0], SettingProblem(missing[0], message, affects))
    return list(problems.values())


def _find_excesses(found: Mapping[str, Any]) -> list[SettingProblem]:
    """A problem for each number that is larger than another variable admits."""
    problems = []
    for variable in VARIABLES:
        number, most = found.get(variable.name.lower()), found.get((variable.at_most or "").lower())
        if variable.at_most and number is not None and most is not None and number > most:
            message = f"{variable.name} must be at most {variable.at_most} ({most})"
            problems.append(SettingProblem(variable.name, message, variable.affects or ""))
    return problems


def _switch_off(found: dict[str, Any], affects: str) -> None:
    """Leave out every variable of a part, so that the part is not configured at all."""
    for variable in VARIABLES:
        if variable.affects == affects:
            found.pop(variable.name.lower(), None)


def _derive_key(ingest_keys: Mapping[int, tuple[str, ...]]) -> str:
    """A key derived from the first ingest keys: as secret as they are, and different from each of them."""
    text = " ".join(f"{project}:{keys[0]}" for project, keys in sorted(ingest_keys.items()))
    return hashlib.sha256(f"callwatch users {text}".encode()).hexdigest()


@dataclass(slots=True)
class _Known:
    """The configuration of this process, the time until which it is valid, and the problems that were logged."""

    settings: Settings | None = None
    until: float = 0.0
    logged: set[str] = field(default_factory=set)


_known = _Known()


def peek_settings() -> Settings | None:
    """The configuration if this process has already read it; for code that must not fetch a secret itself."""
    return _known.settings


def get_settings() -> Settings:
    """The configuration of this process, read from its environment once; values that could not be fetched are tried again
    later.
    """
    if _known.settings is None or time.monotonic() >= _known.until:
        settings = load_settings(os.environ, is_strict=False)
        _log_problems(settings.problems)
        is_passing = any(problem.is_passing for problem in settings.problems)
        _known.settings, _known.until = settings, time.monotonic() + REFETCH_S if is_passing else math.inf
    return _known.settings


def _log_problems(problems: Sequence[SettingProblem]) -> None:
    for problem in problems:
        if problem.variable not in _known.logged:
            _known.logged.add(problem.variable)
            _log.warning("setting cannot be used: %s (%s is switched off)", problem.message, problem.affects)


@functools.cache
def load_tracker_settings() -> Settings:
    """The settings that the tracker needs, whatever else the environment of this process holds."""
    names = [variable.name for variable in VARIABLES if variable.is_for_hosts]
    return load_settings({name: os.environ[name] for name in names if name in os.environ})


def reset_settings() -> None:
    """Forget the configuration and its secrets, so that the next get_settings() reads both again."""
    _known.settings = None
    _known.logged.clear()
    load_tracker_settings.cache_clear()
    forget_secrets()
