"""Each function's policy and environment against what its code can reach: nothing missing, nothing unused."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from callwatch.settings import VARIABLES, Settings
from tests.deploy.reach import reach_of
from tests.deploy.template import as_list, source

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS: dict[str, dict[str, Any]] = {
    resource["Properties"]["Handler"].partition(".")[0]: resource["Properties"]
    for resource in source()["Resources"].values()
    if resource["Type"] == "AWS::Serverless::Function"
}

# What AWS asks for before it does what boto3's method of that name does; a batch needs the same as one message.
ACTIONS = {
    "send_message": "sqs:SendMessage",
    "send_message_batch": "sqs:SendMessage",
    "receive_message": "sqs:ReceiveMessage",
    "delete_message_batch": "sqs:DeleteMessage",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "publish": "sns:Publish",
    "get_parameter": "ssm:GetParameter",
    "get_secret_value": "secretsmanager:GetSecretValue",
}
# What Lambda does in a function's name for the queue that invokes it.
OF_AN_EVENT_SOURCE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
INVOKED_BY_A_QUEUE = {"digest_critical"}

# Health as an anonymous caller would get it: what was stored.
STORED_RESULTS_ONLY = {"get_metrics_prometheus"}

# Every function has these from Globals; the layer decides what each of them reads.
COMMON = set(source()["Globals"]["Function"]["Environment"]["Variables"])
VARIABLE_OF = {variable.name.lower(): variable.name for variable in VARIABLES}
# Settings with a sound value of their own that no deployment sets.
LEFT_ALONE = {"cors_origins"}


def environment(name: str) -> dict[str, Any]:
    return dict(FUNCTIONS[name].get("Environment", {}).get("Variables", {}))


def statements(name: str) -> list[tuple[str, str]]:
    """(action, resource as text) of each grant."""
    found = []
    for policy in FUNCTIONS[name].get("Policies", []):
        for statement in policy["Statement"]:
            for action in as_list(statement["Action"]):
                found += [(action, text_of(resource)) for resource in as_list(statement["Resource"])]
    return found


def text_of(value: Any) -> str:
    """The logical ids and fixed parts of a value."""
    return re.sub(r"[^\w/.:-]+", " ", str(value))


def needed_actions(name: str) -> set[str]:
    found = {action for method, action in ACTIONS.items() if method in reach_of(name).attributes}
    given = " ".join(text_of(value) for value in environment(name).values())
    if "Secret" not in given:
        found.discard("secretsmanager:GetSecretValue")
    if "ssm:" not in given:
        found.discard("ssm:GetParameter")
    return found | (OF_AN_EVENT_SOURCE if name in INVOKED_BY_A_QUEUE else set())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_policy_grants_what_the_code_calls_and_nothing_else(name: str) -> None:
    assert {action for action, _resource in statements(name)} == needed_actions(name)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_policy_names_what_the_environment_names_and_nothing_else(name: str) -> None:
    given = " ".join(text_of(value) for value in [*environment(name).values(), *source_globals()])
    granted = " ".join(resource for _action, resource in statements(name))
    for resource in ("AccessSecret", "IngestSecret", "VendorSecret", "ChannelSecret", "DatabaseSecretTarget", "app-url"):
        assert (resource in granted) == (resource in given), resource
    for resource in ("ProductDatabaseUrlSecretArn", "AlertTopic", "DeadLetterQueue"):
        assert resource not in granted or resource in given, resource


def source_globals() -> list[Any]:
    return list(source()["Globals"]["Function"]["Environment"]["Variables"].values())


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_dead_letters_are_within_reach_of_those_alone_who_handle_them(name: str) -> None:
    reached = {action for action, resource in statements(name) if "DeadLetterQueue" in resource}
    assert bool(reached) == ("DEAD_LETTER_QUEUE_URL" in environment(name))


def test_each_queue_is_emptied_by_one_function_alone() -> None:
    emptied = {
        name: {
            resource.split()[-2] for action, resource in statements(name) if action in ("sqs:ReceiveMessage", "sqs:DeleteMessage")
        }
        for name in FUNCTIONS
    }
    assert {name: queues for name, queues in emptied.items() if queues} == {
        "run_monitor": {"ErrorQueue"},
        "digest_critical": {"CriticalQueue"},
        "redrive": {"DeadLetterQueue"},
    }


def needed_variables(name: str) -> set[str]:
    reach = reach_of(name)
    names = {field.name for field in fields(Settings)} & reach.fields - LEFT_ALONE
    if ("callwatch.db.pool", "product_connection") not in reach.symbols:
        # The pool's code knows both databases; this function asks for its own alone.
        names.discard("product_database_url")
    if ("callwatch.checks.run", "at_once") not in reach.symbols or name in STORED_RESULTS_ONLY:
        # Only the names of the checked services are asked for, no probe is made.
        names -= {name for name in names if name.startswith(("deepgram_", "openai_", "convoso_"))}
    if not name.startswith("ingest_"):
        # Our own errors name no users.
        names.discard("user_hash_key")
    elif "user_hash_key" in names and "USER_HASH_KEY" in environment(name):
        # It is derived from them where it is not given.
        names.add("ingest_keys")
    if name == "ingest_requests":
        # A request names no user either.
        names -= {"user_hash_key", "ingest_keys"}
    return {VARIABLE_OF[name] for name in names}


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_the_environment_holds_what_the_code_reads_and_nothing_else(name: str) -> None:
    needed = needed_variables(name)
    assert needed <= set(environment(name)) | COMMON
    assert set(environment(name)) <= needed


def test_every_call_to_aws_is_one_that_the_test_of_policies_knows() -> None:
    unknown = []
    for path in sorted((ROOT / "shared" / "callwatch").rglob("*.py")):
        for method in re.findall(r"(?:sqs|_client\([^)]*\)|client)\.([a-z_]+)\(", path.read_text()):
            unknown += [f"{path.name}: {method}"] if method not in {*ACTIONS, "cache_clear", "close"} else []
    assert not unknown
