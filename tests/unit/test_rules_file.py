"""RULES_FILE: what is right becomes rules, what is wrong is named with its line and its remedy."""

import json
from pathlib import Path

import pytest

from callwatch.alerts.builtin import RULE_IDS, RULES
from callwatch.alerts.manager import AlertManager
from callwatch.alerts.rule import Cause
from callwatch.alerts.rules_file import read_rules
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.settings import Settings

GOOD = {"id": "many", "name": "Many", "level": "warning", "metric": "queue.pending", "comparison": ">", "threshold": 10}


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.json"
    path.write_text(text)
    return path


def fault(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_rules(write(folder, text), RULES)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_whole_rule_is_read(tmp_path: Path) -> None:
    whole = GOOD | {
        "channels": ["log", "slack"], "cooldown_minutes": 10, "for_s": 60, "resolve_for_s": 120, "message": "many wait",
        "depends_on": ["database_health", {"rule_id": "service_down", "labels": {"service": "openai"}}],
        "labels": {"stage": "recordings"}, "runbook": "https://example.com/many", "also": ["email"],
    }  # fmt: skip
    (rule,) = read_rules(write(tmp_path, json.dumps([whole])), RULES)
    assert (rule.id, rule.level, rule.cooldown_minutes, rule.for_s, rule.resolve_for_s) == (
        "many",
        AlertLevel.WARNING,
        10,
        60,
        120,
    )
    assert (rule.channels, rule.also) == ((AlertChannel.LOG, AlertChannel.SLACK), (AlertChannel.EMAIL,))
    assert rule.causes == (Cause("database_health"), Cause("service_down", {"service": "openai"}))
    assert (rule.labels, rule.runbook, rule.message) == ({"stage": "recordings"}, "https://example.com/many", "many wait")


def test_a_rule_of_the_file_takes_the_place_of_a_built_in_one(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps([GOOD | {"id": "queue_backlog", "threshold": 500}]))
    found = {rule.id: rule for rule in AlertManager().rules(Settings(rules_file=str(path)))}
    assert found["queue_backlog"].all_conditions()[0].threshold == 500
    assert set(found) == RULE_IDS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metric": "queue.pendin"}, "docs/alerting.md lists them; did you mean queue.pending?"),
        ({"level": "loud"}, "level takes one of info, warning, error, critical"),
        ({"channels": ["log", "fax"]}, "channels takes a list of log, email"),
        ({"channels": "log"}, "channels takes a list of log, email"),
        ({"comparison": "=>"}, "comparison takes one of > >="),
        ({"comparison": ["x"]}, "comparison takes one of > >="),
        ({"threshold": "10"}, "threshold takes a number"),
        ({"threshold": True}, "threshold takes a number"),
        ({"threshold": float("nan")}, "threshold takes a finite number"),
        ({"cooldown_minutes": 4}, "cooldown_minutes takes 5 or more"),
        ({"for_s": -1}, "for_s takes seconds from 0"),
        ({"depends_on": ["nobody"]}, "depends_on names nobody, which is no other rule"),
        ({"depends_on": ["many"]}, "depends_on names many, which is no other rule"),
        ({"depends_on": [{"rule": "x"}]}, "depends_on takes a list of rule ids"),
        ({"labels": {"a": 1}}, "labels takes an object of texts"),
        ({"labels": []}, "labels takes an object of texts"),
        ({"id": "with blank"}, "a rule's id takes 1 to 100 letters"),
        ({"id": 7}, "id takes a text"),
        ({"colour": "red"}, "colour is no field of a rule; fields are id, name"),
        ({"runbook": "page.md"}, "runbook takes an http or https URL"),
        ({"message": ""}, "message takes a text"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_with_its_line_and_remedy(tmp_path: Path, change: dict[str, object], says: str) -> None:
    fields = list((GOOD | change).items())
    text = "[\n  {\n" + ",\n".join(f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in fields) + "\n  }\n]"
    found = fault(tmp_path, text)
    line = 3 + [name for name, _value in fields].index(next(iter(change)))
    assert found.startswith(f"RULES_FILE, line {line}: ")
    assert says in found


@pytest.mark.parametrize(
    ("causes", "says"),
    [
        ({"a": ["b"], "b": ["a"]}, "line 2: depends_on goes in a circle: a -> b -> a; take one of these out"),
        ({"d": ["a"], "a": ["b", "c"], "b": [], "c": ["e"], "e": ["a"]}, "line 3: depends_on goes in a circle: a -> c -> e"),
        ({"database_health": ["a"], "a": ["queue_backlog"]}, "database_health -> a -> queue_backlog -> database_health"),
    ],
)  # fmt: skip
def test_rules_that_follow_from_each_other_are_named(tmp_path: Path, causes: dict[str, list[object]], says: str) -> None:
    rules = [json.dumps(GOOD | {"id": name, "depends_on": of}) for name, of in causes.items()]
    assert says in fault(tmp_path, "[\n" + ",\n".join(rules) + "\n]")


def test_two_rules_with_one_cause_are_no_circle(tmp_path: Path) -> None:
    causes = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["database_health"]}
    rules = [GOOD | {"id": name, "depends_on": of} for name, of in causes.items()]
    assert len(read_rules(write(tmp_path, json.dumps(rules)), RULES)) == 4


@pytest.mark.parametrize("name", list(GOOD))
def test_a_missing_field_is_named_with_the_line_of_its_rule(tmp_path: Path, name: str) -> None:
    rest = {each: value for each, value in GOOD.items() if each != name}
    text = "[\n" + json.dumps(GOOD | {"id": "first"}) + ",\n" + json.dumps(rest) + "\n]"
    assert fault(tmp_path, text).startswith(f"RULES_FILE, line 3: {name} is missing")


def test_an_id_that_stands_there_twice_names_both_lines(tmp_path: Path) -> None:
    text = "[\n" + json.dumps(GOOD) + ",\n\n" + json.dumps(GOOD) + "]"
    assert fault(tmp_path, text) == "RULES_FILE, line 4: id many is taken by the rule of line 2; give it another one"


def test_a_field_that_stands_there_twice_is_named(tmp_path: Path) -> None:
    assert fault(tmp_path, '[{"id": "a",\n"id": "b"}]') == "RULES_FILE, line 2: id stands there twice; keep one of them"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[\n{"id": "a",\n]', "RULES_FILE, line 3: "),
        ("", "RULES_FILE, line 1: "),
        ("{}", "it takes a JSON list of rules"),
        ("[1]", "RULES_FILE, line 1: a rule is an object"),
        ("[" * 100000, "RULES_FILE"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in fault(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="takes a file that can be read"):
        read_rules(tmp_path / "none.json")
    path = tmp_path / "binary.json"
    path.write_bytes(b"\xff\xfe[]")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_rules(path)


def test_an_empty_list_is_no_rules(tmp_path: Path) -> None:
    assert read_rules(write(tmp_path, " [ ] ")) == []
