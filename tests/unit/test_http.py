"""Requests, pages and cursors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.http import HttpError, Request, decode_cursor, encode_cursor, page_of


def test_a_body_of_another_type_is_415_and_a_broken_one_400() -> None:
    with pytest.raises(HttpError) as wrong_type:
        Request("POST", "/", headers={"content-type": "text/plain"}, body=b"{}").json()
    assert wrong_type.value.status == 415
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(HttpError) as broken:
            Request("POST", "/", body=body).json()
        assert broken.value.status == 400


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e3", "٣"])
def test_a_bad_limit_is_refused_by_name(limit: str) -> None:
    with pytest.raises(HttpError, match="limit") as refusal:
        page_of(Request("GET", "/", query={"limit": limit}))
    assert refusal.value.status == 422


@given(st.lists(st.one_of(st.integers(), st.text()), max_size=4))
def test_a_cursor_comes_back_as_it_went(position: list[int | str]) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@pytest.mark.parametrize("cursor", ["x", "%%%", "\ud800", "ü", "bm90IGpzb24", "W1tb"])
def test_any_other_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(HttpError, match="cursor") as refusal:
        decode_cursor(cursor)
    assert refusal.value.status == 422
