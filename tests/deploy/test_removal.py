"""What a stack leaves behind: nothing after a first deployment that failed, and nothing after `sam delete`."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from callwatch.db import ROLES, name_role
from tests.conftest import build_dsn
from tests.deploy.conftest import Deployed, administer
from tests.deploy.ministack import Cloud

# Builds and deployments are slow on a busy machine.
pytestmark = pytest.mark.timeout(600)

STAGE, STACK = "qa", "callwatch-qa"


def list_remains(cloud: Cloud) -> dict[str, list[str]]:
    """Return everything of the stage, by kind; the bucket that SAM keeps its uploads in is SAM's own."""

    def find(service: str, method: str, key: str, *names: str) -> list[str]:
        found: Any = getattr(cloud.client(service), method)().get(key) or []
        texts = [json.dumps(entry, default=str) for entry in found]
        return sorted(text for text in texts if any(name in text for name in (STACK, f"/callwatch/{STAGE}", *names)))

    kinds = {
        "functions": find("lambda", "list_functions", "Functions"),
        "layers": find("lambda", "list_layers", "Layers"),
        "queues": find("sqs", "list_queues", "QueueUrls"),
        "buckets": find("s3", "list_buckets", "Buckets"),
        "topics": find("sns", "list_topics", "Topics"),
        "roles": find("iam", "list_roles", "Roles"),
        "logs": find("logs", "describe_log_groups", "logGroups"),
        "parameters": find("ssm", "describe_parameters", "Parameters"),
        "alarms": find("cloudwatch", "describe_alarms", "MetricAlarms"),
        "secrets": [text for text in find("secretsmanager", "list_secrets", "SecretList") if "DeletedDate" not in text],
    }
    return {kind: found for kind, found in kinds.items() if found}


@pytest.fixture
def database(deployed: Deployed, postgres_server: str) -> Iterator[str]:
    """Yield the secret of a database for this stage."""
    name = "callwatch_removal"
    administer(postgres_server, f"CREATE DATABASE {name}")
    client = deployed.cloud.client("secretsmanager")
    yield str(client.create_secret(Name="database-of-removal", SecretString=build_dsn(postgres_server, name))["ARN"])
    client.delete_secret(SecretId="database-of-removal", ForceDeleteWithoutRecovery=True)
    administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")
    for role in ROLES:
        administer(postgres_server, f"DROP ROLE IF EXISTS {name_role(name, role)}")


def deploy_arguments(secret: str) -> list[str]:
    parameters = [f"Stage={STAGE}", f"DatabaseUrlSecretArn={secret}"]
    return ["deploy", "--config-env", "staging", "--stack-name", STACK, "--parameter-overrides", *parameters]


def test_failed_first_deployment_leaves_nothing(deployed: Deployed) -> None:
    cloud, url = deployed.cloud, "postgresql://callwatch:wrong@127.0.0.1:1/callwatch"
    broken = cloud.client("secretsmanager").create_secret(Name="database-that-is-not-there", SecretString=url)["ARN"]
    done = cloud.try_sam(deployed.clone, *deploy_arguments(broken))
    assert done.returncode != 0
    assert "cannot migrate the schema" in done.stdout.replace("\n", "")
    cloud.sam(deployed.clone, "delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1")
    assert list_remains(cloud) == {}


def test_deleted_stack_leaves_nothing(deployed: Deployed, database: str) -> None:
    cloud = deployed.cloud
    cloud.sam(deployed.clone, *deploy_arguments(database))
    assert {"functions", "buckets", "secrets"} <= set(list_remains(cloud))
    cloud.sam(deployed.clone, "delete", "--stack-name", STACK, "--no-prompts", "--region", "us-east-1")
    assert list_remains(cloud) == {}
