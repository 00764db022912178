"""The template as plain data, transformed as CloudFormation sees it."""

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.template_text import parse_template

ROOT = Path(__file__).resolve().parents[2]
# A name in a Fn::Sub; pseudo parameters are none.
_SUB = re.compile(r"\$\{([A-Za-z]\w*)(?:\.[\w.]+)?\}")


@functools.cache
def source() -> dict[str, Any]:
    """Return template.yaml with its intrinsics in their long form."""
    plain: dict[str, Any] = json.loads(json.dumps(parse_template((ROOT / "template.yaml").read_text())))
    return plain


@functools.cache
def transformed(**parameters: str) -> dict[str, Any]:
    """Return the same after the SAM transform: plain CloudFormation. parameters: those that SAM reads itself."""
    # Half a second of imports, which only few of the processes that collect need.
    import boto3
    from samtranslator.public.translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform

    template = json.loads(json.dumps(source()))
    for resource in template["Resources"].values():
        # A real transform follows the upload of the code; any address works to read the rest.
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/key"
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1"}):
        loader = ManagedPolicyLoader(boto3.client("iam", region_name="us-east-1"))
        result: dict[str, Any] = transform(template, {"Stage": "dev", **parameters}, loader)
    return result


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """Logical ids and properties of the transformed resources of one type."""
    return {
        name: resource.get("Properties", {}) for name, resource in transformed()["Resources"].items() if resource["Type"] == kind
    }


def list_references(value: Any, conditions: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield each parameter and resource that a value refers to. conditions: those of the template, to follow them, too."""
    if isinstance(value, list):
        for item in value:
            yield from list_references(item, conditions)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.partition(".")[0]
            elif key == "Fn::Sub":
                text, local = (item, {}) if isinstance(item, str) else item
                yield from (found for found in _SUB.findall(text) if found not in local)
                yield from list_references(local, conditions)
            elif conditions is not None and key == "Condition" and isinstance(item, str):
                yield from list_references(conditions[item], conditions)
            elif conditions is not None and key == "Fn::If":
                yield from list_references([conditions[item[0]], *item[1:]], conditions)
            else:
                yield from list_references(item, conditions)


def list_statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all statements of a role's inline policies, the conditional ones included."""
    found = [statement for policy in role.get("Policies", []) for statement in policy["PolicyDocument"]["Statement"]]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in found]


def as_list(value: Any) -> list[Any]:
    """Return a value that may be single or a list as a list."""
    return value if isinstance(value, list) else [value]
