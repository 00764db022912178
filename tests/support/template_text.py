"""Reads CloudFormation templates as SAM does, at an eighth of the time: every process of a run reads them as it collects."""

from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor


class _Loader(yaml.CSafeLoader):
    """SAM's own reading of intrinsics on libyaml; its parser in Python takes 0.7 s of a processor for the template."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def parse_template(text: str) -> dict[str, Any]:
    """Return a template with its intrinsics in their long form."""
    parsed: dict[str, Any] = yaml.load(text, _Loader)
    return parsed
