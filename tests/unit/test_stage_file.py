"""The stage file: valid parts are read, invalid ones are named in one line with their place and the remedy."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.exceptions import ConfigurationError
from callwatch.models.reason import Reason
from callwatch.pipeline.items.listing import find_count
from callwatch.pipeline.queries.undated import name_undated_counts
from callwatch.pipeline.stage_file import DEFAULT, get_stages, parse_stages

SHOP = Path(__file__).resolve().parents[1] / "fixtures" / "shop_stages.json"
SMALL: dict[str, Any] = {
    "stages": [
        {
            "name": "orders",
            "table": "orders",
            "waiting_since": "placed_at",
            "pending": [["packed_at", "is null"]],
            "done": {"where": [], "at": "packed_at"},
            "duration": {"where": [], "start": "placed_at", "end": "packed_at"},
        }
    ]
}


def fault(change: Any) -> str:
    raw = copy.deepcopy(SMALL)
    change(raw)
    with pytest.raises(ConfigurationError) as caught:
        parse_stages(raw)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("STAGES_FILE, ")
    return text.removeprefix("STAGES_FILE, ")


def test_the_shipped_files_are_right() -> None:
    assert [stage.name for stage in get_stages(None).stages] == ["recordings", "transcriptions", "analyses"]
    assert [stage.name for stage in get_stages(str(SHOP)).stages] == ["parcels"]
    assert DEFAULT.is_file()


def test_what_a_stage_does_not_say_is_unknown_for_that_reason() -> None:
    stage = parse_stages(SMALL).stages[0]
    assert stage.rows["zombie"].none == Reason("not_configured", "the stage file does not say which rows these are")
    assert stage.rows["pending"].none is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda raw: raw.pop("stages"), "the file: must be an object with stages"),
        (lambda raw: raw.update(stages=[]), "stages: must be a list of one or more stages"),
        (lambda raw: raw.update(stages={}), "stages: must be a list"),
        (
            lambda raw: raw["stages"].append(raw["stages"][0]),
            "stages: must be a list of one or more stages, each with a different name",
        ),
        (lambda raw: raw.update(more=1), "the file: must be an object with stages"),
        (lambda raw: raw["stages"][0].pop("table"), "stages[0]: must be an object with done, duration, name"),
        (
            lambda raw: raw["stages"][0].update(table='o"; DROP TABLE x'),
            "stages[0]: must be the lowercase name of a table or column",
        ),
        (lambda raw: raw["stages"][0].update(name="vendor"), "stages[0]: must be a name that no other part"),
        (lambda raw: raw["stages"][0].update(pending="all"), "stages[0].pending: must be an object with where"),
        (lambda raw: raw["stages"][0].update(pending=[["a", "=="]]), "stages[0].pending: must be a clause such as"),
        (lambda raw: raw["stages"][0].update(stuck=[["a", "older than", "1"]]), "stages[0].stuck: must be a clause such as"),
        (lambda raw: raw["stages"][0].update(done={"where": []}), "stages[0].done: must be an object with at, where"),
        (lambda raw: raw["stages"][0].update(duration={}), "stages[0].duration: must be an object with end, start, where"),
        (lambda raw: raw.update(freshness={"table": "orders"}), "freshness: must be an object with at, table"),
        (
            lambda raw: raw.update(freshness={"table": "Orders", "at": "a"}),
            "freshness: must be the lowercase name of a table or column",
        ),
        (lambda raw: raw.update(indexes=[{"name": "i"}]), "indexes[0]: must be an object with name, on, table"),
        (lambda raw: raw.update(vendors=[{"service": "x"}]), "vendors[0]: must be an object with failed, ok, service"),
        (
            lambda raw: raw.update(
                heartbeats={"table": "c", "name": "n", "last_ok": "l", "message": "m", "crons": [{"name": "x"}]}
            ),
            "heartbeats: must be an object with name, period_s (and may have stage) as its crons",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: Any, place: str) -> None:
    assert fault(change).startswith(place)


def test_a_file_that_cannot_be_read_or_is_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="STAGES_FILE must be a file that can be read"):
        get_stages(str(tmp_path / "none.json"))
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(ConfigurationError, match="STAGES_FILE must be JSON"):
        get_stages(str(broken))


def test_the_shipped_file_names_every_cron_of_the_product_once() -> None:
    crons = json.loads(DEFAULT.read_text())["heartbeats"]["crons"]
    assert len({cron["name"] for cron in crons}) == len(crons) == 12


FOREIGN = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=5),
    st.sampled_from(
        [float("nan"), float("inf"), 1e300, 10**400, -1, 0, "a\0b", "\ud800", [], {}, [[]], [{}], [None], {"none": 1}]
    ),
)


def list_places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, each in inner for found in list_places(each, (*path, key)))]


@given(file=st.sampled_from([SHOP, DEFAULT]), place=st.integers(0, 10_000), foreign=FOREIGN)
def test_any_foreign_value_is_read_or_refused_in_a_line(file: Path, place: int, foreign: Any) -> None:
    raw = json.loads(file.read_text())
    places = list_places(raw)
    *path, last = places[place % len(places)]
    target = raw
    for key in path:
        target = target[key]
    target[last] = foreign
    message = ""
    try:
        parse_stages(raw)
    except ConfigurationError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e300", "9" * 400, "-1", "0", "true"])
def test_a_span_that_no_date_reaches_is_refused(value: str) -> None:
    def change(raw: Any) -> None:
        raw["stages"][0]["unfinished"] = {"at": "placed_at", "older_than_s": json.loads(value), "within_s": 60}

    assert fault(change).startswith("stages[0].unfinished: must be a number above 0")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e300", "9" * 400])
@pytest.mark.parametrize("operator", ["older than", "newer than", ">="])
def test_a_clause_with_a_number_that_is_none_is_refused(operator: str, value: str) -> None:
    def change(raw: Any) -> None:
        raw["stages"][0]["stuck"] = [["placed_at", operator, json.loads(value)]]

    assert fault(change).startswith("stages[0].stuck: must be a clause such as")


@pytest.mark.parametrize(("pending", "counted"), [("orders", ["orders.undated"]), ("carts", ["orders.undated_in_carts"])])
def test_undated_items_have_a_list_wherever_they_stand(pending: str, counted: list[str]) -> None:
    given = copy.deepcopy(SMALL)
    given["stages"][0]["pending"] = {"from": pending, "where": [["packed_at", "is null"]]}
    (stage,) = parse_stages(given).stages
    assert find_count(stage, "undated").name == "orders.undated"
    assert name_undated_counts(stage) == counted
