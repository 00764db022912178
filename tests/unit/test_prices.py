"""PRICES_FILE: each bad entry is named with its remedy; and what usage costs by it, exactly."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from callwatch.exceptions import ConfigurationError
from callwatch.pipeline.costs.pricing import PriceList, Usage, find_percentile, round_usd, sum_day
from callwatch.settings import load_settings
from callwatch.settings.prices import parse_prices, parse_prices_file

ROOT = Path(__file__).resolve().parents[2]
PRICE: dict[str, Any] = {
    "service": "openai", "model": "gpt*", "unit": "input_token", "usd": "0.15", "per": 1_000_000, "valid_from": "2026-01-01",
    "source": "contract",
}  # fmt: skip
DAY = date(2026, 11, 30)


def prices(*changes: dict[str, Any]) -> PriceList:
    return PriceList(parse_prices(json.dumps([{**PRICE, **change} for change in changes])).prices)


def usage(model: str = "gpt-5", **quantities: int | None) -> Usage:
    given = {unit: None if quantity is None else Decimal(quantity) for unit, quantity in quantities.items()}
    return Usage("c", "", "openai", model, given)


def test_example_is_valid_and_dated() -> None:
    found = parse_prices_file(str(ROOT / "docs" / "prices.example.json"))
    assert {price.service for price in found.prices} == {"deepgram", "openai"}
    assert all(price.source.startswith("an example") for price in found.prices)
    assert found.quotas == ()
    assert load_settings({}).prices_file is None, "no price is assumed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"service": 1}, "entry 1: service must be a name"), ({"unit": "token"}, "entry 1: unit must be one of input_token"),
        ({"usd": "-1"}, "entry 1: usd must be a decimal number"), ({"usd": "1e3"}, "usd must be"), ({"usd": True}, "usd must be"),
        ({"usd": "1,5"}, "usd must be"), ({"usd": None}, "usd must be"), ({"per": 0}, "per must be a whole number"),
        ({"per": 1.5}, "per must be"), ({"per": "60"}, "per must be"), ({"per": 10**50}, "per must be"),
        ({"valid_from": "yesterday"}, "valid_from must be a day"), ({"valid_from": 5}, "valid_from must be"),
        ({"currency": "EUR"}, "must be an object with service, model, unit, usd, per, valid_from, source"),
        ({"model": ""}, "model must be a name or a pattern"), ({"source": "\x00"}, "source must say"),
    ],
)  # fmt: skip
def test_bad_entry_is_named_with_its_remedy(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps([{**PRICE, **change}]))
    with pytest.raises(ConfigurationError, match="PRICES_FILE must be ") as caught:
        load_settings({"PRICES_FILE": str(file)})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    switched_off = load_settings({"PRICES_FILE": str(file)}, is_strict=False)
    assert switched_off.prices_file is None
    assert [problem.affects for problem in switched_off.problems] == ["costs"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1 is not"), ("[]", "1 to 2000 prices"), ("{}", "a JSON list"), ("[1]", "entry 1 must be an object"),
        ("[" * 9999, "JSON"),
        (json.dumps([PRICE, PRICE]), "entry 2: another price"), ("[NaN]", "entry 1"), (f'[{{"usd": {"9" * 5000}}}]', "entry 1"),
    ],
)  # fmt: skip
def test_bad_file_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_prices(text)


def test_quotas_stand_beside_prices() -> None:
    quota = {"service": "openai", "model": "gpt-4o*", "units": ["input_token", "output_token"], "limit": 5_000_000_000_000}
    found = parse_prices(json.dumps([quota, PRICE, {**quota, "model": "gpt-5", "limit": 0.5}]))
    assert [(each.model, each.limit) for each in found.quotas] == [("gpt-4o*", 5e12), ("gpt-5", 0.5)]
    assert len(found.prices) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limit": 0}, "entry 2, a quota, must be a number above 0"), ({"limit": "5"}, "a number above 0"),
        ({"limit": True}, "a number above 0"), ({"limit": 10**400}, "a number above 0"),
        ({"limit": float("nan")}, "a number above 0"), ({"units": "call"}, "a list of input_token"),
        ({"units": [["call"]]}, "a list of input_token"), ({"per": 60}, "an object with limit, service, units"),
        ({"service": ""}, "a text as its service"),
    ],
)  # fmt: skip
def test_bad_quota_in_the_file_is_named(change: dict[str, Any], words: str) -> None:
    quota = {"service": "openai", "units": ["call"], "limit": 5, **change}
    with pytest.raises(ValueError, match=words):
        parse_prices(json.dumps([PRICE, quota]))


@pytest.mark.parametrize("name", ["missing.json", "", "folder"])
def test_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="file"):
        parse_prices_file(str(tmp_path / name))


def test_price_is_that_of_the_most_exact_model_on_its_day() -> None:
    found = prices(
        {"model": "*", "usd": "9"}, {"model": "gpt-5*", "usd": "2"}, {"model": "gpt-5-mini", "usd": "1"},
        {"model": "gpt-5-mini", "usd": "0.5", "valid_from": "2026-11-30"},
        {"model": "gpt-5-mini", "usd": "7", "valid_from": "2026-12-01"},
    )  # fmt: skip

    def usd(model: str, day: date = DAY) -> str | None:
        price = found.find("openai", model, "input_token", day)
        return str(price.usd) if price else None

    assert [usd(model) for model in ("gpt-5-mini", "gpt-5-mini-2", "gpt-4", "GPT-5")] == ["0.5", "2", "9", "2"]
    assert [usd("gpt-5-mini", date(2026, 11, 29)), usd("gpt-5-mini", date(2027, 1, 1))] == ["1", "7"]
    assert usd("gpt-5-mini", date(2025, 12, 31)) is None
    assert found.find("deepgram", "gpt-5", "input_token", DAY) is None


def test_arithmetic_is_exact() -> None:
    found = prices({"usd": "0.1"}, {"unit": "output_token", "usd": "0.2"})
    assert found.price_usage(usage(input_token=3, output_token=3), DAY) == Decimal("0.0000009")
    per_minute = prices({"unit": "audio_second", "usd": "0.0043", "per": 60})
    assert per_minute.price_usage(usage(audio_second=600), DAY) == Decimal("0.043")
    total = sum((per_minute.price_usage(usage(audio_second=7), DAY) or Decimal(0) for _ in range(6000)), Decimal(0))
    assert round_usd(total) == 3.01


@pytest.mark.parametrize(
    ("quantities", "cost"),
    [({"input_token": 1_000_000}, "0.15"), ({"input_token": 0}, "0"), ({"input_token": None}, None), ({"output_token": 1}, None),
     ({"input_token": 5, "output_token": None}, None), ({}, None)],
)  # fmt: skip
def test_part_without_a_price_is_unpriced_and_never_free(quantities: dict[str, int | None], cost: str | None) -> None:
    given = {unit: None if quantity is None else Decimal(quantity) for unit, quantity in quantities.items()}
    found = prices({}).price_usage(Usage("c", "", "openai", "gpt-5", given), DAY)
    assert found == (None if cost is None else Decimal(cost))


def test_price_per_call_replaces_those_of_units() -> None:
    found = prices({"unit": "call", "usd": "0.02", "per": 1})
    assert found.price_usage(usage(input_token=5, output_token=None), DAY) == Decimal("0.02")
    assert found.price_usage(usage(), DAY) == Decimal("0.02")


def test_one_unpriced_usage_leaves_the_call_without_a_cost() -> None:
    found = sum_day([usage(input_token=10), usage("other", output_token=1)], prices({}), DAY)
    assert not found.items["c"].is_priced
    assert dict(found.unpriced) == {("openai", "other"): 1}


def test_percentile_is_a_cost_that_occurred() -> None:
    counts = {Decimal(n): 1 for n in range(1, 101)}
    assert find_percentile(counts, 0.95) == 95
    assert find_percentile({Decimal("0.1"): 1}, 0.95) == Decimal("0.1")
    assert find_percentile({}, 0.95) is None
