"""The made network and database, created by moto's CloudFormation as far as moto goes.

moto deletes a VPC before what is in it, and forgets which subnet a route table belongs to: tests/deploy/test_order.py holds the
order of the deletion, tests/deploy/test_security.py the subnets.
"""

import ipaddress
import itertools
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.deploy.graph import make_plan
from tests.deploy.template import source

KINDS = ("AWS::EC2::", "AWS::RDS::")
# A rule of a security group for what goes out. docs/deployment.md names the command that proves it in an account.
UNKNOWN_TO_MOTO = {"FunctionsToDatabase"}
# No part of the network, but the database waits for it.
ALSO = ("DatabaseLogs",)


def cut_template() -> str:
    """Return the template's network and database as a template of its own, with the parameters' defaults in their place."""
    plan = make_plan()
    names = [name for name, entry in plan.resources.items() if entry["Type"].startswith(KINDS)] + list(ALSO)
    resources = insert_defaults({name: {**plan.resources[name], "Condition": None} for name in names})
    # moto resolves no secret in a Sub.
    resources["Database"]["Properties"] |= {"MasterUsername": "callwatch", "MasterUserPassword": "0123456789abcdef"}
    # moto's parameter group has no id to refer to.
    del resources["Database"]["Properties"]["DBParameterGroupName"]
    for resource in resources.values():
        del resource["Condition"]
    return json.dumps({"Resources": resources})


def insert_defaults(value: Any) -> Any:
    """Return a value with each reference to a parameter replaced: moto takes none as the index of a Select."""
    if isinstance(value, list):
        return [insert_defaults(item) for item in value]
    if not isinstance(value, dict):
        return value.replace("${Stage}", "dev") if isinstance(value, str) else value
    if set(value) == {"Ref"} and value["Ref"] in source()["Parameters"]:
        return source()["Parameters"][value["Ref"]]["Default"]
    resolved = {key: insert_defaults(item) for key, item in value.items()}
    if set(value) == {"Fn::Cidr"}:
        # moto does not know it: blocks with that number of bits for hosts, as CloudFormation computes them.
        block, count, bits = resolved["Fn::Cidr"]
        blocks = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
        return [str(found) for found in itertools.islice(blocks, int(count))]
    return resolved


@pytest.fixture(scope="module")
def stack() -> Iterator[dict[str, str]]:
    """Yield the physical ids of the created resources, which the tests only read."""
    with mock_aws():
        client = boto3.client("cloudformation", region_name="us-east-1")
        client.create_stack(StackName="network", TemplateBody=cut_template())
        (found,) = client.describe_stacks(StackName="network")["Stacks"]
        assert found["StackStatus"] == "CREATE_COMPLETE"
        listed = client.list_stack_resources(StackName="network")["StackResourceSummaries"]
        # moto lists one more entry, without a name.
        yield {entry["LogicalResourceId"]: entry["PhysicalResourceId"] for entry in listed if entry["LogicalResourceId"]}


def test_moto_creates_the_whole_network(stack: dict[str, str]) -> None:
    expected = {name for name, entry in make_plan().resources.items() if entry["Type"].startswith(KINDS)} | set(ALSO)
    assert set(stack) == expected - UNKNOWN_TO_MOTO


def test_private_subnets_reach_out_only_through_nat(stack: dict[str, str]) -> None:
    ec2 = boto3.client("ec2")
    tables = ec2.describe_route_tables(RouteTableIds=[stack["PrivateRoutes"], stack["PublicRoutes"]])["RouteTables"]
    routes: dict[str, Any] = {table["RouteTableId"]: table for table in tables}
    private, public = routes[stack["PrivateRoutes"]], routes[stack["PublicRoutes"]]
    ways = [route for route in private["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    assert [route.get("NatGatewayId") for route in ways] == [stack["NatGateway"]]
    ways = [route for route in public["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
    assert [route.get("GatewayId") for route in ways] == [stack["InternetGateway"]]


def test_subnets_lie_apart_in_two_zones(stack: dict[str, str]) -> None:
    names = ("PublicSubnet", "PrivateSubnetA", "PrivateSubnetB")
    found = boto3.client("ec2").describe_subnets(SubnetIds=[stack[name] for name in names])["Subnets"]
    assert sorted(subnet["CidrBlock"] for subnet in found) == ["10.42.0.0/26", "10.42.0.128/26", "10.42.0.64/26"]
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in found}
    assert zones[stack["PrivateSubnetA"]] != zones[stack["PrivateSubnetB"]]


def test_only_the_functions_group_enters_the_database(stack: dict[str, str]) -> None:
    found = boto3.client("ec2").describe_security_groups(GroupIds=[stack["DatabaseGroup"]])["SecurityGroups"]
    (rule,) = found[0]["IpPermissions"]
    assert (rule["FromPort"], rule["ToPort"]) == (5432, 5432)
    assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [stack["FunctionGroup"]]
    assert rule["IpRanges"] == []


def test_database_is_private_encrypted_and_not_yet_protected(stack: dict[str, str]) -> None:
    (found,) = boto3.client("rds").describe_db_instances()["DBInstances"]
    assert (found["DBInstanceIdentifier"], found["PubliclyAccessible"]) == ("callwatch-dev", False)
    assert found["StorageEncrypted"] is True
    assert found["DeletionProtection"] is False
