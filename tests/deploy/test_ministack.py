"""The deployed bundle answers, authorizes, stores and migrates, each function under the policies of its own role."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest

from callwatch.db import ROLES, name_role
from deploy.deploy import DeployError, _refuse_what_is_stuck
from deploy.stack import Stack, find, hash_secrets
from local.api_gateway.static_site import Page
from tests.deploy.conftest import Deployed
from tests.deploy.ministack import STACK, STAGE, Cloud

# Builds and deployments are slow on a busy machine.
pytestmark = pytest.mark.timeout(600)

# The schedule fires once a minute.
# A cycle of functions that start cold, next to other deployments: 53 s alone.
FLUSH_TIMEOUT_S = 180


def eventually(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + FLUSH_TIMEOUT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {FLUSH_TIMEOUT_S} s"
        time.sleep(0.5)
    return found


def act_in(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the program's own AWS calls to that cloud."""
    for name, value in {**cloud.credentials(), **cloud.trust(), "AWS_ENDPOINT_URL": cloud.endpoint}.items():
        monkeypatch.setenv(name, value)
    # Earlier uses of boto3 in this process left their credentials in its session.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


def stored(deployed: Deployed) -> dict[str, int]:
    with psycopg2.connect(deployed.database_url) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT message, count(*) FROM callwatch.error_logs WHERE project_id <> 0 GROUP BY 1")
        return dict(cursor.fetchall())


@pytest.fixture(scope="module", autouse=True)
def accepted(deployed: Deployed) -> dict[str, int]:
    """Send errors before all tests here, so that the schedule has its minute while the others run."""
    cloud, key = deployed.cloud, deployed.token("INGEST_KEYS")
    for severity in ("high", "critical"):
        answer = cloud.call("POST", "/api/errors", key, {"message": f"a {severity} error", "severity": severity})
        assert (answer.status, answer.body["accepted"]) == (202, 1), answer
    event = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}\n{"type":"event"}\n{"message":"from an SDK","level":"error"}\n'
    answer = cloud.call("POST", f"/api/1/envelope/?sentry_key={key}", None, event)
    assert (answer.status, answer.body) == (200, {"id": "9ec79c33ec9942ab8353589fcb2e04dc"})
    return {"a high error": 1, "a critical error": 1, "from an SDK": 1}


def test_the_authorizer_lets_each_role_do_its_own_and_no_more(deployed: Deployed) -> None:
    cloud = deployed.cloud
    viewer, admin, key = (deployed.token(name) for name in ("VIEWER_SECRET", "ADMIN_SECRET", "INGEST_KEYS"))
    silence = {"matchers": {"rule_id": "memory_usage"}, "reason": "test", "ends_at": "2099-01-01T00:00:00Z"}

    def status(method: str, path: str, token: str | None, body: Any = None) -> int:
        return cloud.call(method, path, token, body).status

    assert [status("GET", "/api/status", token) for token in (None, "x" * 40, key, viewer, admin)] == [401, 401, 403, 200, 200]
    assert status("POST", "/api/silences", viewer, silence) == 403
    assert status("POST", "/api/errors", viewer, {"message": "no"}) == 403
    assert status("POST", "/api/silences", admin, silence) in (200, 201)


def test_migrations_ran_with_the_deployment(deployed: Deployed) -> None:
    with psycopg2.connect(deployed.database_url) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT to_regclass('callwatch.error_logs') IS NOT NULL")
        assert cursor.fetchone() == (True,)
    found = deployed.cloud.invoke("Migrate", {})
    assert (found["ran"], found["has_roles"]) == ([], True)


def test_functions_connect_as_roles_of_their_own(deployed: Deployed) -> None:
    client = deployed.cloud.client("secretsmanager")
    for role in ROLES:
        url = client.get_secret_value(SecretId=deployed.cloud.resource(f"{role.title()}Secret"))["SecretString"]
        with psycopg2.connect(url) as conn, conn.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == (name_role(conn.info.dbname, role),)
    assert "connect as a reader" in deployed.cloud.outputs()["DatabaseRoles"]


def test_dead_letters_are_brought_back_by_the_function_for_it(deployed: Deployed) -> None:
    cloud = deployed.cloud
    cloud.client("sqs").send_message(QueueUrl=cloud.resource("DeadLetterQueue"), MessageBody='{"v": 1, "kind": "nothing"}')
    assert cloud.invoke("Redrive", {"limit": 1})["moved"] == 1


def test_page_has_its_local_headers_in_the_bucket(deployed: Deployed) -> None:
    s3, bucket = deployed.cloud.client("s3"), deployed.cloud.outputs()["PageBucketName"]
    found = s3.get_object(Bucket=bucket, Key="admin/index.html")
    built = deployed.template.parent / "PageLayer" / "python" / "callwatch_page"
    local = Page(built).answer("GET", "/admin/operations")
    assert local is not None
    headers = dict(local.headers)
    assert (found["ContentType"], found["CacheControl"]) == (headers["content-type"], headers["cache-control"])
    assert found["Body"].read() == local.body
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assets = {f"admin/{path.relative_to(built)}" for path in (built / "assets").rglob("*") if path.is_file()}
    assert keys == {"admin/index.html", "admin/sign-in.json"} | assets


def test_a_second_deployment_without_a_change_changes_nothing(deployed: Deployed) -> None:
    cloud = deployed.cloud
    name = cloud.resource("GetStatus")
    before = cloud.client("lambda").get_function_configuration(FunctionName=name)["LastModified"], deployed.secrets()
    assert "No changes to deploy" in cloud.sam_deploy(deployed.clone, deployed.secret_arn)
    after = cloud.client("lambda").get_function_configuration(FunctionName=name)["LastModified"], deployed.secrets()
    assert after == before


def test_one_command_spreads_a_rotated_secret(deployed: Deployed, tmp_path: Path) -> None:
    cloud, old, new = deployed.cloud, deployed.token("VIEWER_SECRET"), "a-rotated-viewer-token"
    file = tmp_path / "rotated.json"
    file.write_text(json.dumps({"VIEWER_SECRET": f"viewer:{new}"}))
    database = f"DatabaseUrlSecretArn={deployed.secret_arn}"
    output = cloud.deploy(deployed.template, "--parameter", database, "--secrets", str(file))
    assert "Secrets: set VIEWER_SECRET" in output
    assert new not in output
    assert [cloud.call("GET", "/api/status", token).status for token in (old, new)] == [401, 200]


def test_two_commands_of_the_guide_rotate_secrets(deployed: Deployed) -> None:
    cloud, client = deployed.cloud, deployed.cloud.client("secretsmanager")
    old, key = deployed.token("ADMIN_SECRET"), deployed.token("INGEST_KEYS")
    reader = cloud.resource("ReaderSecret")
    before = client.get_secret_value(SecretId=reader)["SecretString"]
    # The admin's token is missing, so it is generated again; the viewer's is given.
    client.put_secret_value(SecretId=cloud.resource("AccessSecret"), SecretString='{"VIEWER_SECRET": "tv:a-token-for-the-wall"}')
    client.put_secret_value(SecretId=reader, SecretString="{}")
    cloud.sam_deploy(deployed.clone, deployed.secret_arn, "SecretsVersion=2")
    admin = deployed.token("ADMIN_SECRET")
    assert admin != old
    assert deployed.token("INGEST_KEYS") == key
    tokens = (old, admin, "a-token-for-the-wall")
    assert [cloud.call("GET", "/api/status", token).status for token in tokens] == [401, 200, 200]
    assert client.get_secret_value(SecretId=reader)["SecretString"] != before
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(before)


def test_a_deployment_whose_migrations_fail_is_rolled_back(deployed: Deployed) -> None:
    cloud = deployed.cloud
    url = "postgresql://callwatch:wrong@127.0.0.1:1/callwatch"
    broken = cloud.client("secretsmanager").create_secret(Name="callwatch-broken", SecretString=url)["ARN"]
    done = cloud.try_deploy(deployed.template, "--parameter", f"DatabaseUrlSecretArn={broken}")
    assert done.returncode == 1
    assert "cannot migrate the schema: DatabaseUnavailable" in done.stdout
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.call("GET", "/api/status", deployed.token("VIEWER_SECRET")).status == 200


def test_a_stack_refuses_another_stage_and_stays_as_it_was(deployed: Deployed) -> None:
    cloud = deployed.cloud
    before = cloud.resource("Logs"), deployed.secrets()
    done = cloud.try_sam(deployed.clone, "deploy", "--config-env", STAGE, "--parameter-overrides", "Stage=another")
    assert done.returncode == 1
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = cloud.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    assert any("Stage must stay staging in this stack" in event.get("ResourceStatusReason", "") for event in events)
    # The rollback wrote the policies of the template again.
    cloud.admit_batches()
    assert (cloud.resource("Logs"), deployed.secrets()) == before
    assert cloud.call("GET", "/api/status", deployed.token("VIEWER_SECRET")).status == 200


def test_rotated_database_password_restarts_functions(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = deployed.cloud
    act_in(cloud, monkeypatch)
    before = hash_secrets(STACK, [deployed.secret_arn])
    assert hash_secrets(STACK, [deployed.secret_arn]) == before
    cloud.client("secretsmanager").put_secret_value(SecretId=deployed.secret_arn, SecretString=deployed.database_url)
    assert hash_secrets(STACK, [deployed.secret_arn]) != before
    found = find(STACK)
    assert found
    assert found.parameters["DatabaseUrlSecretArn"] == deployed.secret_arn, "what is not given keeps its value"


def test_a_stack_that_never_came_up_is_not_deployed_over(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = deployed.cloud
    act_in(cloud, monkeypatch)
    client = cloud.client("cloudformation")
    plan = {"Resources": {"Database": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "db-1"}}}}
    client.create_change_set(StackName="watch-qa", ChangeSetName="a", ChangeSetType="CREATE", TemplateBody=json.dumps(plan))
    assert client.describe_stacks(StackName="watch-qa")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert find("watch-qa") is None, "a plan that nobody confirmed is no stack yet"
    client.create_stack(StackName="watch-dev", TemplateBody=json.dumps(plan))
    with pytest.raises(DeployError, match="remove it: aws cloudformation delete-stack --stack-name watch-dev"):
        _refuse_what_is_stuck(Stack("watch-dev", "ROLLBACK_FAILED", {}))
    with pytest.raises(DeployError, match="remove it: aws cloudformation delete-stack --stack-name none-such"):
        _refuse_what_is_stuck(Stack("none-such", "ROLLBACK_COMPLETE", {}))


def test_accepted_errors_are_rows_after_the_schedule_ran(deployed: Deployed, accepted: dict[str, int]) -> None:
    eventually(lambda: accepted.items() <= stored(deployed).items(), f"{accepted} in error_logs")
    groups = deployed.cloud.call("GET", "/api/errors", deployed.token("VIEWER_SECRET")).body["items"]
    assert accepted.items() <= {group["message"]: group["count"] for group in groups}.items()


def test_a_parameter_switches_the_parallel_digest_on(deployed: Deployed) -> None:
    cloud = deployed.cloud
    client = cloud.client("lambda")
    name, queue = cloud.resource("DigestErrors"), cloud.resource("ErrorQueue")
    assert client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"] == []
    cloud.deploy(deployed.template, "--parameter", "ParallelDigest=8")
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (500, 5)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    sqs = cloud.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(attributes["VisibilityTimeout"]) == 240
    assert int(json.loads(attributes["RedrivePolicy"])["maxReceiveCount"]) == 1_000
    event = json.loads((Path(__file__).resolve().parents[2] / "events" / "digest_errors.json").read_text())
    assert cloud.invoke("DigestErrors", event) == {"batchItemFailures": []}
    assert stored(deployed)["invalid input syntax for type uuid"] == 1
