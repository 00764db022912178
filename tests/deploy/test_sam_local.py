"""What `sam local` passes to each function, up to the container: events, and a usable environment."""

import json
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from callwatch.settings import load_settings
from tests.deploy.template import ROOT, source

FUNCTIONS = sorted(name for name, found in source()["Resources"].items() if found["Type"] == "AWS::Serverless::Function")


@pytest.fixture(scope="module")
def runner() -> LocalLambdaRunner:
    """Return SAM's own runner, as `sam local invoke` builds it from template and samconfig.toml; nothing is run."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]["local_invoke"]["parameters"]
    stacks, _ = SamLocalStackProvider.get_stacks(str(ROOT / "template.yaml"))
    values = json.loads((ROOT / config["env_vars"]).read_text())
    runtime = cast("Any", None)
    return LocalLambdaRunner(runtime, SamFunctionProvider(stacks), str(ROOT), str(ROOT), env_vars_values=values)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_takes_the_environment_that_sam_gives_it(name: str, runner: LocalLambdaRunner) -> None:
    environ = runner.get_invoke_config(runner.get_function(name)).env_vars.resolve()
    settings = load_settings(environ)
    assert settings.stage == "dev"
    if "DATABASE_URL" in environ:
        assert str(settings.database_url).startswith("postgresql://")
    for variable, value in environ.items():
        if variable.startswith("AWS_"):
            continue
        assert value not in source()["Resources"], f"{variable} is left to CloudFormation"
        assert not value.startswith("{{"), f"{variable} is left to Secrets Manager"
        if variable.endswith("_QUEUE_URL"):
            assert value.startswith("http://host.docker.internal:"), variable


def test_both_commands_of_sam_local_are_configured_alike() -> None:
    sections = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    assert sections["local_invoke"] == sections["local_start_api"]


def test_each_function_has_an_event() -> None:
    handlers = {source()["Resources"][name]["Properties"]["Handler"].partition(".")[0] for name in FUNCTIONS}
    assert {path.stem for path in Path(ROOT / "events").glob("*.json")} == handlers
