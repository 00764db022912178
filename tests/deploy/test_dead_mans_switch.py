"""The dead man's switch: the alarm waits for the metric that a cycle writes."""

import importlib.util
import json
from typing import Any

import pytest

from callwatch.settings import reset_settings
from tests.deploy.template import ROOT, of_type


def steps(**errors: str) -> dict[str, Any]:
    names = ("prepare", "flush", "check", "measure", "evaluate", "notify")
    return {name: {"error": errors.get(name)} for name in names}


def read_metric(report: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the line in CloudWatch's embedded metric format that a cycle prints."""
    monkeypatch.setenv("STAGE", "prod")
    reset_settings()
    spec = importlib.util.spec_from_file_location("run_monitor", ROOT / "functions" / "run_monitor.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._count_cycle(report)
    found: dict[str, Any] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return found


def test_the_alarm_waits_for_the_very_metric_that_a_cycle_leaves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = read_metric({"is_database_up": True, "steps": steps()}, monkeypatch, capsys)
    alarm = of_type("AWS::CloudWatch::Alarm")["MonitorSilentAlarm"]
    (published,) = line["_aws"]["CloudWatchMetrics"]
    assert published["Namespace"] == alarm["Namespace"]
    assert alarm["MetricName"] in [metric["Name"] for metric in published["Metrics"]]
    wanted = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    assert set(wanted) in [set(names) for names in published["Dimensions"]]
    assert wanted["service"] == line["service"]
    assert (wanted["stage"], line["stage"]) == ({"Ref": "Stage"}, "prod")
    assert line[alarm["MetricName"]] == [1.0]


def test_no_word_of_it_is_an_alarm_to_a_topic_of_its_own() -> None:
    alarm = of_type("AWS::CloudWatch::Alarm")["MonitorSilentAlarm"]
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 180
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == ("Sum", "LessThanThreshold", 1)
    topics = of_type("AWS::SNS::Topic")
    (action,) = alarm["AlarmActions"]
    assert action["Ref"] in topics
    assert action["Ref"] != "AlertTopic"
    key = of_type("AWS::KMS::Key")[topics[action["Ref"]]["KmsMasterKeyId"]["Ref"]]
    (alarms,) = [s for s in key["KeyPolicy"]["Statement"] if s["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert alarms["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"], "else an alarm could not publish to its topic"


@pytest.mark.parametrize(
    ("is_database_up", "errors", "completed"),
    [
        (True, {}, 1.0),
        (True, {"flush": "QueueUnavailable", "measure": "KeyError"}, 1.0),
        (True, {"evaluate": "KeyError"}, 0.0),
        (True, {"notify": "KeyError"}, 0.0),
        (False, {"notify": "database unavailable"}, 1.0),
        (False, {"evaluate": "KeyError", "notify": "database unavailable"}, 0.0),
    ],
)
def test_a_cycle_that_could_not_have_told_anybody_does_not_count(
    is_database_up: bool,
    errors: dict[str, str],
    completed: float,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = read_metric({"is_database_up": is_database_up, "steps": steps(**errors)}, monkeypatch, capsys)
    assert line["CycleCompleted"] == [completed]
