"""The built-in rules: exact defaults, a runbook each, and no cause of a lower level than its effect."""

import re
from pathlib import Path

import pytest

from callwatch.alerts.notifications.channels import list_channels
from callwatch.alerts.rules.builtin import RULES, SEED_RULES
from callwatch.alerts.rules.metrics import METRICS
from callwatch.alerts.rules.rule import AlertRule
from callwatch.models.alert import AlertLevel
from callwatch.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
LOUDNESS = list(AlertLevel)
BY_ID = {rule.id: rule for rule in RULES}


def test_the_five_of_the_seed_have_their_defaults_to_the_letter() -> None:
    found = [
        (
            rule.id,
            rule.level.value,
            [(each.metric, each.comparison, each.threshold) for each in rule.list_conditions()],
            rule.cooldown_minutes,
            list(rule.channels),
            rule.for_s,
        )
        for rule in SEED_RULES
    ]
    assert found == [
        ("database_health", "critical", [("service.status", ">=", 2), ("service.latency_ms", ">", 5000)], 5, ["log", "email"], 0),
        (
            "high_error_rate",
            "error",
            [("errors.last_hour", ">", 50), ("errors.critical_last_hour", ">=", 1)],
            15,
            ["log", "webhook"],
            0,
        ),
        ("queue_backlog", "warning", [("queue.pending", ">", 100), ("queue.stale", ">", 5)], 30, ["log"], 0),
        (
            "api_degradation",
            "warning",
            [("requests.avg_ms_5m", ">", 3000), ("requests.count_5xx_5m", ">", 10)],
            10,
            ["log"],
            0,
        ),
        ("memory_usage", "warning", [("runtime.memory_percent", ">", 80)], 20, ["log"], 0),
    ]
    assert BY_ID["database_health"].labels == {"service": "database"}


def test_paging_channel_also_gets_database_alerts() -> None:
    rule = BY_ID["database_health"]
    assert list_channels(rule, Settings()) == ["log"]
    assert list_channels(rule, Settings(pagerduty_routing_key="k" * 32)) == ["log", "pagerduty"]


def test_ids_are_unique_and_each_rule_has_a_hint_for_people() -> None:
    assert len(BY_ID) == len(RULES)
    assert all(rule.hint and not rule.hint.endswith(".") for rule in RULES)


def test_described_metrics_are_those_that_rules_use() -> None:
    judged = {metric for rule in RULES for metric in rule.metrics}
    assert judged <= set(METRICS)
    assert set(METRICS) - judged == {"requests.p95_ms_5m"}


def test_rules_and_runbooks_stand_one_to_one() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"} == set(BY_ID)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_runbook_has_symptom_meaning_and_steps(rule: AlertRule) -> None:
    text = (RUNBOOKS / f"{rule.id}.md").read_text()
    parts = [text.index(part) for part in ("# ", "**Symptom.** ", "**Meaning.** ", "**First look at**\n", "**Remedy.** ")]
    assert parts == sorted(parts)
    steps = text[parts[3] : parts[4]]
    assert len(re.findall(r"^\d\. ", steps, re.MULTILINE)) >= 3
    commands = re.findall(r"`((?:get|product|psql|curl|aws|make|tail) [^`]+)`", steps)
    assert commands, "a first look needs a command that can be pasted"
    for path in re.findall(r"get '?(/api/[a-z/]*)", steps):
        assert path in ROUTES or path.rstrip("/") in ROUTES, f"{path} is no route"


ROUTES = set(re.findall(r"Path: (/api/[a-z/]+)", (ROOT / "template.yaml").read_text()))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_cause_is_quieter_than_what_it_holds_back(rule: AlertRule) -> None:
    for cause in rule.causes:
        found = BY_ID[cause.rule_id]
        if rule.level == AlertLevel.CRITICAL and found.level != AlertLevel.CRITICAL:
            # Only a critical cause holds back a critical alert: behind others it is notified in their incident.
            continue
        assert LOUDNESS.index(found.level) >= LOUDNESS.index(rule.level), f"{rule.id} would go unheard behind {found.id}"
        assert {*found.channels, *found.also} >= {*rule.channels, *rule.also} - {"log"}


@pytest.mark.parametrize("cause", ["vendor_auth", "vendor_quota", "service_down", "vendor_rate_limited"])
@pytest.mark.parametrize(
    ("rule_id", "labels"),
    [("cron_idle", {"cron": "process-transcription-queue"}), ("pipeline_stopped", {"stage": "transcriptions"})],
)
def test_work_that_a_vendor_stops_follows_from_it(cause: str, rule_id: str, labels: dict[str, str]) -> None:
    causes = [each for each in BY_ID[rule_id].causes if each.rule_id == cause]
    assert any(each.explains({"service": "deepgram"}, labels) for each in causes)
    assert not any(each.explains({"service": "openai"}, labels) for each in causes), "another stage's vendor"
    assert not any(each.explains({"service": "deepgram"}, {"cron": "retention", "stage": "analyses"}) for each in causes)


@pytest.mark.parametrize("cause", ["cron_late", "cron_idle"])
def test_a_stage_stands_still_because_of_its_cron(cause: str) -> None:
    causes = [each for each in BY_ID["pipeline_stopped"].causes if each.rule_id == cause]
    labels = {"stage": "transcriptions"}
    assert any(each.explains({"cron": "process-transcription-queue"}, labels) for each in causes)
    assert not any(each.explains({"cron": "process-recordings-v3"}, labels) for each in causes)


def test_no_rule_explains_itself_however_far_around() -> None:
    def above(rule_id: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        for cause in BY_ID[rule_id].causes:
            if cause.rule_id not in seen:
                seen = above(cause.rule_id, seen | {cause.rule_id})
        return seen

    assert [rule.id for rule in RULES if rule.id in above(rule.id)] == []


@pytest.mark.parametrize(
    ("cause", "labels"),
    [
        ("stuck_jobs", {"stage": "transcriptions"}),
        ("overdue_jobs", {"stage": "recordings"}),
        ("cron_idle", {"cron": "process-recordings-v3"}),
        ("cron_late", {"cron": "process-recordings-v3"}),
        ("service_down", {"service": "deepgram"}),
        ("vendor_rate_limited", {"service": "deepgram"}),
    ],
)
def test_a_backlog_follows_from_what_stops_its_queue(cause: str, labels: dict[str, str]) -> None:
    causes = BY_ID["queue_backlog"].causes
    assert any(each.rule_id == cause and each.explains(labels, {}) for each in causes)
    # Analyses have no queue: what stops them makes no backlog.
    for other in ({"stage": "analyses"}, {"cron": "retention"}, {"service": "openai"}):
        assert not any(each.rule_id == cause and each.explains(other, {}) for each in causes)
