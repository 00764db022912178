"""The rules of the template refuse parameters that contradict each other or would silently do nothing."""

from typing import Any

import pytest

from tests.deploy.template import as_list, source
from tests.deploy.test_order import BROUGHT, VARIANTS

SUBNETS = {"DatabaseUrlSecretArn": BROUGHT, "VpcSubnetIds": "subnet-1"}
MAIL = {"AlertEmailTo": "a@example.com", "AlertEmailFrom": "b@example.com"}
ISSUER = {"OidcIssuer": "https://issuer.example", "OidcAudience": "page", "OidcRoles": "groups:ops=admin"}


def is_true(value: Any, given: dict[str, str]) -> Any:
    if not isinstance(value, dict):
        return str(value)
    ((name, argument),) = value.items()
    if name == "Ref":
        return given[argument]
    operands = [is_true(part, given) for part in as_list(argument)]
    assert name in ("Fn::Equals", "Fn::Not"), name
    return not operands[0] if name == "Fn::Not" else operands[0] == operands[1]


def list_refusals(**parameters: str) -> list[str]:
    """Return the descriptions of the assertions that fail, as CloudFormation reports the first of them."""
    given = {name: str(entry.get("Default", "")) for name, entry in source()["Parameters"].items()} | parameters
    return [
        entry["AssertDescription"]
        for rule in source()["Rules"].values()
        if is_true(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}), given)
        for entry in rule["Assertions"]
        if not is_true(entry["Assert"], given)
    ]


@pytest.mark.parametrize("parameters", VARIANTS.values(), ids=VARIANTS)
def test_what_the_guide_offers_is_accepted(parameters: dict[str, str]) -> None:
    completed = {**ISSUER, **parameters} if "OidcIssuer" in parameters else parameters
    assert list_refusals(**completed) == []


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"Profile": "small"}, "DatabaseUrlSecretArn"),
        ({"Profile": "small", **SUBNETS, "VpcSecurityGroupIds": "sg-1"}, "VpcSubnetIds"),
        ({"VpcSubnetIds": "subnet-1", "VpcSecurityGroupIds": "sg-1"}, "DatabaseUrlSecretArn"),
        (SUBNETS, "VpcSecurityGroupIds"),
        ({"DatabaseUrlSecretArn": BROUGHT, "VpcSecurityGroupIds": "sg-1"}, "VpcSubnetIds"),
        ({"DatabaseUrlSecretArn": BROUGHT, "UseDatabaseProxy": "yes"}, "UseDatabaseProxy"),
        ({"DatabaseUrlSecretArn": BROUGHT, "DatabaseMultiAz": "yes"}, "DatabaseMultiAz"),
        ({"FirstZone": "2", "SecondZone": "2"}, "SecondZone"),
        ({"AlertEmailTo": MAIL["AlertEmailTo"]}, "AlertEmailFrom"),
        ({"AlertEmailFrom": MAIL["AlertEmailFrom"]}, "AlertEmailTo"),
        ({"IndexDays": "30"}, "PayloadStore"),
        ({"DomainName": "ops.example.com"}, "CertificateArn"),
        ({"OidcIssuer": ISSUER["OidcIssuer"], "OidcRoles": ISSUER["OidcRoles"]}, "OidcAudience"),
        ({"OidcIssuer": ISSUER["OidcIssuer"], "OidcAudience": ISSUER["OidcAudience"]}, "OidcRoles"),
    ],
)
def test_contradictions_are_refused_before_anything_is_made(parameters: dict[str, str], named: str) -> None:
    (refusal,) = list_refusals(**parameters)
    assert named in refusal
