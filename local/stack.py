"""What `make deploy` asks of AWS once a stack stands: its outputs, its secrets, its page."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.page import Page

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack: its name, its status in CloudFormation's words, its outputs and parameters."""

    name: str
    status: str
    outputs: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)


def _client(service: str) -> Any:
    make: Any = boto3.client
    return make(service)


def find(name: str) -> Stack | None:
    """The stack of that name; None where there is none yet, or only a plan of one that nobody confirmed."""
    try:
        (found,) = _client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise
    if found["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in found.get("Parameters", [])}
    return Stack(name, found["StackStatus"], outputs, parameters)


def failures(name: str) -> list[str]:
    """Why the latest change of a stack failed: "<resource>: <reason>", the first cause first."""
    try:
        # The newest first, a hundred a page: a rollback of many resources pushes their cause off the first one.
        pages = _client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
        found = list(latest_failures(pages))
    except ClientError:
        return []
    return [line for line in reversed(found) if "cancelled" not in line]


def latest_failures(pages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What failed since the latest change of a stack began; pages of its events, the newest first."""
    for event in (event for page in pages for event in page["StackEvents"]):
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and event["ResourceStatus"].endswith("IN_PROGRESS"):
            if "ROLLBACK" not in event["ResourceStatus"]:
                return
        elif event["ResourceStatus"].endswith("FAILED"):
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"


def secret_names() -> dict[str, str]:
    """Which secret of the stack holds a variable, by the variable's name; the template says so."""
    text = (ROOT / "template.yaml").read_text()
    return {variable: secret for secret, variable in re.findall(r"\$\{(\w+Secret)\.Id\}:(\w+)::", text)}


def read_secrets(stack: str) -> dict[str, str]:
    """All values of the stack's secrets, by variable."""
    found: dict[str, str] = {}
    for secret in sorted(set(secret_names().values())):
        found |= json.loads(_secret(stack, secret)["SecretString"])
    return found


def write_secrets(stack: str, values: Mapping[str, str]) -> list[str]:
    """Put values into the secrets that hold them, beside what they hold; returns the variables that changed."""
    holders, changed = secret_names(), []
    for secret in sorted({holders[name] for name in values}):
        kept = json.loads(_secret(stack, secret)["SecretString"])
        given = {name: value for name, value in values.items() if holders[name] == secret}
        if kept | given != kept:
            changed += [name for name in given if kept.get(name) != given[name]]
            content = json.dumps(kept | given, sort_keys=True)
            _client("secretsmanager").put_secret_value(SecretId=_resource(stack, secret), SecretString=content)
    return changed


def secrets_version(stack: str, database_secrets: Sequence[str] = ()) -> str:
    """A short word that changes when any of the stack's secrets does, or a database's, and tells nothing about them.

    database_secrets: the ARNs of those that were brought along; that of a database which the stack made is found.
    """
    versions = [_secret(stack, secret)["VersionId"] for secret in sorted(set(secret_names().values()))]
    made = resource_of(stack, "DatabaseSecret")
    for secret in [*([made] if made else []), *database_secrets]:
        stages = _client("secretsmanager").describe_secret(SecretId=secret)["VersionIdsToStages"]
        versions += [version for version, names in stages.items() if "AWSCURRENT" in names]
    return hashlib.sha256(" ".join(versions).encode()).hexdigest()[:12]


def _secret(stack: str, logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = _client("secretsmanager").get_secret_value(SecretId=_resource(stack, logical_id))
    return found


def resource_of(stack: str, logical_id: str) -> str | None:
    """Physical id of a resource of a stack; None where the stack has none of that name."""
    try:
        return _resource(stack, logical_id)
    except ClientError:
        return None


def _resource(stack: str, logical_id: str) -> str:
    detail = _client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return str(detail["StackResourceDetail"]["PhysicalResourceId"])


def upload_page(bucket: str, folder: Path) -> list[str]:
    """Bring the built page into the bucket, with the headers of the local one; returns the keys that changed.

    The page goes last: who loads it meanwhile finds all it asks for. Old files stay for pages that are open.
    """
    s3, page, changed = _client("s3"), Page(folder), []
    files = [path for path in sorted((folder / "assets").rglob("*")) if path.is_file()]
    keys = [f"admin/{path.relative_to(folder).as_posix()}" for path in files]
    for key, address in [*((key, f"/{key}") for key in keys), ("admin/index.html", "/admin/operations")]:
        answer = page.answer("GET", address)
        if answer is None or answer.status != 200:
            raise FileNotFoundError(f"{folder} holds no built page; run `make setup-dev`")
        headers, digest = dict(answer.headers), hashlib.sha256(answer.body).hexdigest()
        wanted = {"ContentType": headers["content-type"], "CacheControl": headers["cache-control"]}
        if _is_there(s3, bucket, key, wanted | {"Metadata": {"sha256": digest}}):
            continue
        s3.put_object(Bucket=bucket, Key=key, Body=answer.body, Metadata={"sha256": digest}, **wanted)
        changed.append(key)
    return changed


def _is_there(s3: Any, bucket: str, key: str, wanted: Mapping[str, Any]) -> bool:
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return all(found.get(name) == value for name, value in wanted.items())


def invalidate(distribution: str, reference: str) -> str:
    """Make CloudFront fetch the page anew; returns the id of the invalidation. `reference` makes it happen once."""
    batch = {"Paths": {"Quantity": 2, "Items": ["/", "/admin/*"]}, "CallerReference": reference}
    answer = _client("cloudfront").create_invalidation(DistributionId=distribution, InvalidationBatch=batch)
    return str(answer["Invalidation"]["Id"])
