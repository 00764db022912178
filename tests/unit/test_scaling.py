"""docs/scaling.md names only what exists, and its figures are those of the results and of the cost command."""

import json
import re
import sys

import pytest

from bench import simulate
from bench._simulation.costs import read_costs
from callwatch.alerts.rules.builtin import RULES
from tools.cost import __main__ as command
from tools.cost.bill import sum_lines
from tools.cost.deployment import ROOT, _load_source
from tools.cost.rates import RESULTS, list_month, plan, read_capacities
from tools.scaling_docs import RATES, SCALING, render_scaling

PAGE = SCALING.read_text()
NAMED = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_tables_follow_from_the_results() -> None:
    assert render_scaling() == PAGE, "run `make docs`"


def test_each_bench_exists() -> None:
    named = set(re.findall(r"make bench ARGS=(\w+)", PAGE)) | set(re.findall(r"bench/(\w+)\.py", PAGE))
    assert {"simulate", "throughput", "payloads", "growth"} <= named
    assert not [name for name in named if not (ROOT / "bench" / f"{name}.py").is_file()]


def test_each_alarm_is_in_the_template() -> None:
    named = {name for name in NAMED if name.endswith("Alarm")}
    resources = _load_source()["Resources"]
    assert len(named) >= 6
    assert {resources[name]["Type"] for name in named} == {"AWS::CloudWatch::Alarm"}


def test_each_parameter_is_in_the_template() -> None:
    template = (ROOT / "template.yaml").read_text()
    named = {name.partition("=")[0] for name in NAMED if re.fullmatch(r"[A-Z][a-z]+[A-Z]\w+(=\w+)?", name)}
    named -= {"ConcurrentExecutions"}  # CloudWatch's metric of Lambda itself
    assert len(named) >= 12
    assert not [name for name in named if not re.search(rf"\b{name}\b", template)]


def test_each_figure_of_an_answer_or_rule_exists() -> None:
    document = (ROOT / "docs" / "openapi.json").read_text()
    metrics = {condition.metric for rule in RULES for condition in rule.conditions}
    named = {name for name in NAMED if re.fullmatch(r"[a-z_]+\.[a-z_]+", name)}
    assert {"errors.buffer_size", "queue.oldest_message_s", "database.size_mb"} <= named
    unknown = [name for name in named - metrics if not all(f'"{part}"' in document for part in name.split("."))]
    assert not unknown
    for path in (name for name in NAMED if name.startswith("/api/")):
        assert f'"{path}"' in document


def test_each_aws_quota_has_its_source() -> None:
    links = re.findall(r"\]\((https://[^)]+)\)", PAGE)
    assert len(links) >= 6
    assert all(link.startswith("https://docs.aws.amazon.com/") for link in links)


@pytest.mark.parametrize("rate", RATES)
def test_the_command_prints_what_the_page_says(
    rate: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["cost", "--events-per-second", str(rate)])
    assert command.main() == 0
    total = next(line.split()[-3] for line in capsys.readouterr().out.splitlines() if line.startswith("USD a month"))
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {rate:,} |") and "ingest" not in line)
    assert f"{float(total.replace(',', '')):,.0f}" == row.split("|")[-2].strip()


def test_a_plan_uses_half_of_what_was_measured() -> None:
    capacities = read_capacities()
    assert set(capacities) == {0, 8}
    assert plan(capacities[0] / 2 - 1).digests == 0
    assert plan(capacities[0] / 2 + 1).digests == 8
    assert [plan(factor * capacities[8] / 2).stacks for factor in (0.99, 1.5, 9.5)] == [1, 2, 10]
    bills = [sum_lines(list_month(plan(rate))) for rate in RATES]
    assert bills == sorted(bills)
    assert bills[-1] < 1_200 * bills[0]


def test_results_hold_all_that_the_page_shows() -> None:
    results = json.loads(RESULTS.read_text())
    read_costs(RESULTS)
    played = {(at["rate"], at["digests"]) for each in results["figures"] if (at := each["at"]) and "memory_mb" in at}
    assert played == {(rate, digests) for rate in simulate.RATES for digests, _memory, _shared in simulate.SETUPS}
    assert all(each["value"] == 0 for each in results["figures"] if each["name"] == "lost or doubled")
    assert {"commit", "command", "machine", "at"} <= set(results)
