"""RULES_FILE: valid entries become rules, invalid ones are named with their line and the remedy."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.rules.builtin import RULE_IDS, RULES
from callwatch.alerts.rules.manager import AlertManager
from callwatch.alerts.rules.metrics import METRICS
from callwatch.alerts.rules.rule import Cause
from callwatch.alerts.rules.rules_file import read_rules
from callwatch.alerts.rules.start_check import check_rules_file, list_label_values
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.settings import Settings
from callwatch.settings.variables import SettingProblem

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
        "metric": "pipeline.stuck",
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
    found = {rule.id: rule for rule in AlertManager().list_rules(Settings(rules_file=str(path)))}
    assert found["queue_backlog"].list_conditions()[0].threshold == 500
    assert set(found) == RULE_IDS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"metric": "queue.pendin"}, "docs/alerting.md lists them; did you mean queue.pending?"),
        ({"level": "loud"}, "level must be one of info, warning, error, critical"),
        ({"channels": ["log", "fax"]}, "channels must be a list of log, email"),
        ({"channels": "log"}, "channels must be a list of log, email"),
        ({"comparison": "=>"}, "comparison must be one of > >="),
        ({"comparison": ["x"]}, "comparison must be one of > >="),
        ({"threshold": "10"}, "threshold must be a number"),
        ({"threshold": True}, "threshold must be a number"),
        ({"threshold": float("nan")}, "threshold must be a number"),
        ({"cooldown_minutes": 4}, "cooldown_minutes must be from 5 to "),
        ({"cooldown_minutes": 1e12}, "cooldown_minutes must be from 5 to "),
        ({"for_s": -1}, "for_s must be seconds from 0"),
        ({"depends_on": ["nobody"]}, "depends_on names nobody, but must name other rules"),
        ({"depends_on": ["many"]}, "depends_on names many, but must name other rules"),
        ({"depends_on": [{"rule": "x"}]}, "depends_on must be a list of rule ids"),
        ({"labels": {"a": 1}}, "labels must be an object of texts"),
        ({"labels": {"stage": "recordings"}}, "labels names stage, which queue.pending never has; it has no labels"),
        ({"name": "half \ud800"}, "name must be one line of at most 200 characters, without NUL and half surrogate pairs"),
        ({"message": "\x00"}, "message must be a text of at most 500 characters, without NUL and half surrogate pairs"),
        ({"labels": {"stage": "\udfff"}}, "labels must be an object of texts of at most 200 characters, without NUL"),
        ({"labels": []}, "labels must be an object of texts"),
        ({"id": "with blank"}, "id must be 1 to 100 letters"),
        ({"id": 7}, "id must be a text"),
        ({"colour": "red"}, "colour is not a field of a rule; fields are id, name"),
        ({"runbook": "page.md"}, "runbook must be an http or https URL"),
        ({"message": ""}, "message must be a text"),
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
    ("metric", "comparison", "threshold", "says"),
    [
        ("webhooks.error_ratio", ">", 10, "a share from 0 to 1 (0.1 is 10 %); webhooks.error_ratio > 10 is never or always met"),
        ("webhooks.error_ratio", ">", 1, "a share from 0 to 1"),
        ("webhooks.error_ratio", "<=", 1, "a share from 0 to 1"),
        ("webhooks.error_ratio", ">", -0.5, "a share from 0 to 1"),
        ("runtime.memory_percent", ">=", 101, "a percentage from 0 to 100"),
        ("service.status", "==", 3, "0 (healthy), 1 (degraded) or 2 (unhealthy)"),
        ("queue.up", "<", 0, "0 (no) or 1 (yes)"),
        ("queue.pending", "<", -1, "above 0, or 0 with a comparison that not every value meets; queue.pending < -1"),
        ("queue.oldest_message_s", ">=", 0, "above 0, or 0 with a comparison"),
        ("requests.avg_ms_5m", "!=", -5, "above 0, or 0 with a comparison"),
        ("cron.late", ">", -1, "above 0, or 0 with a comparison"),
    ],
)
def test_threshold_that_is_never_met_is_refused(
    tmp_path: Path, metric: str, comparison: str, threshold: float, says: str
) -> None:
    found = fault(tmp_path, json.dumps([GOOD | {"metric": metric, "comparison": comparison, "threshold": threshold}]))
    assert found.startswith("RULES_FILE, line 1: threshold must be ")
    assert says in found


@pytest.mark.parametrize(
    ("metric", "comparison", "threshold"),
    [("webhooks.error_ratio", ">", 0), ("webhooks.error_ratio", ">=", 1), ("webhooks.error_ratio", "<", 1), ("queue.up", "<", 1),
     ("service.status", "==", 1), ("service.status", "!=", 0), ("runtime.memory_percent", ">", 99.5), ("queue.pending", ">", 9)],
)  # fmt: skip
def test_threshold_that_can_be_met_is_taken(tmp_path: Path, metric: str, comparison: str, threshold: float) -> None:
    given = GOOD | {"metric": metric, "comparison": comparison, "threshold": threshold}
    assert len(read_rules(write(tmp_path, json.dumps([given])))) == 1


def test_built_in_rules_name_only_labels_of_their_metric() -> None:
    for rule in RULES:
        for condition in rule.list_conditions():
            assert {*rule.labels, *condition.labels, *rule.joined} <= set(METRICS[condition.metric].labels), rule.id


def test_label_of_another_metric_names_those_it_carries(tmp_path: Path) -> None:
    given = GOOD | {"metric": "service.status", "threshold": 1, "labels": {"stage": "recordings"}}
    assert fault(tmp_path, json.dumps([given])).endswith("labels names stage, which service.status never has; it has service")


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ({"labels": {"stage": "a"}}, "names the label stage, but alerts of service_down have service"),
        ({"where": {"service": "a"}}, "names the label service, but alerts of many have stage"),
        ({"same": ["stage"]}, "names the label stage, but alerts of service_down have service"),
        ({"same": ["service"]}, "names the label service, but alerts of many have stage"),
    ],
)
def test_cause_by_a_label_alerts_never_have_is_rejected(tmp_path: Path, cause: dict[str, object], says: str) -> None:
    given = GOOD | {"metric": "pipeline.stuck", "depends_on": [{"rule_id": "service_down", **cause}]}
    assert says in fault(tmp_path, json.dumps([given]))


def test_built_in_causes_name_only_labels_they_have(tmp_path: Path) -> None:
    for rule in RULES:
        causes = [
            {"rule_id": cause.rule_id, "labels": dict(cause.labels), "where": dict(cause.where), "same": list(cause.same)}
            for cause in rule.causes
        ]
        condition = rule.list_conditions()[0]
        given = {"metric": condition.metric, "comparison": condition.comparison, "threshold": condition.threshold}
        assert read_rules(write(tmp_path, json.dumps([GOOD | given | {"id": rule.id, "depends_on": causes}])), RULES)


def test_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(json.dumps([GOOD]).encode("utf-8-sig"))
    assert [rule.id for rule in read_rules(path)] == ["many"]


@pytest.mark.parametrize("name", ["a\nBcc: somebody", "a\tb", "\x1b[31m", "a\u2028b", "\u202eb", "a\x00", "\ud83d"])
def test_name_of_several_lines_is_rejected(tmp_path: Path, name: str) -> None:
    assert "name must be one line" in fault(tmp_path, json.dumps([GOOD | {"name": name}]))


def test_number_of_too_many_digits_is_refused(tmp_path: Path) -> None:
    assert fault(tmp_path, "[" + "9" * 5000 + "]") == "numbers in RULES_FILE must have at most 4,300 digits"


@pytest.mark.parametrize(
    ("causes", "says"),
    [
        ({"a": ["b"], "b": ["a"]}, "line 2: depends_on must not form a circle: a -> b -> a; remove one of these"),
        ({"d": ["a"], "a": ["b", "c"], "b": [], "c": ["e"], "e": ["a"]}, "line 3: depends_on must not form a circle: a -> c"),
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
    assert fault(tmp_path, text) == "RULES_FILE, line 4: id many is also the id of the rule in line 2; it must be unique"


def test_a_field_that_stands_there_twice_is_named(tmp_path: Path) -> None:
    assert fault(tmp_path, '[{"id": "a",\n"id": "b"}]') == "RULES_FILE, line 2: id is given twice; keep one"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[\n{"id": "a",\n]', "RULES_FILE, line 3: "),
        ("", "RULES_FILE, line 1: "),
        ("{}", "the file must be a JSON list of rules"),
        ("[1]", "RULES_FILE, line 1: a rule must be an object"),
        ("[" * 100000, "RULES_FILE"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(tmp_path: Path, text: str, says: str) -> None:
    assert says in fault(tmp_path, text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must be a readable file"):
        read_rules(tmp_path / "none.json")
    path = tmp_path / "binary.json"
    path.write_bytes(b"\xff\xfe[]")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_rules(path)


def test_an_empty_list_is_no_rules(tmp_path: Path) -> None:
    assert read_rules(write(tmp_path, " [ ] ")) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"metric": "service.status", "threshold": 1, "labels": {"service": "opnai"}},
            "labels names the service opnai, which does not exist; allowed values are convoso, crm, database, deepgram, openai",
        ),
        (
            {"metric": "provider.status", "threshold": 1, "labels": {"service": "database"}},
            "labels names the service database, which does not exist; allowed values are convoso, crm, deepgram, openai",
        ),
        (
            {"metric": "pipeline.stuck", "labels": {"stage": "recording"}},
            "labels names the stage recording, which does not exist; allowed values are analyses, recordings, transcriptions",
        ),
        (
            {"metric": "slo.errors_burn", "labels": {"window": "1h"}},
            "labels names the window 1h, which does not exist; allowed values are 1h_5m, 3d_6h, 6h_30m",
        ),
        (
            {"metric": "channel.broken", "threshold": 0.5, "labels": {"channel": "slack:opps"}},
            "the channel slack:opps, which does not",
        ),
        (
            {"metric": "product.clock_skew", "labels": {"table": "call"}},
            "labels names the table call, which does not exist; allowed values are agencies, analyses, call_events, calls,",
        ),
        ({"metric": "schema.lost", "threshold": 1, "comparison": ">=", "labels": {"table": "cals"}}, "names the table cals"),
        ({"metric": "cron.late", "labels": {"cron": "nightly"}}, "labels names the cron nightly, which does not exist"),
        ({"metric": "vendor.quota", "labels": {"service": "\N{RIGHT-TO-LEFT OVERRIDE}"}}, "names the service '\\u202e'"),
        (
            {"depends_on": [{"rule_id": "service_down", "labels": {"service": "opnai"}}]},
            "depends_on names the service opnai, which does not exist",
        ),
        (
            {"metric": "pipeline.stuck", "depends_on": [{"rule_id": "service_down", "where": {"stage": "x"}}]},
            "depends_on names the stage x, which does not exist",
        ),
    ],
)
def test_label_value_that_cannot_occur_is_refused_at_the_start(change: dict[str, object], says: str, tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps([GOOD | change], indent=0))
    settings = Settings(http_checks=({"name": "crm", "url": "https://crm.example.com"},))
    with pytest.raises(ConfigurationError) as caught:
        check_rules_file({"RULES_FILE": str(path)}, settings)
    assert says in str(caught.value)
    assert str(caught.value).startswith("RULES_FILE, line ")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("service.status", {"service": "crm"}),
        ("product_database.up", {"service": "product_database"}),
        ("agency.silent", {"agency": "anything"}),
        ("requests.route_p95_ms", {"route": "/anything"}),
        ("schema.drift", {"table": "calls"}),
        ("fields.null_rate", {"source": "anything", "field": "lead_id"}),
        ("queue.waiting_age_s", {"queue": "critical"}),
        ("channel.broken", {"channel": "slack:ops"}),
    ],
)
def test_label_value_that_may_occur_is_taken(metric: str, labels: dict[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps([GOOD | {"metric": metric, "labels": labels, "threshold": 0.5}]))
    settings = Settings(http_checks=({"name": "crm", "url": "https://crm.example.com"},), named_channels={"slack:ops": None})
    check_rules_file({"RULES_FILE": str(path)}, settings)


@pytest.mark.parametrize(
    ("variable", "metric", "labels"),
    [
        ("HTTP_CHECKS", "service.status", {"service": "crm"}),
        ("CHANNEL_SETTINGS", "channel.broken", {"channel": "slack:ops"}),
    ],
)
def test_values_are_open_while_their_setting_is_invalid(
    variable: str, metric: str, labels: dict[str, str], tmp_path: Path
) -> None:
    path = write(tmp_path, json.dumps([GOOD | {"metric": metric, "threshold": 0.5, "labels": labels}]))
    problem = SettingProblem(variable, f"{variable} must be JSON", "what it names")
    check_rules_file({"RULES_FILE": str(path)}, Settings(problems=(problem,)))
    with pytest.raises(ConfigurationError):
        check_rules_file({"RULES_FILE": str(path)}, Settings())


_NAMES = st.from_regex(r"(slack|email|webhook):[a-z][a-z0-9_]{0,19}", fullmatch=True)


@given(st.dictionaries(_NAMES, st.none(), min_size=1))
def test_a_rule_may_be_about_any_named_channel(named: dict[str, None]) -> None:
    allowed = list_label_values(Settings(named_channels=named))("channel.broken", "channel")
    assert allowed == frozenset({*AlertChannel, *named})


def test_built_in_rules_name_only_values_that_may_occur() -> None:
    find = list_label_values(Settings())
    for rule in RULES:
        for condition in rule.list_conditions():
            for name, value in {**rule.labels, **condition.labels}.items():
                allowed = find(condition.metric, name)
                assert allowed is None or value in allowed, rule.id
