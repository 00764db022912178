"""First creation, update and deletion of the stack in order, with each set of parameters that changes its resources."""

import itertools
from typing import Any

import pytest

from tests.deploy.graph import Plan, make_plan, render
from tests.deploy.template import source

BROUGHT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-AbCdEf"
VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "a database that exists": {"DatabaseUrlSecretArn": BROUGHT},
    "one in a network": {"DatabaseUrlSecretArn": BROUGHT, "VpcSubnetIds": "subnet-1,subnet-2", "VpcSecurityGroupIds": "sg-1"},
    "with a proxy": {"UseDatabaseProxy": "yes"},
    "behind CloudFront": {"OnlyThroughCloudFront": "yes", "WebAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/b"},
    "without logs of the edge": {"EdgeLogs": "no"},
    "with an archive that exists": {"ArchiveBucket": "archive"},
    "with a domain": {"DomainName": "ops.example.com", "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"},
    "for an operator": {"OperatorEmail": "ops@example.com"},
    "the small profile": {"Profile": "small", "DatabaseUrlSecretArn": BROUGHT},
    "with one address for all alerts": {"AlertEmail": "ops@example.com"},
    "with eight digests at once": {"ParallelDigest": "8"},
    "with sign-in by OpenID Connect": {"OidcIssuer": "https://issuer.example/realm", "OidcTokenOrigin": "https://token.example"},
    "with a table for Athena": {"AthenaTable": "yes"},
    "with shifted traffic": {"TrafficShifting": "Canary10Percent5Minutes"},
    "with a boundary": {"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/limits"},
}
plans = pytest.mark.parametrize("parameters", VARIANTS.values(), ids=VARIANTS)
# What an action of a function's role changes or reads must exist before a custom resource invokes the function.
CUSTOM = "AWS::CloudFormation::CustomResource"


def of_kind(plan: Plan, kind: str) -> dict[str, Any]:
    return {name: entry.get("Properties", {}) for name, entry in plan.resources.items() if entry["Type"] == kind}


def invoked_function(plan: Plan, name: str) -> str:
    return str(plan.resources[name]["Properties"]["ServiceToken"]["Fn::GetAtt"][0])


@plans
def test_every_reference_leads_to_a_resource_that_exists(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    missing = {name: sorted(needs - set(plan.resources)) for name, needs in plan.needs.items() if needs - set(plan.resources)}
    assert missing == {}


@plans
def test_stack_has_an_order_without_a_circle(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    assert set(plan.list_creation_order()) == set(plan.resources)


@plans
def test_custom_resources_find_what_they_need(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    for name in of_kind(plan, CUSTOM):
        before = plan.find_all_needs(name)
        function = invoked_function(plan, name)
        role = plan.resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]
        assert {function, role} <= before
        # Its policies are part of the role, so they are there; and what they name exists.
        assert plan.needs[role] <= before, name
        assert not [
            entry for entry in plan.resources.values() if entry["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
        ]
        if "VpcConfig" in plan.resources[function]["Properties"] and "Vpc" in plan.resources:
            ways = {"PrivateDefaultRoute", "PrivateRoutesA", "PrivateRoutesB", "StorageEndpoint", "NatGateway"}
            assert ways | {"PublicDefaultRoute", "FunctionsToDatabase", "DatabaseFromFunctions"} <= before


@plans
def test_no_function_starts_before_its_secrets_are_filled(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    for name in of_kind(plan, "AWS::Lambda::Function"):
        if name != "MakeSecrets":
            assert "FilledSecrets" in plan.find_all_needs(name), name


@plans
def test_functions_with_a_database_wait_for_migrations(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    readers = {n for n, f in of_kind(plan, "AWS::Lambda::Function").items() if "DATABASE_URL" in f["Environment"]["Variables"]}
    assert len(readers) > 20
    for name in readers - {"Migrate"}:
        assert "Migrations" in plan.needs[name], name
    if "Database" in plan.resources:
        assert {"Database", "DatabaseSecretTarget"} <= plan.find_all_needs("Migrations")


@plans
def test_ingest_needs_neither_network_nor_database(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    for name in (
        "Authorize",
        "IngestErrors",
        "IngestRequests",
        "IngestAccess",
        "IngestEnvelope",
        "IngestCheckIn",
        "IngestExternal",
    ):
        needed = plan.find_all_needs(name)
        if parameters.get("UseDatabaseProxy") != "yes":
            assert not {n for n in needed if plan.resources[n]["Type"].startswith(("AWS::EC2::", "AWS::RDS::"))}, name


@plans
def test_database_is_guarded_last_and_released_first(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    if "Database" not in plan.resources:
        assert "GuardedDatabase" not in plan.resources
        return
    before = plan.find_all_needs("GuardedDatabase")
    # What can fail slowly stands before the protection; everything else is deleted after the release.
    assert {"Migrations", "PublishedPage", "Distribution", "Api", "RunMonitor", "DigestCritical", "DigestErrors"} <= before
    assert not [name for name, needs in plan.needs.items() if "GuardedDatabase" in needs]


@plans
def test_buckets_are_emptied_after_their_writers_are_gone(parameters: dict[str, str]) -> None:
    plan = make_plan(**parameters)
    emptied = {given["Bucket"]["Ref"]: name for name, given in of_kind(plan, CUSTOM).items() if "OnDelete" in given}
    assert set(emptied) == set(of_kind(plan, "AWS::S3::Bucket"))
    # Deletion is the reverse of creation: a writer that needs the emptier is deleted before it acts.
    assert emptied["PageBucket"] in plan.find_all_needs("PublishedPage")
    if "EdgeLogsBucket" in plan.resources:
        assert emptied["EdgeLogsBucket"] in plan.find_all_needs("Distribution")
    for bucket, name in emptied.items():
        assert bucket in plan.find_all_needs(name)


@plans
def test_update_republishes_what_changed_and_nothing_else(parameters: dict[str, str]) -> None:
    given = of_kind(make_plan(**parameters), CUSTOM)
    # A layer's id changes with its content, and with it the property: CloudFormation sends an update.
    assert "PageLayer" in render(given["PublishedPage"]["Page"])
    assert "CallwatchLayer" in render(given["Migrations"]["Layer"])
    assert given["FilledSecrets"]["SecretsVersion"] == {"Ref": "SecretsVersion"}
    assert not [name for name, properties in given.items() if "CommitSha" in render(properties)]


def test_variants_cover_every_condition() -> None:
    decided: dict[str, set[bool]] = {}
    for parameters in VARIANTS.values():
        plan = make_plan(**parameters)
        for name, resource in source()["Resources"].items():
            if "Condition" in resource:
                decided.setdefault(resource["Condition"], set()).add(name in plan.resources)
    assert decided
    assert {name for name, values in decided.items() if values != {True, False}} == set()


@pytest.mark.parametrize(("first", "second"), list(itertools.pairwise(VARIANTS.values())))
def test_change_of_parameters_never_replaces_the_database(first: dict[str, str], second: dict[str, str]) -> None:
    plans_of_both = [make_plan(**first), make_plan(**second)]
    if not all("Database" in plan.resources for plan in plans_of_both):
        return
    names = [plan.resources["Database"]["Properties"] for plan in plans_of_both]
    kept = ("DBInstanceIdentifier", "DBName", "MasterUsername", "StorageEncrypted", "DBSubnetGroupName")
    assert [names[0][key] for key in kept] == [names[1][key] for key in kept]
