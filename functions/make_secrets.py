"""Fills the stack's secrets, as a custom resource: each generated value once, and none is ever overwritten.

Everything else waits for this resource, so it also refuses, with a reason, what would harm all the rest: another stage, and
packages for another processor. It answers a second kind of resource, too: one that asks for the hash of a configuration.
"""

import hashlib
import importlib
import json
import platform
import re
from collections.abc import Mapping, Sequence
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.generated_secrets import generate_secrets
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger

# The physical id of a stack whose first deployment kept no stage ends in a name, not in a stage.
_NAMED = re.compile(r"callwatch-([a-z][a-z0-9-]*)")
_PARAMETER = re.compile(r"/callwatch/([a-z][a-z0-9-]*)/app-url")


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer CloudFormation; Data holds the names of the variables that were filled, or the hash of a configuration.

    A deletion changes nothing. The resource of the secrets is named after the stage that created it, and keeps that name.
    """
    properties = event["ResourceProperties"]
    stage = properties.get("Stage", "")

    def act() -> Mapping[str, str]:
        if event["RequestType"] == "Delete":
            return {}
        if "Configuration" in properties:
            return {"Hash": hash_configuration(properties["Configuration"])}
        if event["RequestType"] == "Update":
            refuse_another_stage(find_stage(event.get("PhysicalResourceId", ""), event["StackId"]), stage)
        refuse_foreign_packages()
        return {"filled": ",".join(fill_secrets(properties["Holders"]))}

    name = f"callwatch-{stage}" if stage and event["RequestType"] == "Create" else ""
    return answer_request(event, context, "fill the secrets", act, name)


def hash_configuration(values: Sequence[Any]) -> str:
    """Return 16 hexadecimal digits that change with any of the values, or with their order."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def find_stage(name: str, stack_id: str) -> str:
    """Return the stage of a deployed stack; "" where nothing tells it.

    The resource is named after it. An older one has another name for good, but the stack's parameter with the address of the page
    is named after the stage, too, and changes only after this resource: also in a rollback it is that of the stage before.
    """
    known = _NAMED.fullmatch(name)
    if known:
        return known[1]
    import boto3
    from botocore.exceptions import ClientError

    make: Any = boto3.client
    try:
        found = make("cloudformation").describe_stack_resource(StackName=stack_id, LogicalResourceId="AppUrl")
    except ClientError as error:
        # As before that: a stack without the parameter, or a permission that has not spread yet, must not stop an update.
        logger.warning("the stage of the stack is unknown", extra={"reason": str(error)})
        return ""
    named = _PARAMETER.fullmatch(found["StackResourceDetail"].get("PhysicalResourceId", ""))
    return named[1] if named else ""


def refuse_another_stage(known: str, stage: str) -> None:
    """Raise ConfigurationError if a stack of a known stage is asked for another.

    The stage names the database and the folders of the archive: CloudFormation would replace them by empty ones. The rollback is
    an update, too, and asks for the stage that is known.
    """
    if known and stage and known != stage:
        raise ConfigurationError(
            f"Stage must stay {known} in this stack; another stage is a stack of its own: --stack-name callwatch-{stage}"
        )


def refuse_foreign_packages() -> None:
    """Raise ConfigurationError if the layer's compiled packages do not load on this processor.

    Every function that needs them would fail at its first import, and no custom resource among them could say why.
    """
    try:
        importlib.import_module("psycopg2")
    except ImportError as error:
        wanted = "arm64" if platform.machine() == "aarch64" else platform.machine()
        raise ConfigurationError(
            f"the packages do not load on {wanted}: build them with `sam build --parameter-overrides Architecture={wanted}`"
        ) from error


def fill_secrets(holders: Mapping[str, str]) -> list[str]:
    """Generate each variable that its secret does not hold yet; return their names.

    holders: the ARN of the secret of each variable. Raises ConfigurationError if a secret holds no JSON object.
    """
    import boto3

    make: Any = boto3.client
    client = make("secretsmanager")
    generated, filled = generate_secrets(), []
    for arn in sorted(set(holders.values())):
        kept = _read_object(client, arn)
        missing = {name: generated[name] for name, holder in holders.items() if holder == arn and not kept.get(name)}
        if missing:
            client.put_secret_value(SecretId=arn, SecretString=json.dumps(kept | missing, sort_keys=True))
            filled += sorted(missing)
    return filled


def _read_object(client: Any, arn: str) -> dict[str, Any]:
    try:
        found = json.loads(client.get_secret_value(SecretId=arn)["SecretString"])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{arn} must hold a JSON object such as {{}}; write it with put-secret-value")
    return found


lambda_handler = invocation(handle)
