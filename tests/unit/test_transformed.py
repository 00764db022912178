"""The transformed template is kept for as long as nothing that it depends on changes."""

import dataclasses
import json
from pathlib import Path

import pytest

from local.api_gateway import transformed
from local.api_gateway.transformed import Transformed, read_transformed

SMALL = """
Transform: AWS::Serverless-2016-10-31
Parameters: {CorsOrigins: {Type: String, Default: ""}, Level: {Type: String, Default: info}}
Conditions: {IsLoud: !Equals [!Ref Level, debug]}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 30}}
  Greet:
    Type: AWS::Serverless::Function
    Properties: {Runtime: python3.13, Handler: greet.handler, CodeUri: functions/}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def transforms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were really transformed."""
    seen: list[str] = []
    real = transformed._transform
    monkeypatch.setattr(transformed, "_transform", lambda text, given: seen.append(text) or real(text, given))  # type: ignore[func-returns-value]
    return seen


def test_second_reading_is_the_same_and_transforms_nothing(template: Path, transforms: list[str], tmp_path: Path) -> None:
    first, second = (read_transformed(template, {}, tmp_path / "kept") for _ in range(2))
    assert first == second
    assert len(transforms) == 1
    assert first.code == {"Greet": "functions/"}
    assert first.parameters == {"CorsOrigins": "", "Level": "info"}
    assert first.conditions == {"IsLoud": {"Fn::Equals": [{"Ref": "Level"}, "debug"]}}
    assert first.resources["Greet"]["Type"] == "AWS::Lambda::Function"
    assert first.resources["Queue"]["Properties"] == {"VisibilityTimeout": 30}


def test_another_template_or_parameter_is_transformed(template: Path, transforms: list[str], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    read_transformed(template, {}, kept)
    assert read_transformed(template, {"CorsOrigins": "https://a.example"}, kept).parameters["CorsOrigins"] == "https://a.example"
    template.write_text(SMALL.replace("30", "31"))
    assert read_transformed(template, {}, kept).resources["Queue"]["Properties"] == {"VisibilityTimeout": 31}
    assert len(transforms) == 3


def test_another_translator_transforms_anew(
    template: Path, transforms: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_transformed(template, {}, tmp_path / "kept")
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "9.9.9")
    read_transformed(template, {}, tmp_path / "kept")
    assert len(transforms) == 2


@pytest.mark.parametrize("damage", ["", "{", "null", "[]", '{"parameters": {}}', '{"other": 1}', "\0" * 100])
def test_a_damaged_file_is_replaced(damage: str, template: Path, transforms: list[str], tmp_path: Path) -> None:
    first = read_transformed(template, {}, tmp_path / "kept")
    (file,) = (tmp_path / "kept").iterdir()
    file.write_text(damage)
    assert read_transformed(template, {}, tmp_path / "kept") == first
    assert Transformed(**json.loads(file.read_text())) == first
    assert len(transforms) == 2


def test_a_folder_that_cannot_be_made_costs_time_only(template: Path, transforms: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    first, second = (read_transformed(template, {}, tmp_path / "file" / "kept") for _ in range(2))
    assert dataclasses.asdict(first) == dataclasses.asdict(second)
    assert len(transforms) == 2


def test_only_the_latest_are_kept(template: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    for number in range(transformed._MAX_KEPT + 3):
        read_transformed(template, {"CorsOrigins": f"https://{number}.example"}, kept)
    assert len(list(kept.iterdir())) == transformed._MAX_KEPT
