"""`make deploy`: brings a stage to what is built: stack and migrations, secrets, page, then the smoke test.

A second run without a change changes nothing. Each step says what it did; the first that fails ends it.
"""

import argparse
import hashlib
import json
import os
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

from callwatch.exceptions import ConfigurationError
from callwatch.settings import VARIABLES, load_settings
from local import smoke, stack
from local.secrets import made_up

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam" / "build" / "template.yaml"
PAGE = ROOT / "dashboard" / "dist"
_OF_DATABASES = ("DatabaseUrlSecretArn", "ProductDatabaseUrlSecretArn")
_NEVER_UP = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")

# An ARN has `:secret:` in it, which would become a picture.
console = Console(emoji=False)


class DeployError(Exception):
    """The deployment cannot go on; the text is one line with the remedy."""


def main() -> int:
    """Deploy one stage; exit code 1 with one line where a step fails."""
    args = _arguments()
    try:
        deploy(args)
    except (DeployError, ConfigurationError, FileNotFoundError, BotoCoreError, ClientError) as error:
        console.print(f"[bold red]deploy:[/] {escape(str(error))}")
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stage", default=os.environ.get("STAGE") or "default", help="section of samconfig.toml (STAGE=)")
    parser.add_argument(
        "--secrets",
        type=Path,
        default=os.environ.get("SECRETS") or None,
        help="JSON file {variable: value} that goes into the stack's secrets (SECRETS=); what it does not name stays",
    )
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template")
    parser.add_argument("--template", type=Path, default=BUILT, help="built template (what `make build` made)")
    parser.add_argument("--yes", action="store_true", help="do not ask before the changes are made, whatever samconfig.toml says")
    parser.add_argument("--skip-smoke", action="store_true", help="do not check the deployed system from outside")
    return parser.parse_args()


def deploy(args: argparse.Namespace) -> None:
    """All steps in order. Raises DeployError, ConfigurationError or an error of botocore."""
    config = stage_config(args.stage)
    if not args.template.is_file():
        raise DeployError("nothing is built; run `make build`")
    given = read_secrets_file(args.secrets) if args.secrets else {}
    overrides = config | parameters_of(args.parameter)
    overrides |= {"CommitSha": _commit(), "Architecture": _architecture(args.template.parent, overrides)}
    name = overrides.pop("stack_name")
    if region := overrides.pop("region", ""):
        # As SAM wrote it down after a guided deployment: it goes there, and so must all else.
        os.environ["AWS_DEFAULT_REGION"] = region
    before = stack.find(name)
    if before is not None:
        _refuse_what_is_stuck(before)
        _step("Secrets", _fill(name, given))
        overrides["SecretsVersion"] = _secrets_version(before, overrides)
    _sam_deploy(args, name, overrides)
    if before is None:
        made = stack.find(name)
        if made is None:
            raise DeployError(f"{name} was not made, as its changes were not confirmed")
        # The secrets came with the stack: now they can be filled, and the functions told to read them.
        _step("Secrets", _fill(name, given))
        _sam_deploy(args, name, overrides | {"SecretsVersion": _secrets_version(made, overrides)})
    deployed = stack.find(name)
    assert deployed is not None
    _publish_page(deployed)
    _show(deployed)
    if not args.skip_smoke:
        _check(deployed)


def _refuse_what_is_stuck(before: stack.Stack) -> None:
    """Raise DeployError with the remedy where CloudFormation would take no change."""
    name = before.name
    if before.status == "UPDATE_ROLLBACK_FAILED":
        finish = f"aws cloudformation continue-update-rollback --stack-name {name}"
        raise DeployError(f"the last rollback of {name} did not end; mend what stopped it (stack events), then: {finish}")
    if before.status in _NEVER_UP:
        database = stack.resource_of(name, "Database")
        protection = "aws rds modify-db-instance --no-deletion-protection --db-instance-identifier"
        first = f"{protection} {database}, then " if database else ""
        raise DeployError(
            f"{name} never came up ({before.status}); remove it: {first}aws cloudformation delete-stack --stack-name {name}"
        )


def stage_config(stage: str, path: Path = ROOT / "samconfig.toml") -> dict[str, str]:
    """stack_name, region where one is set, and the parameters of one section of samconfig.toml.

    Raises DeployError for a stage it has not.
    """
    sections = tomllib.loads(path.read_text())
    if "deploy" not in sections.get(stage, {}):
        known = ", ".join(name for name, section in sections.items() if isinstance(section, dict) and "deploy" in section)
        raise DeployError(f"STAGE takes one of {known}, the sections of {path.name}")
    common = sections.get(stage, {}).get("global", {}).get("parameters", {})
    found = common | sections[stage]["deploy"]["parameters"]
    given = found.get("parameter_overrides", "")
    pairs = given if isinstance(given, list) else shlex.split(given)
    return {key: found[key] for key in ("stack_name", "region") if key in found} | parameters_of(pairs)


def parameters_of(pairs: list[str]) -> dict[str, str]:
    """NAME=VALUE pairs as a dict. Raises DeployError for what is none."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isalnum():
            raise DeployError(f"a parameter takes NAME=VALUE, not {pair}")
        found[name] = value
    return found


def read_secrets_file(path: Path) -> dict[str, str]:
    """The values to put into secrets, checked as functions would check them.

    Raises DeployError for a file or a name that cannot be, ConfigurationError for a bad value.
    """
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DeployError(f"{path} cannot be read as JSON ({type(error).__name__})") from None
    known = stack.secret_names()
    for name in values:
        if name not in known:
            is_variable = name in {variable.name for variable in VARIABLES}
            remedy = "give it as a parameter" if is_variable else "docs/configuration.md lists them"
            raise DeployError(f"{name} in {path} is no variable of the stack's secrets ({', '.join(sorted(known))}); {remedy}")
    load_settings(values)
    return dict(values)


def _architecture(bundle: Path, given: Mapping[str, str]) -> str:
    """The processor that a bundle's compiled packages are for, in Lambda's words: arm64 or x86_64."""
    names = " ".join(path.name for path in (bundle / "DependenciesLayer").rglob("*.so"))
    found = [word for word, machine in (("arm64", "aarch64"), ("x86_64", "x86_64")) if machine in names]
    if len(found) != 1:
        raise DeployError(f"{bundle} holds no layer built for one processor; run `make build`")
    wanted = given.get("Architecture", found[0])
    if wanted != found[0]:
        # Functions would find packages of another processor in their layer, and each would fail at its first import.
        raise DeployError(f"Architecture is {wanted}, the bundle is built for {found[0]}; run `make build ARCHITECTURE={wanted}`")
    return wanted


def _fill(name: str, given: Mapping[str, str]) -> str:
    kept = stack.read_secrets(name)
    missing = {key: value for key, value in made_up().items() if not kept.get(key) and key not in given}
    changed = stack.write_secrets(name, {**given, **missing})
    return f"set {', '.join(sorted(changed))}" if changed else "unchanged"


def _secrets_version(found: stack.Stack, overrides: Mapping[str, str]) -> str:
    """Changes with any secret that functions read; a parameter that is not given now keeps the value it has."""
    databases = (overrides.get(name, found.parameters.get(name)) for name in _OF_DATABASES)
    return stack.secrets_version(found.name, [arn for arn in databases if arn])


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _sam_deploy(args: argparse.Namespace, name: str, parameters: Mapping[str, str]) -> None:
    """Let SAM bring the stack to the template; migrations run inside, and roll it back where they fail."""
    console.rule(f"stack {name}")
    # Compiled files carry times: with them the same functions would look like changed ones.
    shutil.rmtree(ROOT / "functions" / "__pycache__", ignore_errors=True)
    command = [sys.executable, "-m", "samcli", "deploy", "--config-env", args.stage, "--stack-name", name]
    command += ["--template-file", str(args.template), "--config-file", str(ROOT / "samconfig.toml")]
    command += ["--no-confirm-changeset"] if args.yes else []
    command += ["--parameter-overrides", *(f"{key}={_quoted(value)}" for key, value in sorted(parameters.items()))]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        for line in stack.failures(name):
            console.print(f"  [red]{escape(line)}[/]")
        raise DeployError(f"the stack {name} was not changed, or was rolled back; the lines above say why")


def _quoted(value: str) -> str:
    # SAM takes the backslash away before a quotation mark, and nowhere else.
    return '"' + value.replace('"', '\\"') + '"'


def _publish_page(deployed: stack.Stack) -> None:
    changed = stack.upload_page(deployed.outputs["PageBucketName"], PAGE)
    _step("Page", f"{len(changed)} files uploaded" if changed else "unchanged")
    if changed:
        reference = hashlib.sha256(" ".join([_commit(), *changed, os.urandom(8).hex()]).encode()).hexdigest()[:32]
        _step("CloudFront", f"invalidation {stack.invalidate(deployed.outputs['DistributionId'], reference)}")


def _check(deployed: stack.Stack) -> None:
    tokens = load_settings(stack.read_secrets(deployed.name)).viewer_secret or ()
    outcomes = smoke.run(deployed.outputs["DashboardUrl"].removesuffix("/admin/operations"), tokens[0].token)
    smoke.show(outcomes)
    if not all(outcome.is_ok for outcome in outcomes):
        raise DeployError("the deployed system failed its check; docs/troubleshooting.md helps")


def _show(deployed: stack.Stack) -> None:
    table = Table(show_edge=False, show_header=False)
    for key in ("DashboardUrl", "ApiUrl", "AccessSecretArn", "IngestSecretArn"):
        table.add_row(key, deployed.outputs.get(key, ""))
    console.print(table)


def _step(what: str, outcome: str) -> None:
    console.print(f"[bold]{what}[/]: {escape(outcome)}")


if __name__ == "__main__":
    sys.exit(main())
