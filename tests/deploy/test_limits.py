"""The stack fits into the quotas of AWS that no account can raise, or that a new account has."""

import json
import re
from typing import Any

import pytest

from tests.deploy.graph import make_plan
from tests.deploy.template import ROOT, of_type, source, transformed

# CloudFormation: resources of a stack, and bytes of a template in S3.
MAX_RESOURCES, MAX_TEMPLATE_BYTES = 500, 1_000_000
# API Gateway: routes and integrations of one HTTP API.
MAX_ROUTES = 300
# Lambda: names and values of all variables of a function; layers and files have limits of their own in test_build.py.
MAX_ENVIRONMENT_BYTES = 4_096
# What the parameters of one deployment may use of it together.
FOR_PARAMETERS = 1_100
# Physical ids as long as AWS makes them, for a stage of 20 characters.
STAGE = "s" * 20
STACK = f"callwatch-{STAGE}"
ACCOUNT = "123456789012"
REGION = "ap-southeast-2"
EXISTING = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{STACK}-database-AbCdEf"


def render_id(name: str) -> str:
    """Return what Ref or a GetAtt of an id gives for a resource: as long as in AWS."""
    resource = transformed()["Resources"].get(name, {"Type": ""})
    kind, tail = resource["Type"], "ABCDEFGHIJKL"
    if kind == "AWS::SecretsManager::Secret":
        return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{tail}-AbCdEf"
    if kind == "AWS::SQS::Queue":
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-{name}-{tail}"
    if kind == "AWS::SNS::Topic":
        return f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-{name}-{tail}"
    # S3 takes 63 characters, and CloudFormation shortens a bucket's name to that.
    return f"{STACK}-{name.lower()}-{tail.lower()}"[:63]


def render(value: Any, given: dict[str, str]) -> str:
    """Return the text of a variable as AWS would have it."""
    if not isinstance(value, dict):
        return str(value)
    ((intrinsic, argument),) = value.items()

    def find(name: str) -> str:
        name = name.partition(".")[0]
        return given[name] if name in given else render_id(name)

    if intrinsic == "Ref":
        return find(argument)
    if intrinsic == "Fn::GetAtt":
        return find(argument[0] if isinstance(argument, list) else argument)
    if intrinsic == "Fn::Join":
        parts = argument[1] if isinstance(argument[1], list) else given["CorsOrigins"].split(",")
        return str(argument[0].join(render(part, given) for part in parts))
    assert intrinsic == "Fn::Sub", intrinsic
    return re.sub(r"\$\{([A-Za-z.:]+)\}", lambda found: find(found[1]), argument)


def measure_environments(**parameters: str) -> dict[str, int]:
    """Return by function how many bytes its variables have."""
    plan = make_plan(Stage=STAGE, **parameters)
    given = {name: str(entry.get("Default", "")) for name, entry in source()["Parameters"].items()}
    given |= {"Stage": STAGE, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", **parameters}
    functions = {name: entry for name, entry in plan.resources.items() if entry["Type"] == "AWS::Lambda::Function"}
    return {
        name: sum(len(key) + len(render(value, given)) for key, value in entry["Properties"]["Environment"]["Variables"].items())
        for name, entry in functions.items()
    }


@pytest.mark.parametrize("parameters", [{}, {"TrafficShifting": "Canary10Percent5Minutes"}], ids=["at once", "shifting"])
def test_stack_has_room_for_more_functions(parameters: dict[str, str]) -> None:
    found = transformed(**parameters)
    # A function with a GET route is four resources: itself, its role, and two permissions. False conditions count, too.
    assert len(found["Resources"]) <= MAX_RESOURCES - 10 * 4
    assert len(json.dumps(found)) < MAX_TEMPLATE_BYTES


def test_routes_fit_into_one_api() -> None:
    (api,) = of_type("AWS::ApiGatewayV2::Api").values()
    assert sum(len(methods) for methods in api["Body"]["paths"].values()) <= MAX_ROUTES


@pytest.mark.parametrize("parameters", [{}, {"DatabaseUrlSecretArn": EXISTING}, {"OnlyThroughCloudFront": "yes"}])
def test_variables_of_each_function_fit_into_4_kb(parameters: dict[str, str]) -> None:
    found = measure_environments(**parameters)
    assert len(found) > 70
    assert {name: size for name, size in found.items() if size > MAX_ENVIRONMENT_BYTES - FOR_PARAMETERS} == {}


def test_guide_names_the_room_that_is_left() -> None:
    assert f"leave {FOR_PARAMETERS:,} characters" in (ROOT / "docs" / "deployment.md").read_text()
