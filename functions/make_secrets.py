"""Fills the stack's secrets, as a custom resource: each generated value once, and none is ever overwritten."""

import json
from collections.abc import Mapping
from typing import Any

from callwatch.exceptions import ConfigurationError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.generated_secrets import generate_secrets
from callwatch.runtime.invocation import invocation


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer CloudFormation; Data holds the names of the variables that were filled. A deletion changes nothing."""

    def act() -> Mapping[str, str]:
        if event["RequestType"] == "Delete":
            return {}
        return {"filled": ",".join(fill_secrets(event["ResourceProperties"]["Holders"]))}

    return answer_request(event, context, "fill the secrets", act)


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
