"""Deploys to a real account with the defaults, checks it, forces a rollback, deletes it, and checks that nothing is left.

    python -m tests.account --stage nightly1

Needs credentials that may create the template's resources. A run takes about an hour and a half and costs less than one USD; what
it made is deleted at its end, also after a failure. Each line says what is proven.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from callwatch.settings import load_settings
from deploy import stack as deployed_stack
from tests.account.remains import TAG, delete_snapshots, find_remains
from tools import smoke

ROOT = Path(__file__).resolve().parents[2]
SHIFTING = "TrafficShifting=Linear10PercentEvery1Minute"
# Until CodeDeploy has begun: all functions change before.
_SHIFT_BEGINS_S = 900
# A web ACL that does not exist: CloudFront refuses it, late in the creation and in each update.
NO_SUCH_ACL = "arn:aws:wafv2:us-east-1:{account}:global/webacl/none/00000000-0000-0000-0000-000000000000"


class Unproven(Exception):
    """A step did not prove what it should; the text says what was found."""


def main() -> int:
    """Run all steps; return 1 if one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.account", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stage", required=True, help="name of the deployment, such as nightly1; a new one for each run")
    stage = parser.parse_args().stage
    name = f"callwatch-{stage}"
    account = make_client("sts").get_caller_identity()["Account"]
    refused = f"WebAclArn={NO_SUCH_ACL.format(account=account)}"
    steps: list[tuple[str, Callable[[], object]]] = [
        ("the bundle is built", lambda: sam("build")),
        ("a first deployment that fails is rolled back", lambda: check_refused(name, stage, refused, "ROLLBACK_COMPLETE")),
        ("it leaves nothing", lambda: check_removal(name, stage, has_snapshot=False)),
        ("plain `sam deploy` ends with CREATE_COMPLETE", lambda: check_status(name, deploy(name, stage), "CREATE_COMPLETE")),
        ("the token of the output opens every endpoint and the page", lambda: check_outside(name)),
        ("the database is protected", lambda: check_protection(stage)),
        ("a second deployment changes nothing", lambda: check_words(deploy(name, stage), "No changes to deploy")),
        ("an update that fails is rolled back", lambda: check_refused(name, stage, refused, "UPDATE_ROLLBACK_COMPLETE")),
        ("the system works after the rollback", lambda: check_outside(name)),
        ("traffic shifts to new versions", lambda: check_shift(name, stage)),
        ("a shift that an alarm ends is rolled back", lambda: check_shift_ends(name, stage)),
        ("the system works after that, too", lambda: check_outside(name)),
        ("`sam delete` leaves nothing but the final snapshot", lambda: check_removal(name, stage, has_snapshot=True)),
    ]
    try:
        for text, step in steps:
            started = time.monotonic()
            step()
            print(f"proven: {text} ({time.monotonic() - started:.0f} s)", flush=True)
    except (Unproven, ClientError, subprocess.CalledProcessError) as error:
        print(f"NOT proven: {text}: {error}", file=sys.stderr)
        return 1
    finally:
        sam("delete", "--stack-name", name, "--no-prompts", is_checked=False)
        delete_snapshots(stage)
    return 0


def make_client(service: str) -> Any:
    """Return a client of the shell's account and region."""
    make: Any = boto3.client
    return make(service)


def sam(*arguments: str, is_checked: bool = True) -> str:
    """Run one of SAM's commands; return its output."""
    command = [sys.executable, "-m", "samcli", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if is_checked and done.returncode != 0:
        raise Unproven(done.stdout[-3000:])
    return done.stdout


def list_arguments(name: str, stage: str, *more: str) -> list[str]:
    """Return the arguments of a deployment with the template's defaults; each resource carries the stage as a tag."""
    options = ["--stack-name", name, "--no-confirm-changeset", "--tags", f"{TAG}={stage}"]
    return ["deploy", *options, "--parameter-overrides", f"Stage={stage}", *more]


def deploy(name: str, stage: str) -> str:
    """Deploy with the defaults; return the output."""
    return sam(*list_arguments(name, stage))


def check_refused(name: str, stage: str, parameter: str, status: str) -> None:
    """Deploy a parameter that AWS refuses. Raises Unproven unless the stack ends in that status."""
    sam(*list_arguments(name, stage, parameter), is_checked=False)
    check_status(name, "", status)


def check_status(name: str, output: str, status: str) -> None:
    """Raise Unproven unless the stack has that status."""
    found = deployed_stack.find(name)
    if found is None or found.status != status:
        raise Unproven(f"the stack is {found.status if found else 'not there'}, not {status}\n{output[-2000:]}")


def check_words(output: str, words: str) -> None:
    """Raise Unproven unless the output contains the words."""
    if words not in output:
        raise Unproven(output[-2000:])


def check_outside(name: str) -> None:
    """Run the smoke test with the token that the output's command prints. Raises Unproven if a check fails."""
    found = deployed_stack.find(name)
    outputs = found.outputs if found else {}
    done = subprocess.run(["sh", "-c", outputs["AdminTokenCommand"]], capture_output=True, text=True, check=True)
    load_settings({"ADMIN_SECRET": done.stdout.strip()})
    outcomes = smoke.run(outputs["DashboardUrl"].removesuffix("/admin/operations"), done.stdout.strip())
    smoke.show(outcomes)
    if not all(outcome.is_ok for outcome in outcomes):
        raise Unproven("the smoke test failed")


def check_shift(name: str, stage: str) -> None:
    """Update all functions with shifting on. Raises Unproven unless the alias ends at another version."""
    before = read_alias(name)
    check_status(name, sam(*list_arguments(name, stage, SHIFTING, "SecretsVersion=shifted")), "UPDATE_COMPLETE")
    after = read_alias(name)
    if after == before or "+" in after:
        raise Unproven(f"the alias was at {before}, and is at {after}")


def check_shift_ends(name: str, stage: str) -> None:
    """Raise an alarm while traffic shifts. Raises Unproven unless the update is rolled back to the version before."""
    before = read_alias(name)
    command = [sys.executable, "-m", "samcli", *list_arguments(name, stage, SHIFTING, "SecretsVersion=bad")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as update:
        deadline = time.monotonic() + _SHIFT_BEGINS_S
        while "+" not in read_alias(name):
            if update.poll() is not None or time.monotonic() > deadline:
                update.terminate()
                raise Unproven("no traffic shifted")
            time.sleep(2)
        alarm = deployed_stack.find_resource(name, "NewIngestVersionsAlarm")
        make_client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="the test")
    check_status(name, "", "UPDATE_ROLLBACK_COMPLETE")
    if read_alias(name) != before:
        raise Unproven(f"the alias was at {before}, and is at {read_alias(name)}")


def read_alias(name: str) -> str:
    """Return the version behind the alias of a function that shifts, such as 3, or 3+4 while traffic shifts."""
    function = deployed_stack.find_resource(name, "IngestErrors")
    found = make_client("lambda").get_alias(FunctionName=function, Name="live")
    weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return "+".join([found["FunctionVersion"], *sorted(weights)])


def check_protection(stage: str) -> None:
    """Raise Unproven unless the database refuses its deletion."""
    (found,) = make_client("rds").describe_db_instances(DBInstanceIdentifier=f"callwatch-{stage}")["DBInstances"]
    if not found["DeletionProtection"]:
        raise Unproven("the database is not protected")


def check_removal(name: str, stage: str, has_snapshot: bool) -> None:
    """Delete the stack. Raises Unproven if anything stays but the final snapshot."""
    sam("delete", "--stack-name", name, "--no-prompts")
    remains = find_remains(stage)
    snapshots = [arn for arn in remains if f":snapshot:callwatch-{stage}-final-" in arn]
    if len(snapshots) != int(has_snapshot) or len(remains) != len(snapshots):
        raise Unproven(f"left: {remains or 'nothing, not even the final snapshot'}")


if __name__ == "__main__":
    sys.exit(main())
