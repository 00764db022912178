"""The input of `make deploy`: samconfig.toml, the command line, and a file of secrets."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from samcli.cli.types import CfnParameterOverridesType

from callwatch.exceptions import ConfigurationError
from deploy import stack
from deploy.deploy import (
    ROOT,
    DeployError,
    _find_architecture,
    _quote,
    _refuse_another_stage,
    _refuse_what_is_stuck,
    check_settings,
    list_parameters,
    list_stores,
    map_settings_to_parameters,
    read_secrets_file,
    read_stage_config,
)


def test_a_stage_has_its_stack_and_its_parameters(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    lines = ["version = 0.1", "[qa.deploy.parameters]", 'stack_name = "watch"', 'region = "eu-west-1"']
    # As `sam deploy --guided` writes it.
    lines += [r'parameter_overrides = "Stage=\"qa\" HttpChecks=\"[{\\\"a\\\": 1}]\" CorsOrigins=\"\""']
    path.write_text("\n".join(lines))
    found = read_stage_config("qa", path)
    assert (found.pop("stack_name"), found.pop("region")) == ("watch", "eu-west-1")
    assert found == {"Stage": "qa", "HttpChecks": '[{"a": 1}]', "CorsOrigins": ""}


def test_an_unknown_stage_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DeployError, match="STAGE must be one of default, staging, prod"):
        read_stage_config("production")


@pytest.mark.parametrize("value", ["plain", "with space", '[{"name": "x", "url": "https://y/?a=b"}]', "", "back\\slash"])
def test_a_parameter_reaches_sam_as_it_was_given(value: str) -> None:
    pair = f"HttpChecks={_quote(value)}"
    assert CfnParameterOverridesType().convert((pair,), None, None) == {"HttpChecks": value}


def test_a_parameter_without_a_value_is_refused() -> None:
    with pytest.raises(DeployError, match="NAME=VALUE"):
        list_parameters(["Stage"])


def bundle(folder: Path, *machines: str) -> Path:
    for machine in machines:
        compiled = folder / "DependenciesLayer" / "python" / "pydantic_core" / f"_core.cpython-313-{machine}-linux-gnu.so"
        compiled.parent.mkdir(parents=True, exist_ok=True)
        compiled.touch()
    return folder


def test_functions_get_the_processor_of_the_bundle(tmp_path: Path) -> None:
    assert _find_architecture(bundle(tmp_path / "arm", "aarch64"), {}) == "arm64"
    assert _find_architecture(bundle(tmp_path / "intel", "x86_64"), {"Architecture": "x86_64"}) == "x86_64"


def test_other_processor_is_refused_with_the_build_command(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="make build ARCHITECTURE=x86_64"):
        _find_architecture(bundle(tmp_path, "aarch64"), {"Architecture": "x86_64"})


@pytest.mark.parametrize("machines", [(), ("aarch64", "x86_64")])
def test_a_bundle_without_one_processor_is_refused(machines: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="make build"):
        _find_architecture(bundle(tmp_path, *machines), {})


def write(tmp_path: Path, values: object) -> Path:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(values))
    return path


def test_each_secret_variable_has_its_secret() -> None:
    holders = stack.list_secret_names()
    assert holders["ADMIN_SECRET"] == "AccessSecret"
    assert holders["INGEST_KEYS"] == holders["USER_HASH_KEY"] == "IngestSecret"
    assert holders["OPENAI_API_KEY"] == "VendorSecret"
    assert holders["ALERT_WEBHOOK_SECRET"] == "ChannelSecret"


def test_bad_secret_value_is_refused_before_deployment(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="INGEST_KEYS must be"):
        read_secrets_file(write(tmp_path, {"INGEST_KEYS": "1:short"}))


def test_name_that_is_no_secret_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"ALERT_EMAIL_TO .* give it as a parameter"):
        read_secrets_file(write(tmp_path, {"ALERT_EMAIL_TO": "a@example.com"}))


def test_a_file_that_is_no_json_is_refused_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text("VIEWER_SECRET=hidden")
    with pytest.raises(DeployError) as caught:
        read_secrets_file(path)
    assert "hidden" not in str(caught.value)


def event(logical_id: str, status: str, reason: str = "", kind: str = "AWS::SQS::Queue") -> dict[str, str]:
    return {"LogicalResourceId": logical_id, "ResourceStatus": status, "ResourceStatusReason": reason, "ResourceType": kind}


def test_rollback_cause_is_found_on_later_pages_of_events() -> None:
    whole = "AWS::CloudFormation::Stack"
    newest = [event("callwatch", "ROLLBACK_COMPLETE", kind=whole), *(event(f"Queue{n}", "DELETE_COMPLETE") for n in range(99))]
    middle = [
        event("callwatch", "UPDATE_ROLLBACK_IN_PROGRESS", kind=whole),
        event("Migrations", "UPDATE_FAILED", "the schema could not be migrated: no route"),
        event("callwatch", "UPDATE_IN_PROGRESS", kind=whole),
        event("ErrorQueue", "CREATE_FAILED", "of an earlier change"),
    ]
    found = list(stack.list_latest_failures([{"StackEvents": newest}, {"StackEvents": middle}]))
    assert found == ["Migrations: the schema could not be migrated: no route"]


def test_unfinished_rollback_is_refused_with_a_remedy() -> None:
    with pytest.raises(DeployError, match="continue-update-rollback --stack-name callwatch-prod"):
        _refuse_what_is_stuck(stack.Stack("callwatch-prod", "UPDATE_ROLLBACK_FAILED", {}))
    _refuse_what_is_stuck(stack.Stack("callwatch-prod", "UPDATE_ROLLBACK_COMPLETE", {}))


def test_a_stack_is_not_given_another_stage() -> None:
    before = stack.Stack("callwatch-prod", "UPDATE_COMPLETE", {}, {"Stage": "prod"})
    with pytest.raises(DeployError, match=r"^callwatch-prod is the stage prod; .* stack_name = callwatch-try$"):
        _refuse_another_stage(before, {"Stage": "try"})
    _refuse_another_stage(before, {"Stage": "prod"})
    _refuse_another_stage(before, {})


def test_deployment_uses_the_region_of_shell_or_profile(tmp_path: Path) -> None:
    probe = tmp_path / "probe.mk"
    probe.write_text('region:\n\t@echo "$${AWS_DEFAULT_REGION-the profile decides}"\n')
    command = ["make", "-s", "-f", "Makefile", "-f", str(probe), "region"]
    environ = {name: value for name, value in os.environ.items() if name != "AWS_DEFAULT_REGION"}

    def seen(**more: str) -> str:
        return subprocess.run(
            command, cwd=ROOT, env={**environ, **more}, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert seen() == "the profile decides"
    assert seen(AWS_DEFAULT_REGION="eu-west-1") == "eu-west-1"


def made_secrets(monkeypatch: pytest.MonkeyPatch, **kept: str) -> stack.Stack:
    monkeypatch.setattr(stack, "read_secrets", lambda _name: kept)
    return stack.Stack("callwatch", "UPDATE_COMPLETE", {}, {"Timezone": "UTC", "RetentionDays": "90"})


EMAIL = {"AlertEmailTo": "a@example.com", "AlertEmailFrom": "b@example.com"}


def test_addresses_without_their_key_are_refused_before() -> None:
    with pytest.raises(ConfigurationError, match=r"^SENDGRID_API_KEY or SMTP_URL or SES_REGION is required"):
        check_settings(EMAIL, None, {})
    check_settings(EMAIL, None, {"SENDGRID_API_KEY": "SG.key"})


def test_what_the_stack_has_counts_in_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    check_settings(EMAIL, made_secrets(monkeypatch, SENDGRID_API_KEY="SG.key"), {})
    with pytest.raises(ConfigurationError, match=r"^ALERT_EMAIL_FROM is required"):
        check_settings({"AlertEmailTo": "a@example.com"}, made_secrets(monkeypatch, SENDGRID_API_KEY="SG.key"), {})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Timezone", "Mars/Olympus", "TIMEZONE must be"),
        ("AlertWebhookUrl", "https://", "ALERT_WEBHOOK_URL must be"),
        ("WebhookAllowedNetworks", "10.0.0.0/99", "WEBHOOK_ALLOWED_NETWORKS must be"),
        ("HttpChecks", "{", "HTTP_CHECKS must be"),
        ("IndexDays", "7", "INDEX_DAYS must be 0 or a whole number from 22"),
        ("IndexDays", "30", "PAYLOAD_STORE is required when INDEX_DAYS is set; it must be s3"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_variable(name: str, value: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        check_settings({name: value}, None, {})


def test_buckets_of_the_stack_count_as_given() -> None:
    assert set(list_stores()) >= {"ARCHIVE_URL", "PAYLOADS_URL", "SOURCE_MAPS_URL", "STATUS_PAGE_STORE"}
    check_settings({"PayloadStore": "s3", "RetentionDays": "30", "IndexDays": "30"}, None, {})


def test_index_longer_than_retention_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^INDEX_DAYS must be at most RETENTION_DAYS \(30\)$"):
        check_settings({"PayloadStore": "s3", "RetentionDays": "30", "IndexDays": "31"}, None, {})


def test_a_rules_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeployError, match="RulesFile must be a file"):
        check_settings({"RulesFile": "missing.json"}, None, {})


def test_most_variables_follow_from_parameters() -> None:
    found = map_settings_to_parameters()
    assert {"TIMEZONE", "ALERT_EMAIL_TO", "ALERT_EMAIL_FROM", "ALERT_WEBHOOK_URL", "RETENTION_DAYS", "HTTP_CHECKS"} <= set(found)
    assert found["ALERT_EMAIL_TO"] == "AlertEmailTo"
