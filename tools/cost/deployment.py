"""Reads from the template what a deployment with given parameters consists of: memory, schedule, alarms, secrets, network."""

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
MINUTES = 43_800
ANY_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-AbCdEf"


@dataclass(frozen=True)
class Deployment:
    """What is billed. resources: their number by type; memory_gb: by function; readers: functions behind a GET."""

    parameters: Mapping[str, str]
    resources: Mapping[str, int]
    memory_gb: Mapping[str, float]
    cycles: int
    instance_class: str | None
    disk_gb: float
    secrets: int


PROFILES: Mapping[str, Mapping[str, str]] = {
    "standard": {},
    "existing database": {"DatabaseUrlSecretArn": ANY_ARN},
    "small": {"Profile": "small", "DatabaseUrlSecretArn": ANY_ARN},
}


@functools.cache
def _load_source() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(yaml_parse((ROOT / "template.yaml").read_text())))
    return found


def read_deployment(given: Mapping[str, str]) -> Deployment:
    """Read the template with these parameters and the defaults of the others."""
    source = _load_source()
    parameters = {name: str(found.get("Default", "")) for name, found in source["Parameters"].items()} | dict(given)
    kept = {
        name: found
        for name, found in source["Resources"].items()
        if "Condition" not in found or _is_true({"Condition": found["Condition"]}, parameters)
    }
    default_mb = source["Globals"]["Function"]["MemorySize"]
    functions = {name: found["Properties"] for name, found in kept.items() if found["Type"] == "AWS::Serverless::Function"}
    has_database = "Database" in kept
    resources = Counter(found["Type"] for found in kept.values())
    return Deployment(
        parameters=parameters,
        resources=resources,
        memory_gb={name: found.get("MemorySize", default_mb) / 1024 for name, found in functions.items()},
        cycles=MINUTES // _read_period_minutes(functions),
        instance_class=parameters["DatabaseInstanceClass"] if has_database else None,
        disk_gb=float(parameters["DatabaseStorageGb"]) if has_database else 0.0,
        # The secret of a database that exists is paid for, too.
        secrets=resources["AWS::SecretsManager::Secret"] + bool(parameters["DatabaseUrlSecretArn"]),
    )


def _read_period_minutes(functions: Mapping[str, Any]) -> int:
    """Return the minutes between two cycles, from the schedule of the monitor."""
    schedules = [
        event["Properties"]["ScheduleExpression"]
        for event in functions["RunMonitor"]["Events"].values()
        if event["Type"] == "ScheduleV2"
    ]
    (period,) = (re.fullmatch(r"rate\((\d+) minutes?\)", schedule) for schedule in schedules)
    if period is None:
        raise ValueError("the monitor's schedule is no rate in minutes")
    return int(period[1])


def _is_true(value: Any, parameters: Mapping[str, str]) -> Any:
    """Evaluate a condition of the template."""
    if not isinstance(value, dict):
        return value
    ((name, argument),) = value.items()
    if name == "Ref":
        return parameters[argument]
    if name == "Condition":
        return _is_true(_load_source()["Conditions"][argument], parameters)
    found = [_is_true(item, parameters) for item in argument]
    if name == "Fn::Equals":
        return str(found[0]) == str(found[1])
    return {"Fn::Not": lambda: not found[0], "Fn::And": lambda: all(found), "Fn::Or": lambda: any(found)}[name]()
