"""The model behind docs/scaling.md: it loses nothing, keeps to the product's parameters, and is judged by what it played."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from bench._results import ROOT
from bench._simulation.costs import Costs, read_costs
from bench._simulation.model import Model, Sample, Scenario
from bench._simulation.outcome import judge
from bench._simulation.parameters import read_parameters
from bench._simulation.queue import Queue
from bench._simulation.timeline import draw_courses
from local.api_gateway.template import load

COSTS = Costs(
    flush_us=200, flush_database_us=100, digest_us=100, digest_transaction_us=60, digest_locked_us=30, digest_database_us=100,
    digest_database_locked_us=40, fixed_us=5_000, fixed_database_us=5_000, waits_us=5_000, ingest_us=2_000, local_call_us=3_000,
)  # fmt: skip
SHORT = Scenario(rate=100, sent_s=120, down_s=40, up_s=70, ends_s=420)


@settings(max_examples=8, deadline=None)
@given(
    digests=st.sampled_from([0, 2, 8]),
    rate=st.sampled_from([1.0, 37.0]),
    down_s=st.floats(1, 60),
    away_s=st.floats(0, 60),
    is_shared=st.booleans(),
)
def test_each_message_is_stored_once(digests: int, rate: float, down_s: float, away_s: float, is_shared: bool) -> None:
    scenario = Scenario(rate, sent_s=90, down_s=down_s, up_s=down_s + away_s, ends_s=700, is_shared=is_shared)
    played = Model(read_parameters(digests), COSTS, scenario).play()
    assert played.stored == round(rate * 90)
    assert played.samples[-1].backlog == 0
    assert played.recovered_s is not None
    stored = [sample.backlog for sample in played.samples if down_s + 1 < sample.at_s < down_s + away_s]
    assert stored == sorted(stored), "nothing is stored without a database"


def test_the_flush_waits_for_the_next_minute() -> None:
    played = Model(read_parameters(0), COSTS, replace(SHORT, down_s=70, up_s=125)).play()
    at = {sample.at_s: sample.backlog for sample in played.samples}
    assert at[59] >= 5_800, "the first flush has only what was sent until then"
    assert 5_500 < at[179] <= 6_000
    assert at[200] == 0
    assert played.recovered_s == pytest.approx(180 - 125, abs=4)


def test_digests_return_messages_within_a_sixth_of_the_outage() -> None:
    scenario = Scenario(rate=50, sent_s=900, down_s=100, up_s=700, ends_s=1_200)
    parameters = read_parameters(8)
    played = Model(parameters, COSTS, scenario).play()
    assert played.recovered_s is not None
    assert played.recovered_s <= 600 / 6 + parameters.window_s + parameters.wait_s
    assert played.most_receives < parameters.max_receives / 10


def test_a_rate_above_the_capacity_is_named_with_its_limit() -> None:
    scenario = Scenario(rate=3_000, sent_s=3_600, down_s=0, up_s=0, ends_s=3_600)
    parameters = read_parameters(0)
    found = judge(Model(parameters, COSTS, scenario).play(), parameters, COSTS, scenario)
    limit = found.name_limit()
    assert limit == "the flush's CPU"
    assert found.grows == pytest.approx(3_000 - found.capacity[limit], rel=0.1)
    assert found.expires_after_s == pytest.approx(parameters.retention_s * 3_000 / found.grows)
    fewer = judge(Model(parameters, COSTS, SHORT).play(), parameters, COSTS, replace(SHORT, ends_s=600))
    assert (fewer.grows, fewer.expires_after_s) == (0.0, None)


def test_more_digests_help_until_those_that_share_groups_wait() -> None:
    scenario = Scenario(rate=1, sent_s=1, down_s=0, up_s=0, ends_s=2)

    def find_capacity(digests: int, is_shared: bool) -> float:
        parameters, other = read_parameters(digests), replace(scenario, is_shared=is_shared)
        return min(judge(Model(parameters, COSTS, scenario).play(), parameters, COSTS, other).capacity.values())

    assert find_capacity(2, True) == find_capacity(2, False)
    assert find_capacity(2, True) < find_capacity(8, True) == find_capacity(64, True) < find_capacity(8, False)


def test_parameters_are_those_of_the_template() -> None:
    template = load(ROOT / "template.yaml", {"PARALLEL_DIGEST": "8"}, {})
    source = next(each for each in template.event_sources if each.queue == "ErrorQueue")
    found = read_parameters(8)
    assert (found.batch, found.window_s, found.digests) == (source.batch_size, source.window_s, source.most_at_once)
    assert found.visibility_s == int(template.queues["ErrorQueue"]["VisibilityTimeout"])
    assert read_parameters(0).visibility_s == 120
    assert (found.cycle_s, found.flush_s) == (60, 20)


def test_a_hidden_message_returns_and_a_deleted_one_does_not() -> None:
    queue = Queue(simpy.Environment(), 30, 10)
    queue.send(25)
    first = queue.take(10)
    assert sum(parcel.count for parcel in queue.take(100)) == 15
    assert queue.take(100) == []
    queue.hide(first, 5)
    queue.env.run(until=6)
    again = queue.take(100)
    assert [(parcel.count, parcel.receives) for parcel in again] == [(10, 2)]
    queue.delete(again)
    queue.env.run(until=40)
    assert sum(parcel.count for parcel in queue.take(100)) == 15
    assert queue.backlog == 15


def test_costs_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"figures": COSTS.list_figures()}))
    assert read_costs(path) == COSTS
    path.write_text(json.dumps({"figures": COSTS.list_figures()[:-1]}))
    with pytest.raises(KeyError, match="local_call_us"):
        read_costs(path)


def test_the_chart_shows_each_course() -> None:
    samples = [Sample(float(second), second * second, second, 0) for second in range(3_600)]
    root = ET.fromstring(draw_courses([("a < b", samples), ("none", [Sample(0.0, 0, 0.0, 0)])], Scenario(1)))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}polyline")) == 4
    assert {"a < b", "none"} <= {text.text for text in root.iter(f"{space}text")}
