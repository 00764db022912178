"""Rows in COPY's text format: read back by its rules, each field is what was given."""

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callwatch.db.core.copy import encode_rows

# Alternatives of the format's own signs with texts that look like them.
_TEXT = st.lists(st.sampled_from(["a", "\\", "\\N", "\t", "\n", "\r", "N", "", " ", "é", "\\t"]), max_size=6).map("".join)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def read_rows(data: str) -> list[list[str | None]]:
    """Read the format as PostgreSQL documents it for COPY."""
    return [[read_field(field) for field in line.split("\t")] for line in data.removesuffix("\n").split("\n")]


def read_field(field: str) -> str | None:
    return None if field == "\\N" else _ESCAPED.sub(lambda found: _SIGNS[found[1]], field)


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(), _TEXT), min_size=1, max_size=5), min_size=1, max_size=4))
def test_fields_are_read_back_as_they_were_given(rows: list[list[Any]]) -> None:
    assert read_rows(encode_rows(rows)) == [[None if value is None else str(value) for value in row] for row in rows]
