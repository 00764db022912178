"""Owns the template after SAM's transform, kept from one start to the next: the translator needs seconds of a processor."""

import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.account import REGION
from local.private_file import write_private

KEPT = Path(__file__).resolve().parents[2] / ".build" / "transformed"
# Each change of the template or of an origin leaves one, of 300 kB.
_MAX_KEPT = 8


@dataclass(frozen=True, slots=True)
class Transformed:
    """The template's parameters, conditions and plain resources; `code` has each function's folder, relative to the template."""

    parameters: dict[str, str]
    conditions: dict[str, Any]
    resources: dict[str, Any]
    code: dict[str, str]


class _NoPolicies:
    """No managed policies: there is no local IAM."""

    def load(self) -> dict[str, str]:
        """Return no names and no ARNs."""
        return {}


def read_transformed(path: Path, given: Mapping[str, str], folder: Path = KEPT) -> Transformed:
    """Transform a template with `given` in place of its parameters' defaults, or return what is kept of the very same."""
    text = path.read_text()
    # Whatever the result depends on: the inputs, the translator, and this module.
    translator = importlib.metadata.version("aws-sam-translator")
    parts = [text, json.dumps(given, sort_keys=True), translator, Path(__file__).read_text()]
    kept = folder / f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}.json"
    # Damaged or of another shape: transform again.
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Transformed(**json.loads(kept.read_text()))
    found = _transform(text, given)
    # A checkout that cannot be written to is slower, and works.
    with contextlib.suppress(OSError):
        _keep(kept, json.dumps(asdict(found)))
    return found


def _transform(text: str, given: Mapping[str, str]) -> Transformed:
    # The import alone takes half a second.
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    # The translator collects usage metrics and warns at exit that they were not published.
    logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)
    source = json.loads(json.dumps(yaml_parse(text)))
    code = _take_code(source)
    # The translator reads nothing but a region from the environment.
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    parameters = {name: str(parameter.get("Default", "")) for name, parameter in source.get("Parameters", {}).items()}
    parameters |= given
    conditions = source.get("Conditions", {})
    resources = transform(source, dict(parameters), _NoPolicies())["Resources"]
    # Plain dicts, as those that are read from the file.
    plain: dict[str, Any] = json.loads(json.dumps(resources))
    return Transformed(parameters, conditions, plain, code)


def _take_code(source: dict[str, Any]) -> dict[str, str]:
    """Return the code folder of each function; the translator expects an uploaded archive instead."""
    default = source.get("Globals", {}).get("Function", {}).pop("CodeUri", ".")
    code = {}
    for name, resource in source["Resources"].items():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            code[name] = properties.get("CodeUri", default)
            properties["CodeUri"] = "s3://local/code"
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = "s3://local/layer"
    return code


def _keep(kept: Path, content: str) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_private(kept, content)
    by_age = sorted(kept.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
    for old in by_age[:-_MAX_KEPT]:
        old.unlink(missing_ok=True)
