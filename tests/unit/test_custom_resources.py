"""The custom resources that complete a deployment, against moto's S3, Secrets Manager, RDS and CloudFront."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from callwatch.exceptions import ConfigurationError
from callwatch.runtime.custom_resource import answer_request
from callwatch.settings import load_settings
from functions import empty_bucket, guard_database, make_secrets, publish_page, watch_release
from tests.deploy.template import ROOT, source
from tests.support.cloudformation import Callback, callback, request

__all__ = ["callback"]

PAGE = {"index.html": "<html>", "assets/app-1.js": "run()", "assets/runbooks/a.md": "# A"}


class Context:
    """Lambda's context with a number of seconds left."""

    aws_request_id = "1"

    def __init__(self, left_s: float = 300) -> None:
        self._ends_at = time.monotonic() + left_s

    def get_remaining_time_in_millis(self) -> int:
        return round((self._ends_at - time.monotonic()) * 1000)


@pytest.fixture(autouse=True)
def _cloud() -> Iterator[None]:
    with mock_aws():
        yield


def call(module: Any, callback: Callback, kind: str, context: Any = None, **properties: Any) -> dict[str, Any]:
    """Send one request to a function; return the one answer that CloudFormation got."""
    callback.answers.clear()
    module.lambda_handler(request(callback, kind, ResourceProperties=properties), context or Context())
    [(answer, _type)] = callback.answers
    return answer


def client(service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name="us-east-1")


# ------------------------------------------------------------------------------------------------ the answer


def test_failure_is_answered_at_once_with_its_reason(callback: Callback) -> None:
    def act() -> dict[str, str]:
        raise ConfigurationError("the bucket must have a name")

    answer_request(request(callback), Context(), "publish the page", act)
    [(answer, _type)] = callback.answers
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("cannot publish the page: ConfigurationError: the bucket must have a name")


def test_function_that_hangs_answers_before_it_is_ended(callback: Callback) -> None:
    def act() -> dict[str, str]:
        time.sleep(2)
        return {"late": "yes"}

    outcome = answer_request(request(callback), Context(left_s=13), "publish the page", act)
    [(answer, _type)] = callback.answers
    assert answer["Status"] == outcome["Status"] == "FAILED", "the late success is dropped"
    assert "did not end in time" in answer["Reason"]


@pytest.mark.parametrize("error", [ValueError("password=hidden"), KeyError("hidden"), MemoryError()])
def test_reason_names_only_errors_known_to_be_harmless(error: BaseException, callback: Callback) -> None:
    def act() -> dict[str, str]:
        raise error

    answer_request(request(callback), Context(), "publish the page", act)
    [(answer, _type)] = callback.answers
    assert type(error).__name__ in answer["Reason"]
    assert "hidden" not in answer["Reason"]


def test_each_custom_resource_has_a_bounded_wait() -> None:
    resources = source()["Resources"]
    custom = {name: entry for name, entry in resources.items() if entry["Type"] == "AWS::CloudFormation::CustomResource"}
    assert {"FilledSecrets", "Migrations", "PublishedPage", "GuardedDatabase"} <= set(custom)
    for name, entry in custom.items():
        function = resources[entry["Properties"]["ServiceToken"]["Fn::GetAtt"][0]]
        timeout_s = function["Properties"].get("Timeout", source()["Globals"]["Function"]["Timeout"])
        assert timeout_s < entry["Properties"]["ServiceTimeout"] <= timeout_s + 30, name


# ------------------------------------------------------------------------------------------------ secrets


def make_holders() -> dict[str, str]:
    arns = {name: client("secretsmanager").create_secret(Name=name, SecretString="{}")["ARN"] for name in ("access", "ingest")}
    access, ingest = arns["access"], arns["ingest"]
    return {
        "ADMIN_SECRET": access,
        "VIEWER_SECRET": access,
        "UPLOAD_SECRET": access,
        "INGEST_KEYS": ingest,
        "USER_HASH_KEY": ingest,
        "ALERT_WEBHOOK_SECRET": ingest,
        "STATUS_WEBHOOK_SECRET": ingest,
    }


def read(arn: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    return found


def test_secrets_are_made_once_and_never_overwritten(callback: Callback) -> None:
    holders = make_holders()
    assert call(make_secrets, callback, "Create", Holders=holders)["Data"]["filled"].count(",") == 6
    first = {arn: read(arn) for arn in set(holders.values())}
    load_settings({name: value for values in first.values() for name, value in values.items()})
    client("secretsmanager").put_secret_value(
        SecretId=holders["ADMIN_SECRET"],
        SecretString=json.dumps({"ADMIN_SECRET": "me:my-own-admin-token-1", "OTHER": "kept"}),
    )
    assert call(make_secrets, callback, "Update", Holders=holders)["Data"] == {"filled": "UPLOAD_SECRET,VIEWER_SECRET"}
    assert read(holders["ADMIN_SECRET"]).items() >= {"ADMIN_SECRET": "me:my-own-admin-token-1", "OTHER": "kept"}.items()
    assert call(make_secrets, callback, "Update", Holders=holders)["Data"] == {"filled": ""}
    assert read(holders["INGEST_KEYS"]) == first[holders["INGEST_KEYS"]]


def test_deleting_the_stack_leaves_secrets_alone(callback: Callback) -> None:
    holders = make_holders()
    assert call(make_secrets, callback, "Delete", Holders=holders)["Status"] == "SUCCESS"
    assert read(holders["ADMIN_SECRET"]) == {}


def test_a_stack_keeps_its_stage(callback: Callback) -> None:
    holders = make_holders()

    def ask(kind: str, stage: str, name: str = "") -> dict[str, Any]:
        callback.answers.clear()
        known = {"PhysicalResourceId": name} if name else {}
        properties = {"Holders": holders, "Stage": stage}
        make_secrets.lambda_handler(request(callback, kind, ResourceProperties=properties, **known), Context())
        [(answer, _type)] = callback.answers
        return answer

    name = ask("Create", "prod-eu")["PhysicalResourceId"]
    refused = ask("Update", "try", name)
    assert refused["Status"] == "FAILED"
    assert "Stage must stay prod-eu in this stack" in refused["Reason"]
    # The rollback of that update, and each later one. Another physical id would make CloudFormation delete the resource.
    assert refused["PhysicalResourceId"] == name
    assert ask("Update", "prod-eu", name).items() >= {"Status": "SUCCESS", "PhysicalResourceId": name}.items()
    assert ask("Delete", "try", name)["Status"] == "SUCCESS"


@pytest.mark.parametrize(("has_parameter", "status"), [(True, "FAILED"), (False, "SUCCESS")])
def test_an_older_stack_keeps_the_stage_of_its_parameter(has_parameter: bool, status: str, callback: Callback) -> None:
    resources: dict[str, Any] = {"Other": {"Type": "AWS::SQS::Queue"}}
    if has_parameter:
        given = {"Name": "/callwatch/prod-eu/app-url", "Type": "String", "Value": "https://ops.example.com"}
        resources["AppUrl"] = {"Type": "AWS::SSM::Parameter", "Properties": given}
    stack = client("cloudformation").create_stack(StackName="older", TemplateBody=json.dumps({"Resources": resources}))["StackId"]
    holders = make_holders()

    def ask(stage: str) -> dict[str, Any]:
        callback.answers.clear()
        known = {"PhysicalResourceId": "callwatch-FilledSecrets", "StackId": stack}
        properties = {"Holders": holders, "Stage": stage}
        make_secrets.lambda_handler(request(callback, "Update", ResourceProperties=properties, **known), Context())
        [(answer, _type)] = callback.answers
        return answer

    assert ask("try")["Status"] == status
    # The rollback, and each later update, under the name that it has.
    assert ask("prod-eu").items() >= {"Status": "SUCCESS", "PhysicalResourceId": "callwatch-FilledSecrets"}.items()


def test_a_configuration_has_a_hash_that_changes_with_it(callback: Callback) -> None:
    found = {
        call(make_secrets, callback, kind, Configuration=values)["Data"]["Hash"]
        for kind, values in [("Create", ["a", "b"]), ("Update", ["b", "a"]), ("Update", ["ab", ""]), ("Update", ["a", ["b"]])]
    }
    assert len(found) == 4
    assert call(make_secrets, callback, "Update", Configuration=["a", "b"])["Data"]["Hash"] in found
    assert call(make_secrets, callback, "Delete", Configuration=["a", "b"])["Status"] == "SUCCESS"


# A compiled package of another processor cannot be loaded; the machine of the tests calls itself by its own name.
FOREIGN = """
import importlib.abc, json, sys
class Foreign(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("psycopg2", "pydantic_core", "zstandard", "brotli", "cryptography", "_cffi_backend"):
            raise ImportError("wrong ELF class")
sys.meta_path.insert(0, Foreign())
import make_secrets
make_secrets.lambda_handler(json.loads(sys.argv[1]), None)
"""


def test_packages_of_another_processor_are_refused(callback: Callback) -> None:
    event = request(callback, ResourceProperties={"Holders": {}, "Stage": "dev"})
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'functions'}"}
    command = [sys.executable, "-c", FOREIGN, json.dumps(event)]
    subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    [(answer, _type)] = callback.answers
    assert answer["Status"] == "FAILED"
    assert re.search(r"do not load on (\w+): .*sam build --parameter-overrides Architecture=\1", answer["Reason"])


def test_secret_that_is_no_object_is_refused_not_replaced(callback: Callback) -> None:
    holders = make_holders()
    client("secretsmanager").put_secret_value(SecretId=holders["ADMIN_SECRET"], SecretString="my-token")
    answer = call(make_secrets, callback, "Create", Holders=holders)
    assert answer["Status"] == "FAILED"
    assert "must hold a JSON object" in answer["Reason"]
    assert "my-token" not in answer["Reason"]


def test_output_command_prints_the_bare_admin_token() -> None:
    command = source()["Outputs"]["AdminTokenCommand"]["Value"]["Fn::Sub"].partition("| ")[2]
    for value in ("admin:0123-abc", "plain-token", "me:first,you:second", "first,second"):
        held = {"VIEWER_SECRET": "viewer:no", "ADMIN_SECRET": value, "Z": "admin:no"}
        # As the stack writes it, as AWS's console does, and by hand.
        for content in (json.dumps(held, sort_keys=True), json.dumps(held, separators=(",", ":")), json.dumps(held, indent=2)):
            done = subprocess.run(["sh", "-c", command], input=content, capture_output=True, text=True, check=True)
            assert done.stdout.strip() == value.split(",")[0].rpartition(":")[2]


def test_output_command_prints_nothing_of_other_secrets() -> None:
    command = source()["Outputs"]["AdminTokenCommand"]["Value"]["Fn::Sub"].partition("| ")[2]
    content = json.dumps({"VIEWER_SECRET": "viewer:no"})
    done = subprocess.run(["sh", "-c", command], input=content, capture_output=True, text=True, check=True)
    assert done.stdout == ""


# ------------------------------------------------------------------------------------------------ the page


def write_page(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "callwatch_page"
    write_page(folder, PAGE)
    client("s3").create_bucket(Bucket="page")
    return folder


def make_distribution() -> str:
    origin: dict[str, Any] = {"Id": "o", "DomainName": "example.com"}
    origin |= {"CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}
    origins = {"Quantity": 1, "Items": [origin]}
    behavior: dict[str, Any] = {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", "MinTTL": 0}
    behavior |= {"ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}}}
    config = {"CallerReference": "r", "Origins": origins, "DefaultCacheBehavior": behavior, "Comment": "", "Enabled": True}
    return str(client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["Id"])


def count_invalidations(distribution: str) -> int:
    listed = client("cloudfront").list_invalidations(DistributionId=distribution)["InvalidationList"]
    return int(listed.get("Quantity", 0))


def test_page_goes_to_its_bucket_and_only_changes_follow(callback: Callback, page: Path) -> None:
    distribution = make_distribution()
    given = {"Bucket": "page", "Distribution": distribution}
    assert call(publish_page, callback, "Create", **given)["Data"] == {"changed": "4"}
    assert count_invalidations(distribution) == 0, "nobody has seen anything yet"
    assert call(publish_page, callback, "Update", **given)["Data"] == {"changed": "0"}
    assert count_invalidations(distribution) == 0
    write_page(page, {"index.html": "<html><body>"})
    assert call(publish_page, callback, "Update", **given)["Data"] == {"changed": "1"}
    assert count_invalidations(distribution) == 1
    given |= {"OidcIssuer": "https://issuer.example", "OidcAudience": "callwatch"}
    assert call(publish_page, callback, "Update", **given)["Data"] == {"changed": "1"}
    sign_in = client("s3").get_object(Bucket="page", Key="admin/sign-in.json")["Body"].read()
    assert json.loads(sign_in) == {"oidc": {"issuer": "https://issuer.example", "client_id": "callwatch"}}
    found = client("s3").get_object(Bucket="page", Key="admin/index.html")
    assert (found["ContentType"], found["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")


def test_page_that_was_not_built_is_refused(callback: Callback, page: Path) -> None:
    (page / "index.html").unlink()
    answer = call(publish_page, callback, "Create", Bucket="page", Distribution="E1")
    assert "must hold the built page; run `sam build`" in answer["Reason"]


def test_bucket_that_is_missing_is_the_reason(callback: Callback, page: Path) -> None:
    answer = call(publish_page, callback, "Create", Bucket="elsewhere", Distribution="E1")
    assert answer["Status"] == "FAILED"
    assert "NoSuchBucket" in answer["Reason"]


# ------------------------------------------------------------------------------------------------ buckets


def fill_bucket(name: str, count: int) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    rules = [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": rules})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for number in range(count):
        s3.put_object(Bucket=name, Key=f"k{number % 7}", Body=b"x")
    if count:
        s3.delete_object(Bucket=name, Key="k0")


def test_bucket_is_emptied_of_all_versions(callback: Callback) -> None:
    fill_bucket("edge-logs", 1100)
    answer = call(empty_bucket, callback, "Delete", Bucket="edge-logs", OnDelete="Empty")
    assert (answer["Data"], answer["PhysicalResourceId"]) == ({"deleted": "1101"}, "edge-logs")
    client("s3").delete_bucket(Bucket="edge-logs")


def test_bucket_is_left_alone_until_it_goes(callback: Callback) -> None:
    fill_bucket("edge-logs", 3)
    for kind in ("Create", "Update"):
        assert call(empty_bucket, callback, kind, Bucket="edge-logs", OnDelete="Empty")["PhysicalResourceId"] == "edge-logs"
    assert len(client("s3").list_object_versions(Bucket="edge-logs")["Versions"]) == 3


def test_bucket_that_is_gone_is_empty(callback: Callback) -> None:
    for mode in ("Empty", "RemoveIfEmpty"):
        assert call(empty_bucket, callback, "Delete", Bucket="never", OnDelete=mode)["Status"] == "SUCCESS"


def test_archive_goes_only_when_it_holds_nothing(callback: Callback) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="archive")
    s3.put_object(Bucket="archive", Key="message", Body=b"x")
    given = {"Bucket": "archive", "OnDelete": "RemoveIfEmpty"}
    assert call(empty_bucket, callback, "Delete", **given)["Data"] == {"removed": "false"}
    assert s3.get_object(Bucket="archive", Key="message")["Body"].read() == b"x"
    s3.delete_object(Bucket="archive", Key="message")
    assert call(empty_bucket, callback, "Delete", **given)["Data"] == {"removed": "true"}
    assert s3.list_buckets()["Buckets"] == []


# ------------------------------------------------------------------------------------------------ the database


@pytest.fixture
def rds(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(guard_database, "POLL_S", 0.01)
    found = client("rds")
    found.create_db_instance(
        DBInstanceIdentifier="callwatch-dev",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="callwatch",
        MasterUserPassword="0123456789",
    )
    return found


def is_protected(rds: Any) -> bool:
    return bool(rds.describe_db_instances(DBInstanceIdentifier="callwatch-dev")["DBInstances"][0]["DeletionProtection"])


GIVEN = {"Database": "callwatch-dev", "FinalSnapshot": "yes"}


def test_database_is_protected_once_the_stack_stands(callback: Callback, rds: Any) -> None:
    assert not is_protected(rds)
    assert call(guard_database, callback, "Create", **GIVEN)["Data"] == {"protected": "callwatch-dev"}
    assert is_protected(rds)


def test_database_is_released_after_its_final_snapshot(callback: Callback, rds: Any) -> None:
    call(guard_database, callback, "Create", **GIVEN)
    name = call(guard_database, callback, "Delete", **GIVEN)["Data"]["snapshot"]
    assert name.startswith("callwatch-dev-final-2")
    (snapshot,) = rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"]
    assert snapshot["Status"] == "available"
    assert not is_protected(rds)


def test_final_snapshot_is_an_option(callback: Callback, rds: Any) -> None:
    call(guard_database, callback, "Create", **GIVEN)
    call(guard_database, callback, "Delete", Database="callwatch-dev", FinalSnapshot="no")
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    assert not is_protected(rds)


@pytest.mark.parametrize("status", ["creating", "failed"])
def test_unfinished_snapshot_keeps_the_database_protected(
    status: str, callback: Callback, rds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(guard_database, callback, "Create", **GIVEN)
    real = guard_database._make_client()

    class Slow:
        exceptions = real.exceptions

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def describe_db_snapshots(self, **given: Any) -> Any:
            answer = real.describe_db_snapshots(**given)
            for entry in answer["DBSnapshots"]:
                entry["Status"] = status
            return answer

    monkeypatch.setattr(guard_database, "_make_client", Slow)
    answer = call(guard_database, callback, "Delete", Context(left_s=30.2), **GIVEN)
    assert answer["Status"] == "FAILED"
    assert "the database is kept" in answer["Reason"]
    assert is_protected(rds)
    if status == "creating":
        # The next deletion waits for the same snapshot.
        call(guard_database, callback, "Delete", Context(left_s=30.2), **GIVEN)
        assert len(rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]) == 1


def test_database_that_is_gone_needs_nothing(callback: Callback) -> None:
    assert call(guard_database, callback, "Delete", **GIVEN)["Status"] == "SUCCESS"


# ------------------------------------------------------------------------------------------------ the release


ALARMS = ("silent", "errors")


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a client of two alarms; each minute of the watch is 20 ms, and the stack is not rolling back."""
    monkeypatch.setattr(watch_release, "is_rolling_back", lambda _stack: False)
    monkeypatch.setattr(watch_release, "POLL_S", 0.005)
    real = watch_release.watch_alarms
    monkeypatch.setattr(watch_release, "watch_alarms", lambda names, duration_s, clock: real(names, duration_s / 3000, clock))
    found = client("cloudwatch")
    for name in ALARMS:
        found.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="Errors",
            Namespace="AWS/Lambda",
            Period=60,
            Statistic="Sum",
            Threshold=1,
        )
    return found


def release(callback: Callback, kind: str = "Update", minutes: int = 5) -> dict[str, Any]:
    """Send a request for a release; return the answer."""
    callback.answers.clear()
    given = {"Minutes": str(minutes), "Alarms": list(ALARMS)}
    watch_release.lambda_handler(request(callback, kind, ResourceProperties=given), Context())
    [(answer, _type)] = callback.answers
    return answer


def test_quiet_release_is_kept(callback: Callback, alarms: Any) -> None:
    assert release(callback)["Data"] == {"watched": "5"}


def test_alarm_after_an_update_fails_it(callback: Callback, alarms: Any) -> None:
    timer = threading.Timer(0.03, alarms.set_alarm_state, [], {"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "x"})
    timer.start()
    answer = release(callback, minutes=12)
    timer.join()
    assert answer["Status"] == "FAILED"
    assert "errors fired after the update" in answer["Reason"]


def test_alarm_that_fired_before_does_not_stop_its_remedy(callback: Callback, alarms: Any) -> None:
    alarms.set_alarm_state(AlarmName="silent", StateValue="ALARM", StateReason="before")
    assert release(callback)["Status"] == "SUCCESS"


@pytest.mark.parametrize(("kind", "minutes"), [("Create", 5), ("Delete", 5), ("Update", 0)])
def test_only_a_watched_update_takes_time(kind: str, minutes: int, callback: Callback, alarms: Any) -> None:
    assert release(callback, kind, minutes)["Data"] == {"watched": "0"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [("UPDATE_IN_PROGRESS", False), ("UPDATE_ROLLBACK_IN_PROGRESS", True), ("UPDATE_ROLLBACK_FAILED", True)],
)
def test_rollback_ends_while_the_alarm_still_fires(status: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cloudformation:
        def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - as boto3 names it
            return {"Stacks": [{"StackName": StackName, "StackStatus": status}]}

    monkeypatch.setattr(watch_release, "_make_client", lambda _service: Cloudformation())
    assert watch_release.is_rolling_back("stack") is expected


def test_rollback_is_not_watched(callback: Callback, alarms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_release, "is_rolling_back", lambda _stack: True)
    assert release(callback)["Data"] == {"watched": "0"}
