"""The search for what a deployment left in an account, against moto."""

import boto3
from moto import mock_aws

from tests.account.__main__ import list_arguments
from tests.account.remains import TAG, delete_snapshots, find_remains


@mock_aws
def test_remains_are_found_by_their_tag_and_name() -> None:
    assert find_remains("n1") == []
    boto3.client("sqs").create_queue(QueueName="left", tags={TAG: "n1"})
    boto3.client("sqs").create_queue(QueueName="of-another-run", tags={TAG: "n2"})
    boto3.client("secretsmanager").create_secret(Name="going", SecretString="x", Tags=[{"Key": TAG, "Value": "n1"}])
    boto3.client("secretsmanager").delete_secret(SecretId="going", RecoveryWindowInDays=7)
    rds = boto3.client("rds")
    instance = {
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "postgres",
        "MasterUsername": "a",
        "MasterUserPassword": "0123456789",
    }
    rds.create_db_instance(DBInstanceIdentifier="callwatch-n1", AllocatedStorage=20, **instance)
    rds.create_db_snapshot(DBInstanceIdentifier="callwatch-n1", DBSnapshotIdentifier="callwatch-n1-final-20260101000000")
    found = find_remains("n1")
    assert [arn.rpartition(":")[2] for arn in found] == ["callwatch-n1-final-20260101000000", "left"]
    delete_snapshots("n1")
    assert [arn.rpartition(":")[2] for arn in find_remains("n1")] == ["left"]


def test_account_is_deployed_to_with_the_defaults() -> None:
    arguments = list_arguments("callwatch-n1", "n1")
    assert arguments[arguments.index("--parameter-overrides") + 1 :] == ["Stage=n1"]
    assert f"{TAG}=n1" in arguments
