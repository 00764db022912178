"""`make deploy`: `sam deploy` with a check before it and the smoke test after it, and with secrets from a file.

The stack itself makes secrets, migrates and publishes the page. A second run without a change changes nothing.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from callwatch.alerts.routing.routes_in_force import check_routes
from callwatch.alerts.rules.start_check import check_rules_file
from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.stage_file import get_stages
from callwatch.runtime.generated_secrets import generate_secrets
from callwatch.settings import VARIABLES, load_settings
from callwatch.settings.named_channels import is_named_variable
from deploy import stack
from tools import smoke

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
_FILES = {
    "RULES_FILE": "RulesFile",
    "ROUTES_FILE": "RoutesFile",
    "STAGES_FILE": "StagesFile",
    "PRICES_FILE": "PricesFile",
    "STATUS_PAGE_FILE": "StatusPageFile",
}
# Stands for each store of files while settings are checked.
_A_STORE = "s3://bucket/prefix"
_OF_DATABASES = ("DatabaseUrlSecretArn", "ProductDatabaseUrlSecretArn")
_NEVER_UP = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")

# An ARN contains `:secret:`, which the console would render as an emoji.
console = Console(emoji=False)


class DeployError(Exception):
    """The deployment cannot continue; the text is one line with the remedy."""


def main() -> int:
    """Deploy one stage; return 1 and print one line if a step fails."""
    args = _parse_arguments()
    try:
        deploy(args)
    except (DeployError, ConfigurationError, FileNotFoundError, BotoCoreError, ClientError) as error:
        console.print(f"[bold red]deploy:[/] {escape(str(error))}")
        return 1
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stage", default=os.environ.get("STAGE") or "default", help="section of samconfig.toml (STAGE=)")
    parser.add_argument(
        "--secrets",
        type=Path,
        default=os.environ.get("SECRETS") or None,
        help="JSON file {variable: value} that goes into the stack's secrets (SECRETS=); variables it does not name stay",
    )
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template")
    parser.add_argument("--template", type=Path, default=BUILT, help="built template (what `make build` made)")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation, whatever samconfig.toml says")
    parser.add_argument("--skip-smoke", action="store_true", help="do not check the deployed system from outside")
    return parser.parse_args()


def deploy(args: argparse.Namespace) -> None:
    """Run all steps in order. Raises DeployError, ConfigurationError or a botocore error."""
    config = read_stage_config(args.stage)
    if not args.template.is_file():
        raise DeployError("there is no build; run `make build`")
    given = read_secrets_file(args.secrets) if args.secrets else {}
    overrides = config | list_parameters(args.parameter)
    overrides |= {"CommitSha": _commit(), "Architecture": _find_architecture(args.template.parent, overrides)}
    name = overrides.pop("stack_name")
    stack.use_account(overrides.pop("profile", ""), overrides.pop("region", ""))
    before = stack.find(name)
    check_settings(overrides, before, given)
    if before is not None:
        _refuse_what_is_stuck(before)
        _refuse_another_stage(before, overrides)
        overrides |= _write_secrets(before, given, overrides)
    _run_sam_deploy(args, name, overrides)
    deployed = stack.find(name)
    if deployed is None:
        raise DeployError(f"{name} was not created, because its changes were not confirmed")
    if before is None and given:
        # Only now are there secrets to write to.
        _run_sam_deploy(args, name, overrides | _write_secrets(deployed, given, overrides))
    _show(deployed)
    if not args.skip_smoke:
        _check(deployed)


def _refuse_what_is_stuck(before: stack.Stack) -> None:
    """Raise DeployError with the remedy if CloudFormation would reject a change."""
    name = before.name
    if before.status == "UPDATE_ROLLBACK_FAILED":
        finish = f"aws cloudformation continue-update-rollback --stack-name {name}"
        raise DeployError(f"the last rollback of {name} did not end; fix its cause (see the stack events), then run: {finish}")
    if before.status in _NEVER_UP:
        remedy = f"aws cloudformation delete-stack --stack-name {name}"
        raise DeployError(f"{name} never came up ({before.status}); remove it: {remedy}")


def _refuse_another_stage(before: stack.Stack, overrides: Mapping[str, str]) -> None:
    """Raise DeployError if the stack belongs to another stage, which the template refuses, too, once it runs."""
    known, wanted = before.parameters.get("Stage"), overrides.get("Stage")
    if known and wanted and known != wanted:
        raise DeployError(
            f"{before.name} is the stage {known}; another stage is a stack of its own: stack_name = callwatch-{wanted}"
        )


def read_stage_config(stage: str, path: Path = ROOT / "samconfig.toml") -> dict[str, str]:
    """Return stack_name, region and profile if set, and the parameters of one section of samconfig.toml.

    Raises DeployError for an unknown stage.
    """
    sections = tomllib.loads(path.read_text())
    if "deploy" not in sections.get(stage, {}):
        known = ", ".join(name for name, section in sections.items() if isinstance(section, dict) and "deploy" in section)
        raise DeployError(f"STAGE must be one of {known}, the sections of {path.name}")
    common = sections.get(stage, {}).get("global", {}).get("parameters", {})
    found = common | sections[stage]["deploy"]["parameters"]
    given = found.get("parameter_overrides", "")
    pairs = given if isinstance(given, list) else shlex.split(given)
    return {key: found[key] for key in ("stack_name", "region", "profile") if key in found} | list_parameters(pairs)


def list_parameters(pairs: list[str]) -> dict[str, str]:
    """Parse NAME=VALUE pairs into a dict. Raises DeployError for any other form."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isalnum():
            raise DeployError(f"a parameter must be NAME=VALUE, not {pair}")
        found[name] = value
    return found


def read_secrets_file(path: Path) -> dict[str, str]:
    """Read the values for the secrets, validated as the functions validate them.

    Raises DeployError for an unreadable file or an unknown name, ConfigurationError for a bad value.
    """
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DeployError(f"{path} cannot be read as JSON ({type(error).__name__})") from None
    known = stack.list_secret_names()
    for name in values:
        if name not in known and not is_named_variable(name, VARIABLES):
            is_variable = name in {variable.name for variable in VARIABLES}
            remedy = "give it as a parameter" if is_variable else "docs/configuration.md lists them"
            raise DeployError(f"{name} in {path} is no variable of the stack's secrets ({', '.join(sorted(known))}); {remedy}")
    load_settings(values)
    return dict(values)


def check_settings(overrides: Mapping[str, str], before: stack.Stack | None, given: Mapping[str, str]) -> None:
    """Load the configuration that functions would get, to reject a bad or incomplete one before anything changes.

    Parameters that are not given keep the stack's value. Raises ConfigurationError, DeployError.
    """
    kept = stack.read_secrets(before.name) if before else {}
    parameters = {**(before.parameters if before else {}), **overrides}
    settings = {variable: parameters.get(name, "") for variable, name in map_settings_to_parameters().items()}
    for variable, parameter in _FILES.items():
        file = parameters.get(parameter, "")
        settings[variable] = str(ROOT / "functions" / file) if file else ""
        if file and not Path(settings[variable]).is_file():
            raise DeployError(f"{parameter} must be a file in functions/; there is no {file}")
    loaded = load_settings({**dict.fromkeys(list_stores(), _A_STORE), **settings, **generate_secrets(), **kept, **given})
    check_rules_file(settings, loaded)
    check_routes(loaded)
    get_stages(loaded.stages_file)


def map_settings_to_parameters() -> dict[str, str]:
    """Return, by variable, the parameter that the template passes to it unchanged."""
    text = (ROOT / "template.yaml").read_text()
    parameters = re.findall(r"^  (\w+):$", text.partition("\nParameters:\n")[2].partition("\nRules:\n")[0], re.MULTILINE)
    pairs = re.findall(r"^ +([A-Z_]+): !Ref (\w+)$", text, re.MULTILINE)
    known = {variable.name for variable in VARIABLES}
    return {variable: parameter for variable, parameter in pairs if parameter in parameters and variable in known}


def list_stores() -> list[str]:
    """Return the variables that name a bucket of the stack: the template builds their values itself."""
    text = (ROOT / "template.yaml").read_text()
    known = {variable.name for variable in VARIABLES}
    return sorted(known & set(re.findall(r'^ +([A-Z_]+): !(?:If|Sub).*"s3://', text, re.MULTILINE)))


def _find_architecture(bundle: Path, given: Mapping[str, str]) -> str:
    """Return the processor of a bundle's compiled packages in Lambda's terms: arm64 or x86_64."""
    names = " ".join(path.name for path in (bundle / "DependenciesLayer").rglob("*.so"))
    found = [word for word, machine in (("arm64", "aarch64"), ("x86_64", "x86_64")) if machine in names]
    if len(found) != 1:
        raise DeployError(f"{bundle} holds no layer built for one processor; run `make build`")
    wanted = given.get("Architecture", found[0])
    if wanted != found[0]:
        # Functions with packages for another processor in their layer fail at their first import.
        raise DeployError(f"Architecture is {wanted}, the bundle is built for {found[0]}; run `make build ARCHITECTURE={wanted}`")
    return wanted


def _write_secrets(found: stack.Stack, given: Mapping[str, str], overrides: Mapping[str, str]) -> dict[str, str]:
    """Write the given values; return the parameter that makes functions read them. Without values, nothing changes."""
    if not given:
        return {}
    changed = stack.write_secrets(found.name, given)
    _print_step("Secrets", f"set {', '.join(sorted(changed))}" if changed else "unchanged")
    return {"SecretsVersion": _hash_secrets(found, overrides)} if changed else {}


def _hash_secrets(found: stack.Stack, overrides: Mapping[str, str]) -> str:
    """Return a value that changes with any secret that functions read; omitted parameters keep the stack's value."""
    databases = (overrides.get(name, found.parameters.get(name)) for name in _OF_DATABASES)
    return stack.hash_secrets(found.name, [arn for arn in databases if arn])


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _run_sam_deploy(args: argparse.Namespace, name: str, parameters: Mapping[str, str]) -> None:
    """Run `sam deploy`; migrations run inside it and roll the stack back if they fail."""
    console.rule(f"stack {name}")
    # Compiled files contain timestamps, which would make unchanged functions look changed.
    shutil.rmtree(ROOT / "functions" / "__pycache__", ignore_errors=True)
    command = [sys.executable, "-m", "samcli", "deploy", "--config-env", args.stage, "--stack-name", name]
    command += ["--template-file", str(args.template), "--config-file", str(ROOT / "samconfig.toml")]
    command += ["--no-confirm-changeset"] if args.yes else []
    command += ["--parameter-overrides", *(f"{key}={_quote(value)}" for key, value in sorted(parameters.items()))]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        for line in stack.explain_failures(name):
            console.print(f"  [red]{escape(line)}[/]")
        raise DeployError(f"the stack {name} was not changed, or was rolled back; the lines above say why")


def _quote(value: str) -> str:
    # SAM removes a backslash only before a quotation mark.
    return '"' + value.replace('"', '\\"') + '"'


def _check(deployed: stack.Stack) -> None:
    tokens = load_settings(stack.read_secrets(deployed.name)).viewer_secret or ()
    outcomes = smoke.run(deployed.outputs["DashboardUrl"].removesuffix("/admin/operations"), tokens[0].token)
    smoke.show(outcomes)
    if not all(outcome.is_ok for outcome in outcomes):
        raise DeployError("the deployed system failed its check; see docs/troubleshooting.md")


def _show(deployed: stack.Stack) -> None:
    table = Table(show_edge=False, show_header=False)
    for key in ("DashboardUrl", "AdminTokenCommand", "ApiUrl", "IngestSecretArn"):
        table.add_row(key, deployed.outputs.get(key, ""))
    console.print(table)


def _print_step(what: str, outcome: str) -> None:
    console.print(f"[bold]{what}[/]: {escape(outcome)}")


if __name__ == "__main__":
    sys.exit(main())
