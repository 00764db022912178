"""The template's queues: messages live long, and no function can trigger itself through them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.template import as_list, source

RESOURCES: dict[str, Any] = source()["Resources"]
QUEUES = sorted(name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::SQS::Queue")
FUNCTIONS = sorted(name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::Serverless::Function")
ALARMS = {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
SOURCES = [resource["Properties"] for resource in RESOURCES.values() if resource["Type"] == "AWS::Lambda::EventSourceMapping"]
MAX_RETENTION_S = 14 * 24 * 3600


def names_in(value: Any, known: list[str]) -> set[str]:
    return {name for name in known if re.search(rf"\b{name}\b", str(value))}


def sent_to(function: str) -> Iterator[str]:
    """Return the queues to which a function may send."""
    for policy in RESOURCES[function]["Properties"].get("Policies", []):
        for statement in policy["Statement"]:
            # A statement may depend on a condition; one that may hold counts.
            for either in statement["Fn::If"][1:] if "Fn::If" in statement else [statement]:
                if "sqs:SendMessage" in as_list(either.get("Action", [])):
                    yield from names_in(either["Resource"], QUEUES)


def test_no_function_can_trigger_itself_by_any_way() -> None:
    ways: dict[str, set[str]] = {name: set(sent_to(name)) for name in FUNCTIONS}
    for mapping in SOURCES:
        (queue,), (function,) = names_in(mapping["EventSourceArn"], QUEUES), names_in(mapping["FunctionName"], FUNCTIONS)
        ways.setdefault(queue, set()).add(function)
    for name in QUEUES:
        ways.setdefault(name, set()).update(names_in(RESOURCES[name]["Properties"].get("RedrivePolicy"), QUEUES))
    for mapping in SOURCES:
        (start,) = names_in(mapping["FunctionName"], FUNCTIONS)
        reached, ahead = set(), set(ways[start])
        while ahead:
            name = ahead.pop()
            reached.add(name)
            ahead |= ways.get(name, set()) - reached
        assert start not in reached, f"{start} can trigger itself"


def test_a_function_behind_a_queue_has_a_recursion_alarm() -> None:
    for mapping in SOURCES:
        (function,) = names_in(mapping["FunctionName"], FUNCTIONS)
        watched = [alarm for alarm in ALARMS.values() if alarm.get("MetricName") == "RecursiveInvocationsDropped"]
        assert any(names_in(alarm["Dimensions"], [function]) for alarm in watched), function


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queue_keeps_messages_14_days(queue: str) -> None:
    assert RESOURCES[queue]["Properties"]["MessageRetentionPeriod"] == MAX_RETENTION_S


@pytest.mark.parametrize("queue", QUEUES)
def test_an_alarm_fires_hours_after_a_message_waits(queue: str) -> None:
    alarms = [alarm for alarm in ALARMS.values() if alarm.get("MetricName") == "ApproximateAgeOfOldestMessage"]
    thresholds = [alarm["Threshold"] for alarm in alarms if names_in(alarm["Dimensions"], [queue])]
    assert max(thresholds) <= 6 * 3600
