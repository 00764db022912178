"""What a deployment left in an account, found by the tag that it put on each of its resources."""

from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

TAG = "callwatch-account-test"


def find_remains(stage: str) -> list[str]:
    """Return the ARNs of everything tagged with the stage that is not about to vanish."""
    pages = _client("resourcegroupstaggingapi").get_paginator("get_resources")
    found = pages.paginate(TagFilters=[{"Key": TAG, "Values": [stage]}])
    arns = [entry["ResourceARN"] for page in found for entry in page["ResourceTagMappingList"]]
    return sorted(arn for arn in {*arns, *_list_snapshots(stage)} if not _is_vanishing(arn))


def delete_snapshots(stage: str) -> None:
    """Delete the final snapshots of a stage."""
    for arn in _list_snapshots(stage):
        _client("rds").delete_db_snapshot(DBSnapshotIdentifier=arn.rpartition(":")[2])


def _list_snapshots(stage: str) -> Iterator[str]:
    found = _client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    for entry in found:
        if entry["DBSnapshotIdentifier"].startswith(f"callwatch-{stage}-final-"):
            yield entry["DBSnapshotArn"]


def _is_vanishing(arn: str) -> bool:
    """Whether a resource is scheduled for deletion; the tagging API goes on listing deleted resources for a while."""
    try:
        if ":kms:" in arn:
            state = _client("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
            return bool(state == "PendingDeletion")
        if ":secretsmanager:" in arn:
            return "DeletedDate" in _client("secretsmanager").describe_secret(SecretId=arn)
        if ":lambda:" in arn:
            _client("lambda").get_function(FunctionName=arn)
        elif ":natgateway/" in arn:
            (gateway,) = _client("ec2").describe_nat_gateways(NatGatewayIds=[arn.rpartition("/")[2]])["NatGateways"]
            return bool(gateway["State"] in ("deleting", "deleted"))
    except ClientError as error:
        return "NotFound" in error.response["Error"]["Code"]
    return False


def _client(service: str) -> Any:
    make: Any = boto3.client
    return make(service)
