"""Publishes the page from its layer, as a custom resource: uploads what changed, then invalidates CloudFront's copy."""

import hashlib
import importlib.util
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.invocation import invocation
from callwatch.runtime.page_files import PAGE_CACHING, SIGN_IN_KEY, PageFile, build_sign_in, find_type, list_page_files

# The folder of the page in its layer, found as a package is.
PACKAGE = "callwatch_page"
# Most of the time is waiting: the page has about eighty files, and each takes two requests.
_AT_ONCE = 8


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer CloudFormation; Data holds the number of changed files. A deletion leaves the files to EmptyBucket."""

    def act() -> Mapping[str, str]:
        if event["RequestType"] == "Delete":
            return {}
        given = event["ResourceProperties"]
        changed = upload_page(given["Bucket"], build_sign_in(given.get("OidcIssuer"), given.get("OidcAudience")))
        if changed and event["RequestType"] == "Update":
            invalidate_page(given["Distribution"], event["RequestId"])
        return {"changed": str(len(changed))}

    return answer_request(event, context, "publish the page", act)


def upload_page(bucket: str, sign_in: bytes) -> list[str]:
    """Upload the files that differ from those in the bucket; return their keys. Old assets stay for open pages.

    Raises ConfigurationError if the layer holds no built page.
    """
    s3 = _make_client("s3")
    *assets, page = list_page_files(find_page())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        changed = list(pool.map(lambda file: _upload(s3, bucket, file, file.path.read_bytes()), assets))
    sign_in_file = PageFile(SIGN_IN_KEY, Path(SIGN_IN_KEY), find_type(Path(SIGN_IN_KEY)), PAGE_CACHING)
    changed.append(_upload(s3, bucket, sign_in_file, sign_in))
    # Last, so that it never refers to a missing file.
    changed.append(_upload(s3, bucket, page, page.path.read_bytes()))
    return [key for key in changed if key]


def _upload(s3: Any, bucket: str, file: PageFile, content: bytes) -> str | None:
    """Return the file's key if it was uploaded, None if the bucket has it."""
    digest = {"sha256": hashlib.sha256(content).hexdigest()}
    if _is_there(s3, bucket, file, digest):
        return None
    s3.put_object(
        Bucket=bucket, Key=file.key, Body=content, ContentType=file.content_type, CacheControl=file.caching, Metadata=digest
    )
    return file.key


def find_page() -> Path:
    """The folder of the built page. Raises ConfigurationError if the layer holds none."""
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / "index.html").is_file():
            return Path(place)
    raise ConfigurationError("the layer PageLayer must hold the built page; run `sam build`")


def invalidate_page(distribution: str, reference: str) -> None:
    """Invalidate CloudFront's copy of the page; the same reference again is the same invalidation."""
    batch = {"Paths": {"Quantity": 2, "Items": ["/", "/admin/*"]}, "CallerReference": reference}
    _make_client("cloudfront").create_invalidation(DistributionId=distribution, InvalidationBatch=batch)


def _is_there(s3: Any, bucket: str, file: PageFile, digest: Mapping[str, str]) -> bool:
    from botocore.exceptions import ClientError

    try:
        found = s3.head_object(Bucket=bucket, Key=file.key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    given = (found.get("ContentType"), found.get("CacheControl"), found.get("Metadata"))
    return given == (file.content_type, file.caching, digest)


def _make_client(service: str) -> Any:
    import boto3

    make: Any = boto3.client
    return make(service)


lambda_handler = invocation(handle)
