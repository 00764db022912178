"""Reads PRICES_FILE: what vendors charge and allow, as a JSON list of dated prices and of daily quotas, each checked."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from callwatch.settings.quotas import UNITS, Quota, parse_quota

_MAX_BYTES, _MAX_PRICES = 1_000_000, 2_000
_FIELDS = ("service", "model", "unit", "usd", "per", "valid_from", "source")
_OPTIONAL = ("model", "source")
_EXAMPLE = (
    '{"service": "openai", "model": "gpt-4o-mini*", "unit": "input_token", "usd": "0.15", "per": 1000000,'
    ' "valid_from": "2026-01-01", "source": "https://..."}'
)
# Exact to a ten-billionth of a dollar, and above any price.
_USD = re.compile(r"\d{1,9}(\.\d{1,10})?")


@dataclass(frozen=True, slots=True)
class Price:
    """What a vendor charges in USD for `per` units of a model, from a day on. model: a pattern in which * stands for any text."""

    service: str
    model: str
    unit: str
    usd: Decimal
    per: int
    valid_from: date
    source: str = ""


@dataclass(frozen=True, slots=True)
class PriceFile:
    """What vendors charge, and how much they allow in a day."""

    prices: tuple[Price, ...]
    quotas: tuple[Quota, ...] = ()


def list_prices(file: PriceFile | None) -> tuple[Price, ...]:
    """The prices of PRICES_FILE; none where it is not set."""
    return file.prices if file else ()


def parse_prices_file(raw: str) -> PriceFile:
    """What is in the file at a path. Raises ValueError whose text completes "PRICES_FILE must be ..."."""
    try:
        path = Path(raw)
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"a file of at most {_MAX_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the path of a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError("a file in UTF-8") from None
    return parse_prices(text)


def parse_prices(text: str) -> PriceFile:
    """What is in the text of a file. Raises ValueError as parse_prices_file."""
    try:
        # A number of JSON is read as it is written: a float of 0.1 is not a tenth.
        given = json.loads(text, parse_float=Decimal, parse_int=_read_int)
    except (ValueError, RecursionError, InvalidOperation) as error:
        line = getattr(error, "lineno", None)
        raise ValueError(f"JSON{f' (line {line} is not)' if line else ''}: a list of prices such as {_EXAMPLE}") from None
    if not isinstance(given, list) or not 1 <= len(given) <= _MAX_PRICES:
        raise ValueError(f"a JSON list of 1 to {_MAX_PRICES} prices such as {_EXAMPLE}")
    prices: list[tuple[int, Price]] = []
    quotas: list[Quota] = []
    for number, entry in enumerate(given, start=1):
        if isinstance(entry, dict) and "limit" in entry:
            quotas.append(_read_quota(entry, f"entry {number}"))
        else:
            prices.append((number, _read_price(entry, f"entry {number}")))
    _refuse_doubles(prices)
    return PriceFile(tuple(price for _number, price in prices), tuple(quotas))


def _read_quota(given: Any, where: str) -> Quota:
    try:
        return parse_quota(given)
    except ValueError as error:
        raise ValueError(f"a list of prices and quotas; {where}, a quota, must be {error}") from None


def _read_int(text: str) -> Decimal:
    return Decimal(text if len(text) < 40 else "NaN")


def _read_price(given: Any, where: str) -> Price:
    if not isinstance(given, Mapping) or set(given) - set(_FIELDS) or set(_FIELDS) - set(given) - set(_OPTIONAL):
        raise ValueError(f"a list of prices; {where} must be an object with {', '.join(_FIELDS)}, such as {_EXAMPLE}")
    service = _read_text(given["service"], 60, f"{where}: service must be a name such as openai")
    model = _read_text(given.get("model", "*"), 100, f"{where}: model must be a name or a pattern such as gpt-4o*")
    source = _read_text(given.get("source", "-"), 500, f"{where}: source must say where the price is from")
    if given["unit"] not in UNITS:
        raise ValueError(f"a list of prices; {where}: unit must be one of {', '.join(UNITS)}")
    usd, per = str(given["usd"]), given["per"]
    if isinstance(given["usd"], bool) or not _USD.fullmatch(usd):
        raise ValueError(f'a list of prices; {where}: usd must be a decimal number such as "0.15", not negative')
    if not isinstance(per, Decimal) or not per.is_finite() or per != per.to_integral_value() or not 1 <= per <= 10**12:
        raise ValueError(f"a list of prices; {where}: per must be a whole number of units from 1, such as 1000000")
    try:
        valid_from = date.fromisoformat(given["valid_from"])
    except (ValueError, TypeError):
        raise ValueError(f"a list of prices; {where}: valid_from must be a day such as 2026-01-31") from None
    return Price(service, model, str(given["unit"]), Decimal(usd), int(per), valid_from, source)


def _read_text(given: Any, most: int, message: str) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > most or not given.isprintable():
        raise ValueError(f"a list of prices; {message}")
    return given


def _refuse_doubles(prices: Sequence[tuple[int, Price]]) -> None:
    """Raises ValueError if two prices are for the same thing on the same day; prices: each with its number in the file."""
    seen: set[tuple[str, str, str, date]] = set()
    for number, price in prices:
        what = price.service, price.model, price.unit, price.valid_from
        if what in seen:
            raise ValueError(f"a list of prices; entry {number}: another price of this model and unit is valid from the same day")
        seen.add(what)
