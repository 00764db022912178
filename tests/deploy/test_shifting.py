"""Traffic shifting: which functions have an alias, that everything calls it, and that each change publishes a version."""

import itertools
import json
import re
from typing import Any

import pytest
from samtranslator.model.preferences.deployment_preference_collection import CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST

from tests.deploy.template import list_references, of_type, source, transformed

KINDS = [kind for kind in source()["Parameters"]["TrafficShifting"]["AllowedValues"] if kind != "None"]
ON = {"TrafficShifting": "Canary10Percent5Minutes"}
# Each with the resource that hashes what its configuration refers to.
SHIFTED = {
    **dict.fromkeys(("Authorize", *(f"Ingest{what}" for what in ("Errors", "Requests", "Access", "Envelope"))), "Ingest"),
    **dict.fromkeys(("IngestCheckIn", "IngestExternal", "IngestVercel"), "Ingest"),
    "GetOverview": "Overview",
    **dict.fromkeys(("RunMonitor", "DigestCritical", "DigestErrors"), "Monitor"),
}
# What never changes the configuration of a function's version: its name, its role without a name, and what is the
# function's and not a version's.
OF_THE_FUNCTION = ("Role", "ReservedConcurrentExecutions", "Description")


def list_named(value: Any) -> set[str]:
    return {name for name in list_references(value, source()["Conditions"]) if not name.startswith("AWS::")}


def find_all(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: entry for name, entry in resources.items() if entry["Type"] == kind}


def test_shifted_functions_have_an_alias_in_both_states() -> None:
    for parameters in ({}, ON):
        found = find_all(transformed(**parameters)["Resources"], "AWS::Lambda::Alias")
        assert {name.removesuffix("Aliaslive") for name in found if name.endswith("Aliaslive")} == set(SHIFTED)


def test_off_needs_nothing_of_codedeploy() -> None:
    assert source()["Parameters"]["TrafficShifting"]["Default"] == "None"
    resources = transformed()["Resources"]
    assert not [name for name, entry in resources.items() if entry["Type"].startswith("AWS::CodeDeploy::")]
    assert not [name for name, entry in resources.items() if "UpdatePolicy" in entry]
    only_on = ("NewIngestVersionsAlarm", "NewWorkVersionsAlarm", "ShiftRole")
    assert {resources[name]["Condition"] for name in only_on} == {"ShiftsTraffic"}


def test_each_way_is_one_of_codedeploys() -> None:
    # A name that SAM does not know would be taken for a configuration of one's own.
    assert set(KINDS) < set(CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST)
    is_on = {kind: entry["IsOn"] for kind, entry in source()["Mappings"]["Shifting"].items()}
    assert is_on == {"None": "false", **dict.fromkeys(KINDS, "true")}


def test_each_alias_shifts_and_goes_back_on_alarms() -> None:
    resources = transformed(**ON)["Resources"]
    for name in SHIFTED:
        policy = resources[f"{name}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy["DeploymentGroupName"] == {"Ref": f"{name}DeploymentGroup"}
        group = resources[f"{name}DeploymentGroup"]["Properties"]
        assert group["DeploymentConfigName"]["Fn::Sub"][1] == {"ConfigName": ON["TrafficShifting"]}
        condition, alarms, _otherwise = group["AlarmConfiguration"]["Fn::If"]
        assert condition == "ShiftsTraffic"
        names = [alarm["Name"]["Ref"] for alarm in alarms["Alarms"]]
        assert names == ["NewIngestVersionsAlarm", "NewWorkVersionsAlarm"]
        assert group["ServiceRoleArn"]["Fn::If"][1] == {"Fn::GetAtt": ["ShiftRole", "Arn"]}


def test_an_alarm_counts_errors_of_each_new_version() -> None:
    counted: list[str] = []
    for name in ("NewIngestVersionsAlarm", "NewWorkVersionsAlarm"):
        expression, *metrics = transformed(**ON)["Resources"][name]["Properties"]["Metrics"]
        assert expression["Expression"] == "SUM(FILL(METRICS(), 0))"
        # CloudWatch takes ten metrics in one alarm.
        assert len(metrics) <= 10
        for metric in metrics:
            assert metric["ReturnData"] is False
            values = {entry["Name"]: entry["Value"] for entry in metric["MetricStat"]["Metric"]["Dimensions"]}
            function = values["FunctionName"]["Ref"]
            assert values["Resource"] == {"Fn::Sub": f"${{{function}}}:live"}
            assert values["ExecutedVersion"]["Fn::GetAtt"][0].startswith(f"{function}Version")
            counted.append(function)
    assert sorted(counted) == sorted(SHIFTED)


def test_role_of_codedeploy_reaches_these_aliases_alone() -> None:
    role = transformed(**ON)["Resources"]["ShiftRole"]["Properties"]
    assert role["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary"
    (policy,) = role["Policies"]
    aliases, _alarms = policy["PolicyDocument"]["Statement"]
    assert list_named(aliases["Resource"]) == set(SHIFTED)


@pytest.mark.parametrize("name", sorted(SHIFTED))
def test_everything_that_invokes_it_names_its_alias(name: str) -> None:
    resources = transformed()["Resources"]
    callers = {
        "AWS::ApiGatewayV2::Api": "Body",
        "AWS::Scheduler::Schedule": "Target",
        "AWS::Lambda::EventSourceMapping": "FunctionName",
        "AWS::Lambda::Permission": "FunctionName",
        # Whatever asks for that alias on behalf of the schedule.
        "AWS::IAM::Role": "Policies",
    }
    named: set[str] = set()
    for other, entry in resources.items():
        if entry["Type"] in callers and other != "ShiftRole":
            named |= list_named(entry["Properties"].get(callers[entry["Type"]], {}))
    assert f"{name}Aliaslive" in named
    assert name not in named, "it would go on with the code that was deployed last, whatever the alias says"


@pytest.mark.parametrize(("name", "group"), sorted(SHIFTED.items()))
def test_each_change_of_configuration_publishes_a_version(name: str, group: str) -> None:
    function = of_type("AWS::Lambda::Function")[name]
    hashed = list_named(transformed()["Resources"][f"{group}Configuration"]["Properties"]["Configuration"])
    parts = {key: value for key, value in function.items() if key not in OF_THE_FUNCTION}
    assert list_named(parts) - hashed == set()
    # The function changes with the hash, as Lambda publishes nothing that is as it was; and so does the version.
    assert f"${{{group}Configuration.Hash}}" in json.dumps(function["Description"])
    (version,) = (
        entry
        for other, entry in find_all(transformed()["Resources"], "AWS::Lambda::Version").items()
        if re.fullmatch(rf"{name}Version[0-9a-f]{{10}}", other)
    )
    assert version["Properties"]["Description"] == {"Fn::GetAtt": [f"{group}Configuration", "Hash"]}


@pytest.mark.parametrize("group", sorted(set(SHIFTED.values())))
def test_a_hash_holds_nothing_that_its_functions_do_not_read(group: str) -> None:
    given = transformed()["Resources"][f"{group}Configuration"]["Properties"]
    functions = [of_type("AWS::Lambda::Function")[name] for name, of in SHIFTED.items() if of == group]
    read = set(itertools.chain.from_iterable(list_named(function) for function in functions))
    # Other parameters would publish versions, and shift traffic, for nothing.
    assert list_named(given["Configuration"]) - read == set()


def test_no_version_outlives_what_published_it() -> None:
    # A version that a rollback left behind would make the next attempt fail: Lambda publishes the same twice as one.
    found = find_all(transformed()["Resources"], "AWS::Lambda::Version")
    assert len(found) == len(SHIFTED) + 1
    assert {entry["DeletionPolicy"] for entry in found.values()} == {"Delete"}


def test_watch_begins_when_all_traffic_is_shifted() -> None:
    after = transformed()["Resources"]["WatchedRelease"]["Properties"]["After"]
    assert list_named(after) == {f"{name}Aliaslive" for name in SHIFTED}
