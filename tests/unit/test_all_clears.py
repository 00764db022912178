"""An all-clear needs newer evidence: what only leaves the window of its metric keeps firing, as unknown, with the reason."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.evaluation.context import Context
from callwatch.alerts.evaluation.evaluate import BLIND_RULE, BROKEN_RULE, evaluate
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.own_rules.complete_metrics import COMPLETE
from callwatch.alerts.own_rules.metric_history import _load_sample
from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.metrics import METRICS
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.pipeline.completeness import list_availability_samples, list_completeness_samples
from callwatch.pipeline.costs.pricing import DayCosts, ItemCost
from callwatch.pipeline.costs.sums import list_cost_samples
from callwatch.pipeline.crons import list_cron_samples
from callwatch.pipeline.freshness import list_freshness_samples
from callwatch.pipeline.queries.described import Availability, Heartbeats, Webhooks
from callwatch.pipeline.queries.query_runner import Measured
from callwatch.pipeline.samples import list_product_samples
from callwatch.pipeline.stage_file import get_stages
from callwatch.pipeline.syncs import list_sync_samples
from callwatch.pipeline.vendors import list_vendor_samples
from callwatch.pipeline.webhooks import list_webhook_samples

NOW = datetime(2031, 3, 12, 14, 0, tzinfo=UTC)
STAGES = get_stages(None)
WEBHOOKS: Webhooks = {**STAGES.parts["webhooks"], "at_least": 5, "window_s": 900}
AVAILABILITY: Availability = {**STAGES.parts["availability"], "at_least": 20}
CRONS: Heartbeats = {
    **STAGES.parts["heartbeats"],
    "crons": [{"name": "x", "period_s": 60, "stage": "recordings"}],
}  # fmt: skip
# What a source reports while it is bad, after the bad part left its window, and once something newer is good.
Reports = tuple[Sequence[Sample], Sequence[Sample], Sequence[Sample]]


def values(**given_values: float) -> Measured:
    return Measured(NOW, values={name.replace("__", "."): value for name, value in given_values.items()})


def report_syncs(now: datetime, latest: float, at: datetime) -> Sequence[Sample]:
    measured = Measured(now)
    runs = [(at, latest), *((at - timedelta(days=day), 300.0) for day in range(1, 20))]
    measured.rows["syncs"] = [{"name": "calls", "started": at.timestamp(), "records": count} for at, count in runs]
    return list_sync_samples(measured)


def report_stages(**given_values: float) -> Sequence[Sample]:
    return list_product_samples(STAGES, values(**given_values))


def report_vendor(ok: float, quota: float, error: float = 0) -> Sequence[Sample]:
    measured = Measured(NOW)
    (vendor,) = [each for each in STAGES.vendors if each.service == "openai"]
    names = ("quota", "rate_limited", "auth", "timeout", "error")
    for number in range(len(vendor.failed)):
        for name in names:
            measured.values[f"vendor.openai.failed{number}.{name}"] = 0.0
    measured.values["vendor.openai.failed0.quota"], measured.values["vendor.openai.failed0.error"] = quota, error
    for number in range(len(vendor.ok)):
        measured.values[f"vendor.openai.ok{number}"] = ok
    return list_vendor_samples(vendor, measured)


def report_fields(items: int, missing: int, ever: int) -> Sequence[Sample]:
    measured = Measured(NOW)
    measured.rows["completeness.lead_id"] = [{"source": "a", "items": items, "missing": missing, "ever": ever}]
    return list_completeness_samples({**STAGES.parts["completeness"], "columns": ["lead_id"], "at_least": 20}, measured)


def report_calls(counts: Sequence[int], newest: int | None = None, open_until: float = 24) -> Sequence[Sample]:
    """newest: calls of the last 15 minutes; None: as many as in the last hour."""
    measured = Measured(NOW)
    measured.values |= {"freshness.first_at": NOW.timestamp() - 9e6, "freshness.last_at": NOW.timestamp() - 3600}
    measured.rows["freshness.days"] = [{"count": 900}] * 29
    measured.rows["freshness.window_3600"] = [{"count": count} for count in counts]
    measured.rows["freshness.window_900"] = [{"count": counts[0] if newest is None else newest}]
    return list_freshness_samples({"table": "calls", "at": "created_at", "open_from": 0, "open_until": open_until}, measured)


def report_crons(last_ok: float, message: str) -> Sequence[Sample]:
    measured = Measured(NOW)
    measured.rows["heartbeats"] = [{"name": "x", "last_ok": NOW.timestamp() - last_ok, "message": message}]
    return list_cron_samples(CRONS, measured, {})


def report_costs(calls: int, usd: str) -> Sequence[Sample]:
    costs = DayCosts(items={str(number): ItemCost("", Decimal(usd)) for number in range(calls)})
    return list_cost_samples(costs, True, None, 0, NOW, None)


UNFINISHED = {"analyses__unfinished__newest_open": 3.0, "analyses__unfinished__since": NOW.timestamp() - 7200}
EMPTY = {"analyses__unfinished__items": 0.0, "analyses__unfinished__open": 0.0, "analyses__unfinished__newest_open": 0.0}
CASES: Mapping[str, tuple[str, Callable[[], Reports]]] = {
    "a short sync": (
        "sync_volume",
        lambda: (
            report_syncs(NOW, 30, NOW),
            report_syncs(NOW + timedelta(hours=25), 30, NOW),
            report_syncs(NOW + timedelta(hours=25), 290, NOW + timedelta(hours=24)),
        ),
    ),
    "a sync that left the list": (
        "sync_volume",
        lambda: (report_syncs(NOW, 30, NOW), [], report_syncs(NOW + timedelta(days=40), 290, NOW + timedelta(days=40))),
    ),
    "late analyses": (
        "analysis_lag",
        lambda: (
            report_stages(analyses__unfinished__items=9.0, analyses__unfinished__open=9.0, **UNFINISHED),
            report_stages(**EMPTY),
            report_stages(**{**EMPTY, "analyses__unfinished__items": 1.0}),
        ),
    ),
    "a result that is missing": (
        "false_success",
        lambda: (
            report_stages(transcriptions__false_success=3.0, transcriptions__completed=9.0),
            report_stages(transcriptions__false_success=0.0, transcriptions__completed=0.0),
            report_stages(transcriptions__false_success=0.0, transcriptions__completed=1.0),
        ),
    ),
    "a forgotten call": (
        "orphan_calls",
        lambda: (
            report_stages(transcriptions__orphan=3.0, transcriptions__completed=9.0),
            report_stages(transcriptions__orphan=0.0),
            report_stages(transcriptions__orphan=0.0, transcriptions__completed=1.0),
        ),
    ),
    "dead letters": (
        "dead_jobs",
        lambda: (
            report_stages(transcriptions__dead_last_hour=30.0, transcriptions__completed_last_hour=3.0),
            report_stages(transcriptions__dead_last_hour=0.0, transcriptions__completed_last_hour=0.0),
            report_stages(transcriptions__dead_last_hour=0.0, transcriptions__completed_last_hour=3.0),
        ),
    ),
    "a used-up quota": ("vendor_quota", lambda: (report_vendor(0, 9), report_vendor(0, 0), report_vendor(1, 0))),
    "a failing vendor": ("vendor_errors", lambda: (report_vendor(5, 0, 9), report_vendor(0, 0, 1), report_vendor(2, 0, 0))),
    "failing webhooks": (
        "webhook_errors",
        lambda: (
            list_webhook_samples(WEBHOOKS, values(webhooks__items=20, webhooks__failed=9)),
            list_webhook_samples(WEBHOOKS, values(webhooks__items=2, webhooks__failed=0)),
            list_webhook_samples(WEBHOOKS, values(webhooks__items=40, webhooks__failed=1)),
        ),
    ),
    "missing recordings": (
        "recordings_unavailable",
        lambda: (
            list_availability_samples(AVAILABILITY, values(availability__items=60, availability__ratio=0.1)),
            list_availability_samples(AVAILABILITY, values(availability__items=3, availability__ratio=1.0)),
            list_availability_samples(AVAILABILITY, values(availability__items=60, availability__ratio=0.9)),
        ),
    ),
    "a field on a quiet day": (
        "fields_missing",
        lambda: (report_fields(50, 40, 900), report_fields(4, 0, 900), report_fields(50, 0, 900)),
    ),
    "a field that is missing for weeks": (
        "fields_missing",
        lambda: (report_fields(50, 50, 900), report_fields(50, 50, 0), report_fields(50, 0, 50)),
    ),
    "calls that stopped before closing": (
        "calls_missing",
        lambda: (
            report_calls([0, 60, 61, 59, 60]),
            report_calls([0, 60, 61, 59, 60], open_until=13),
            report_calls([58, 60, 61, 59, 60]),
        ),
    ),
    "calls that stopped before a quiet hour": (
        "calls_missing",
        lambda: (report_calls([0, 60, 61, 59, 60]), report_calls([0, 0, 1, 0, 0]), report_calls([2, 0, 1, 0, 0])),
    ),
    "calls that stay away while the expectation wavers": (
        "calls_missing",
        lambda: (
            report_calls([0, 60, 61, 59, 60]),
            report_calls([40, 60, 61, 59, 60], newest=0),
            report_calls([40, 60, 61, 59, 60], newest=3),
        ),
    ),
    "a refused cron that stops": (
        "cron_idle",
        lambda: (report_crons(30, "401"), report_crons(600, "401"), report_crons(30, "42 done")),
    ),
    "an expensive day that ends": (
        "call_cost",
        lambda: (report_costs(30, "0.5"), report_costs(2, "0.5"), report_costs(30, "0.05")),
    ),
}  # fmt: skip


class Story:
    """The built-in rules over some minutes, as a cycle evaluates them."""

    def __init__(self, rule_id: str) -> None:
        self.rules = [rule for rule in RULES if rule.id == rule_id]
        self.known: dict[str, Instance] = {}
        self.now = NOW

    def minutes(self, samples: Sequence[Sample], count: int = 15) -> list[Instance]:
        for _ in range(count):
            outcome = evaluate(self.rules, samples, self.known, self.now, Context(complete=COMPLETE))
            self.known = outcome.instances
            self.now += timedelta(minutes=1)
        return list(self.known.values())


@pytest.mark.parametrize("name", CASES)
def test_all_clear_needs_something_newer_that_is_good(name: str) -> None:
    rule_id, report = CASES[name]
    bad, gone, good = report()
    story = Story(rule_id)
    assert "firing" in {each.state for each in story.minutes(bad)}
    left = [each for each in story.minutes(gone) if each.state == "firing"]
    assert left, "it only left the window"
    assert all(each.is_unknown and each.reason for each in left)
    assert "firing" not in {each.state for each in story.minutes(good)}


@pytest.mark.parametrize("name", CASES)
def test_what_left_its_window_starts_no_alert(name: str) -> None:
    rule_id, report = CASES[name]
    judged = [
        each for each in Story(rule_id).minutes(report()[1]) if each.labels.get("stage", "transcriptions") == "transcriptions"
    ]
    assert {each.state for each in judged} <= {"ok"}, "what is not judged is not unknown either"


@pytest.mark.parametrize("name", CASES)
def test_kept_minutes_judge_as_the_cycle_did(name: str) -> None:
    rule_id, report = CASES[name]

    def reload(samples: Sequence[Sample]) -> Sequence[Sample]:
        return [
            _load_sample(sample.metric, sample.value, sample.labels, int(sample.inconclusive is not None)) for sample in samples
        ]

    story = Story(rule_id)
    story.minutes(reload(report()[0]))
    assert "firing" in {each.state for each in story.minutes(reload(report()[1]))}
    assert "firing" not in {each.state for each in story.minutes(reload(report()[2]))}


@given(st.data())
def test_no_inconclusive_sample_clears_any_rule(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from([rule for rule in RULES if rule.id not in (BLIND_RULE, BROKEN_RULE)]))
    labels = {name: "a" for condition in rule.conditions for name in METRICS[condition.metric].labels}
    labels |= {name: value for condition in rule.conditions for name, value in condition.labels.items()} | dict(rule.labels)
    story = Story(rule.id)
    fired_by = data.draw(st.sampled_from(list(rule.conditions)))
    bad = fired_by.threshold + {">": 1, ">=": 0, "<": -1, "<=": 0, "==": 0, "!=": 1}[fired_by.comparison]
    story.minutes([Sample(fired_by.metric, bad, None, {**labels, **fired_by.labels})])
    doubt = Reason("no_traffic", "nothing newer")
    for _ in range(data.draw(st.integers(1, 4))):
        value = data.draw(st.none() | st.floats(-1e6, 1e6))
        story.minutes([Sample(fired_by.metric, value, None, {**labels, **fired_by.labels}, inconclusive=doubt)], 1)
        assert [each.state for each in story.known.values()] == ["firing"]


def test_window_of_a_burn_rate_is_no_evidence_for_another() -> None:
    story = Story("error_budget_burn")
    story.minutes([Sample("slo.errors_burn", 20.0, None, {"window": "1h_5m"})])
    (left,) = story.minutes([Sample("slo.errors_burn", 1.0, None, {"window": "6h_30m"})])
    assert left.state == "firing"
    (left,) = story.minutes([Sample("slo.errors_burn", 1.0, None, {"window": "1h_5m"})])
    assert left.state == "ok"
