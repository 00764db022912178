"""The policy and environment of each function against what its code can reach: nothing missing, nothing unused."""

import re
from pathlib import Path
from typing import Any

import pytest

from callwatch.settings import VARIABLES
from tests.deploy.reach import compute_reach, load
from tests.deploy.template import as_list, source

ROOT = Path(__file__).resolve().parents[2]
RESOURCES: dict[str, dict[str, Any]] = {name: {"Properties": {}, **resource} for name, resource in source()["Resources"].items()}
FUNCTIONS: dict[str, dict[str, Any]] = {
    resource["Properties"]["Handler"].partition(".")[0]: resource["Properties"]
    for resource in source()["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
}

# The actions that AWS checks for boto3's method of that name; a batch needs the same as one message.
ACTIONS: dict[str, tuple[str, ...]] = {
    "send_message": ("sqs:SendMessage",),
    "send_message_batch": ("sqs:SendMessage",),
    "receive_message": ("sqs:ReceiveMessage",),
    "delete_message_batch": ("sqs:DeleteMessage",),
    "change_message_visibility_batch": ("sqs:ChangeMessageVisibility",),
    "get_queue_attributes": ("sqs:GetQueueAttributes",),
    "publish": ("sns:Publish",),
    "put_object": ("s3:PutObject",),
    "get_object": ("s3:GetObject",),
    # Without the list, S3 answers 403 for an object that is not there.
    "head_object": ("s3:GetObject", "s3:ListBucket"),
    "delete_object": ("s3:DeleteObject",),
    "delete_objects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "list_objects_v2": ("s3:ListBucket",),
    "list_object_versions": ("s3:ListBucketVersions",),
    "get_bucket_ownership_controls": ("s3:GetBucketOwnershipControls",),
    "put_bucket_acl": ("s3:PutBucketAcl",),
    "delete_bucket": ("s3:DeleteBucket",),
    "create_invalidation": ("cloudfront:CreateInvalidation",),
    "get_parameter": ("ssm:GetParameter",),
    "get_secret_value": ("secretsmanager:GetSecretValue",),
    "put_secret_value": ("secretsmanager:PutSecretValue",),
    "describe_alarms": ("cloudwatch:DescribeAlarms",),
    "describe_stacks": ("cloudformation:DescribeStacks",),
    "describe_stack_resource": ("cloudformation:DescribeStackResource",),
    "modify_db_instance": ("rds:ModifyDBInstance",),
    "describe_db_instances": ("rds:DescribeDBInstances",),
    "create_db_snapshot": ("rds:CreateDBSnapshot",),
    "describe_db_snapshots": ("rds:DescribeDBSnapshots",),
}
# What Lambda does with the function's role for the queue that invokes it.
OF_AN_EVENT_SOURCE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
INVOKED_BY_A_QUEUE = {"digest_critical", "digest_errors"}

# What treats an object that is not there apart from a store that does not respond.
DISTINGUISHES_MISSING = {("callwatch.payloads.read", "read_payloads"), ("callwatch.payloads.erase", "erase_payloads")}

# Health for anonymous callers: the stored one.
STORED_RESULTS_ONLY = {"get_metrics_prometheus"}

# Every function has these from Globals; the layer decides what each of them reads.
COMMON = set(source()["Globals"]["Function"]["Environment"]["Variables"])
VARIABLE_OF = {variable.name.lower(): variable.name for variable in VARIABLES}
# Variables whose values share one variable.
KEPT_IN = {variable.name: variable.kept_in for variable in VARIABLES}
# Settings with a usable default that no deployment sets.
LEFT_ALONE = {"commit_sha"}
# Read by none of the monitor's own work, but judged: of all functions it alone says when a setting cannot be used.
JUDGED = {"run_monitor": {"OIDC_ISSUER", "OIDC_AUDIENCE", "OIDC_ROLES"}}


def environment(name: str) -> dict[str, Any]:
    return dict(FUNCTIONS[name].get("Environment", {}).get("Variables", {}))


def requested(name: str) -> list[Any]:
    """Return what custom resources pass to a function; what is only hashed names nothing that it reads."""
    logical_id = next(
        found for found, resource in RESOURCES.items() if resource["Properties"].get("Handler") == f"{name}.lambda_handler"
    )
    return [
        value
        for resource in RESOURCES.values()
        if resource["Properties"].get("ServiceToken") == {"Fn::GetAtt": [logical_id, "Arn"]}
        and "Configuration" not in resource["Properties"]
        for value in resource["Properties"].values()
    ]


def statements(name: str) -> list[tuple[str, str]]:
    """Return (action, resource as text) of each grant."""
    found = []
    for policy in FUNCTIONS[name].get("Policies", []):
        for entry in policy["Statement"]:
            statement = entry["Fn::If"][1] if "Fn::If" in entry else entry
            for action in as_list(statement["Action"]):
                found += [(action, render_text(resource)) for resource in as_list(statement["Resource"])]
    return found


def render_text(value: Any) -> str:
    """Return the logical ids and fixed parts of a value."""
    return re.sub(r"[^\w/.:-]+", " ", str(value))


def needed_actions(name: str) -> set[str]:
    reached = compute_reach(name).attributes
    found = {action for method, actions in ACTIONS.items() if method in reached for action in actions}
    given = " ".join(render_text(value) for value in [*environment(name).values(), *requested(name)])
    if not re.search("Secret(?!sVersion)", given):
        found.discard("secretsmanager:GetSecretValue")
    if "ssm:" not in given and "COMMIT_PARAMETER" not in environment(name):
        found.discard("ssm:GetParameter")
    if ("callwatch.alerts.notifications.channels.mail.ses", "send") in compute_reach(name).symbols:
        # Signed by our own code, so that no method of boto3 has its name.
        found.add("ses:SendEmail")
    if DISTINGUISHES_MISSING & compute_reach(name).symbols:
        found.add("s3:ListBucket")
    return found | (OF_AN_EVENT_SOURCE if name in INVOKED_BY_A_QUEUE else set())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_policy_grants_what_the_code_calls_and_nothing_else(name: str) -> None:
    assert {action for action, _resource in statements(name)} == needed_actions(name)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_policy_names_exactly_what_the_environment_names(name: str) -> None:
    given = " ".join(render_text(value) for value in [*environment(name).values(), *source_globals(), *requested(name)])
    granted = " ".join(resource for _action, resource in statements(name))
    for resource in ("AccessSecret", "IngestSecret", "VendorSecret", "ChannelSecret", "DatabaseSecretTarget", "app-url"):
        assert (resource in granted) == (resource in given), resource
    for resource in ("ProductDatabaseUrlSecretArn", "AlertTopic", "DeadLetterQueue"):
        assert resource not in granted or resource in given, resource


def source_globals() -> list[Any]:
    return list(source()["Globals"]["Function"]["Environment"]["Variables"].values())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_only_their_handlers_can_reach_dead_letters(name: str) -> None:
    reached = {action for action, resource in statements(name) if "DeadLetterQueue" in resource}
    assert bool(reached) == ("DEAD_LETTER_QUEUE_URL" in environment(name))


def test_each_queue_is_emptied_by_few_functions() -> None:
    emptied: dict[str, set[str]] = {}
    for name in FUNCTIONS:
        for action, resource in statements(name):
            if action in ("sqs:ReceiveMessage", "sqs:DeleteMessage"):
                emptied.setdefault(name, set()).update(re.findall(r"\w+Queue\b", resource))
    # The monitor drains the errors, and archives messages of any queue that are about to expire.
    assert emptied == {
        "run_monitor": {"ErrorQueue", "CriticalQueue", "DeadLetterQueue"},
        "digest_critical": {"CriticalQueue"},
        "digest_errors": {"ErrorQueue"},
        "redrive": {"DeadLetterQueue"},
    }


def needed_variables(name: str) -> set[str]:
    reach = compute_reach(name) if "DATABASE_URL" in environment(name) else compute_reach(name, has_database=False)
    names = VARIABLE_OF.keys() & reach.fields - LEFT_ALONE
    if ("callwatch.db.connections.lend", "product_connection") not in reach.symbols:
        # The pool's code knows both databases; this function uses only its own.
        names.discard("product_database_url")
    if ("callwatch.checks.run", "run_at_once") not in reach.symbols or name in STORED_RESULTS_ONLY:
        # Only the names of the checked services are read; no probe runs.
        names -= {name for name in names if name.startswith(("deepgram_", "openai_", "convoso_"))}
    if not name.startswith("ingest_") and name != "list_access":
        # Our own errors contain no users.
        names.discard("user_hash_key")
    elif "user_hash_key" in names and "USER_HASH_KEY" in environment(name):
        # It is derived from them if it is not set.
        names.add("ingest_keys")
    if name in ("ingest_requests", "ingest_check_in", "ingest_external"):
        # Neither requests nor check-ins nor alerts contain a user.
        names.discard("user_hash_key")
    return {KEPT_IN.get(VARIABLE_OF[name]) or VARIABLE_OF[name] for name in names}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_environment_holds_exactly_what_the_code_reads(name: str) -> None:
    needed = needed_variables(name)
    assert needed <= set(environment(name)) | COMMON
    # A function may override Globals.
    surplus = set(environment(name)) - set(source()["Globals"]["Function"]["Environment"]["Variables"]) - needed
    assert surplus == JUDGED.get(name, set())


def test_monitor_judges_every_setting_that_disables_a_part() -> None:
    judged = set(environment("run_monitor")) | COMMON
    parts = {variable.name: variable.kept_in or variable.name for variable in VARIABLES if variable.affects}
    elsewhere = set().union(*(environment(name) for name in FUNCTIONS)) - judged
    assert not {name for name, place in parts.items() if place in elsewhere}


def test_every_aws_call_is_known_to_the_policy_test() -> None:
    known = {*ACTIONS, "cache_clear", "close", *load("callwatch.sqs").definitions}
    unknown = []
    for path in sorted((ROOT / "shared" / "callwatch").rglob("*.py")):
        for method in re.findall(r"(?:sqs|_client\([^)]*\)|client)\.([a-z_]+)\(", path.read_text()):
            unknown += [f"{path.name}: {method}"] if method not in known else []
    assert not unknown
