"""Rules that people send: the checks of RULES_FILE with errors that name the field; a damaged stored rule costs itself."""

import json
from typing import Any

import pytest

from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.own_rules import load_own_rules, parse_own_rule
from callwatch.alerts.rules.phrases import describe_rule
from callwatch.exceptions import Invalid
from callwatch.models.alert import AlertLevel

QUEUE: dict[str, Any] = {
    "id": "long_queue", "name": "Long queue", "level": "error", "metric": "queue.pending", "comparison": ">", "threshold": 500,
}  # fmt: skip


def test_a_rule_is_read_as_from_the_file() -> None:
    given = {**QUEUE, "for_s": 300, "channels": ["log", "slack"], "depends_on": ["database_health"], "message": "Too much"}
    rule, definition = parse_own_rule(given, RULES)
    assert (rule.id, rule.level, rule.for_s, [cause.rule_id for cause in rule.causes]) == (
        "long_queue",
        AlertLevel.ERROR,
        300,
        ["database_health"],
    )
    assert definition == given
    assert describe_rule(rule) == "the number of rows that wait in the product's queues > 500 for 5 min"


@pytest.mark.parametrize(
    ("change", "field", "remedy"),
    [
        ({"threshold": None}, "threshold", "must be a number"),
        ({"threshold": True}, "threshold", "must be a number"),
        ({"metric": "queue.pendin"}, "metric", "did you mean queue.pending?"),
        ({"comparison": "="}, "comparison", "must be one of > >= < <= == !="),
        ({"level": ["error"]}, "level", "must be one of info, warning, error, critical"),
        ({"level": {}}, "level", "must be one of"),
        ({"cooldown_minutes": 1}, "cooldown_minutes", "must be from 5 to "),
        ({"for_s": -1}, "for_s", "must be seconds from 0"),
        ({"channels": "log"}, "channels", "must be a list of log, email"),
        ({"channels": ["fax"]}, "channels", "must be a list of log, email"),
        ({"labels": {"stage": "x"}}, "labels", "which queue.pending never has"),
        ({"labels": [1]}, "labels", "must be an object of texts"),
        ({"depends_on": ["no_such_rule"]}, "depends_on", "must name other rules"),
        ({"depends_on": ["long_queue"]}, "depends_on", "must name other rules"),
        ({"id": "a b"}, "id", "must be 1 to 100 letters"),
        ({"id": 7}, "id", "must be a text"),
        ({"name": "a\nb"}, "name", "must be one line"),
        ({"name": "a\x00b"}, "name", "must be one line"),
        ({"message": "\ud800"}, "message", "must be a text"),
        ({"runbook": "ftp://x"}, "runbook", "must be an http or https URL"),
        ({"runbook": "https://x/" + "a" * 2000}, "runbook", "at most 2,000 characters"),
        ({"runbook": 5}, "runbook", "must be an http or https URL"),
        ({"treshold": 5}, "treshold", "is not a field of a rule"),
        ({"threshold": float("nan")}, "threshold", "must be a number"),
        ({"message": "a" * 20_000}, "rule", "at most 16,000 characters"),
    ],
)
def test_an_error_names_the_field_and_the_remedy(change: dict[str, Any], field: str, remedy: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_own_rule({**QUEUE, **change}, RULES)
    assert caught.value.field == field
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("given", [None, [], "rule", 5, {}])
def test_what_is_no_rule_is_refused(given: object) -> None:
    with pytest.raises(Invalid):
        parse_own_rule(given, RULES)


def test_a_circle_with_another_own_rule_is_refused() -> None:
    other, _definition = parse_own_rule({**QUEUE, "id": "other", "depends_on": ["long_queue"]}, [parse_own_rule(QUEUE, RULES)[0]])
    with pytest.raises(Invalid, match="must not form a circle"):
        parse_own_rule({**QUEUE, "depends_on": ["other"]}, [*RULES, other])


def test_private_data_in_the_texts_is_scrubbed() -> None:
    _rule, definition = parse_own_rule({**QUEUE, "message": "ask jane.doe@example.com"}, RULES)
    assert "jane" not in str(definition["message"])


def test_a_damaged_row_costs_only_itself() -> None:
    rows = [
        ("long_queue", json.dumps(QUEUE)),
        ("renamed", json.dumps(QUEUE)),
        ("old", json.dumps({**QUEUE, "id": "old", "metric": "gone.metric"})),
        ("list", "[1]"),
        ("deep", "[" * 100_000),
        ("text", "{"),
        ("bad id", "{}"),
    ]
    own = load_own_rules(rows)
    assert [rule.id for rule in own.rules] == ["long_queue", "renamed", "old", "list", "deep", "text"]
    assert set(own.broken) == {"renamed", "old", "list", "deep", "text", "bad id"}
    assert "metric: must be a metric" in own.broken["old"]
    assert {sample.metric for sample in own.samples} >= {"custom.renamed", "custom.old"}
    broken = {rule.id: rule for rule in own.rules}["old"]
    assert (broken.name, broken.level) == ("Long queue", AlertLevel.ERROR)
    assert describe_rule(broken) == "never, because its stored definition is invalid"
