"""Calls AWS for `make deploy` once a stack exists: its outputs and its secrets."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from callwatch.settings import VARIABLES
from callwatch.settings.named_channels import is_named_variable

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: its name, its CloudFormation status, its outputs and parameters."""

    name: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)


def use_account(profile: str, region: str) -> None:
    """Make every later call use the profile and region that samconfig.toml names; an empty one leaves the shell's choice.

    Raises botocore's ProfileNotFound.
    """
    # As `sam deploy --profile`: a profile that is named goes before keys in the environment.
    boto3.setup_default_session(profile_name=profile or None, region_name=region or None)


def _make_client(service: str) -> Any:
    make: Any = boto3.client
    return make(service)


def find(name: str) -> Stack | None:
    """Find the stack of that name; None if there is none, or only a change set that nobody executed."""
    try:
        (found,) = _make_client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    if found["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in found.get("Parameters", [])}
    return Stack(name, found["StackStatus"], outputs, parameters)


def explain_failures(name: str) -> list[str]:
    """Explain why the latest change of a stack failed: "<resource>: <reason>", the first cause first."""
    try:
        # Events come newest first, 100 per page: the rollback of many resources pushes their cause off the first page.
        pages = _make_client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
        found = list(list_latest_failures(pages))
    except ClientError:
        return []
    return [line for line in reversed(found) if "cancelled" not in line]


def list_latest_failures(pages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """List failures since the latest change of a stack began, from pages of its events, newest first."""
    for event in (event for page in pages for event in page["StackEvents"]):
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and event["ResourceStatus"].endswith("IN_PROGRESS"):
            if "ROLLBACK" not in event["ResourceStatus"]:
                return
        elif event["ResourceStatus"].endswith("FAILED"):
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"


def list_secret_names() -> dict[str, str]:
    """Return, by variable, the secret of the stack that holds it, as the template declares."""
    text = (ROOT / "template.yaml").read_text()
    shared = {variable.name: "ChannelSecret" for variable in VARIABLES if variable.kept_in}
    return shared | {variable: secret for secret, variable in re.findall(r"\$\{(\w+Secret)\.Id\}:(\w+)::", text)}


def read_secrets(stack: str) -> dict[str, str]:
    """Read all values of the stack's secrets, by variable."""
    found: dict[str, str] = {}
    for secret in sorted(set(list_secret_names().values())):
        found |= json.loads(_read_secret(stack, secret)["SecretString"])
    return found


def write_secrets(stack: str, values: Mapping[str, str]) -> list[str]:
    """Add or update values in the secrets that hold them; return the variables that changed."""
    holders = list_secret_names() | {name: "ChannelSecret" for name in values if is_named_variable(name, VARIABLES)}
    changed: list[str] = []
    for secret in sorted({holders[name] for name in values}):
        kept = json.loads(_read_secret(stack, secret)["SecretString"])
        given = {name: value for name, value in values.items() if holders[name] == secret}
        if kept | given != kept:
            changed += [name for name in given if kept.get(name) != given[name]]
            content = json.dumps(kept | given, sort_keys=True)
            _make_client("secretsmanager").put_secret_value(SecretId=_find_resource(stack, secret), SecretString=content)
    return changed


def hash_secrets(stack: str, database_secrets: Sequence[str] = ()) -> str:
    """Return a short hash that changes with any secret of the stack or database and reveals nothing about them.

    database_secrets: the ARNs of existing secrets; that of a database in the stack is looked up.
    """
    versions = [_read_secret(stack, secret)["VersionId"] for secret in sorted(set(list_secret_names().values()))]
    made = find_resource(stack, "DatabaseSecret")
    for secret in [*([made] if made else []), *database_secrets]:
        stages = _make_client("secretsmanager").describe_secret(SecretId=secret)["VersionIdsToStages"]
        versions += [version for version, names in stages.items() if "AWSCURRENT" in names]
    return hashlib.sha256(" ".join(versions).encode()).hexdigest()[:12]


def _read_secret(stack: str, logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = _make_client("secretsmanager").get_secret_value(SecretId=_find_resource(stack, logical_id))
    return found


def find_resource(stack: str, logical_id: str) -> str | None:
    """Return the physical id of a resource of a stack; None if it has no resource of that name."""
    try:
        return _find_resource(stack, logical_id)
    except ClientError:
        return None


def _find_resource(stack: str, logical_id: str) -> str:
    detail = _make_client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return str(detail["StackResourceDetail"]["PhysicalResourceId"])
