"""Empties a bucket before the stack deletes it, as a custom resource: CloudFormation deletes only empty buckets."""

from collections.abc import Mapping
from typing import Any

from callwatch.exceptions import CallwatchError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.invocation import invocation

_MISSING = ("NoSuchBucket", "404")


class BucketKept(CallwatchError):
    """An object cannot be deleted; the text names it."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer CloudFormation; the resource is named after its bucket. Only a deletion acts, by the property OnDelete:

    Empty deletes all objects of the bucket. RemoveIfEmpty deletes the bucket where it holds nothing, and keeps it otherwise.
    """

    given = event["ResourceProperties"]

    def act() -> Mapping[str, str]:
        if event["RequestType"] != "Delete":
            return {}
        if given["OnDelete"] == "RemoveIfEmpty":
            return {"removed": str(remove_if_empty(given["Bucket"])).lower()}
        return {"deleted": str(empty_bucket(given["Bucket"]))}

    return answer_request(event, context, "empty the bucket", act, name=given["Bucket"])


def empty_bucket(bucket: str) -> int:
    """Delete all versions of all objects; return their number. Raises BucketKept if S3 refuses one."""
    from botocore.exceptions import ClientError

    s3, count = _make_client(), 0
    try:
        _close_to_log_writers(s3, bucket)
        # Always the first page: the one before is gone.
        while entries := _list_versions(s3, bucket):
            failed = s3.delete_objects(Bucket=bucket, Delete={"Objects": entries, "Quiet": True}).get("Errors", [])
            if failed:
                raise BucketKept(f"{failed[0]['Key']} cannot be deleted from {bucket}: {failed[0]['Code']}")
            count += len(entries)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
    return count


def _list_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket)
    found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    return [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in found]


def remove_if_empty(bucket: str) -> bool:
    """Delete a bucket unless it holds something; return whether it is gone."""
    from botocore.exceptions import ClientError

    try:
        _make_client().delete_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == "BucketNotEmpty":
            return False
        if error.response["Error"]["Code"] not in _MISSING:
            raise
    return True


def _close_to_log_writers(s3: Any, bucket: str) -> None:
    """Take back CloudFront's grant: a late log would fill the bucket again before CloudFormation deletes it."""
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    if controls[0]["ObjectOwnership"] != "BucketOwnerEnforced":
        s3.put_bucket_acl(Bucket=bucket, ACL="private")


def _make_client() -> Any:
    import boto3

    make: Any = boto3.client
    return make("s3")


lambda_handler = invocation(handle)
