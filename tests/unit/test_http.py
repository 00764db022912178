"""Requests, pages and cursors."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.api.batch import find_project
from callwatch.api.filters import read_position
from callwatch.api.http import Request, decode_cursor, encode_cursor, read_page
from callwatch.exceptions import RequestRefused
from callwatch.models.role import CallerRole
from callwatch.runtime.responses import find_status


def test_a_body_of_another_type_is_415_and_a_broken_one_400() -> None:
    with pytest.raises(RequestRefused) as wrong_type:
        Request("POST", "/", headers={"content-type": "text/plain"}, body=b"{}").read_json()
    assert find_status(wrong_type.value) == 415
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(RequestRefused) as broken:
            Request("POST", "/", body=body).read_json()
        assert find_status(broken.value) == 400


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-unknown", "gzip, identity"])
def test_an_action_that_is_compressed_is_415(encoding: str) -> None:
    with pytest.raises(RequestRefused, match="uncompressed") as refusal:
        Request("POST", "/", headers={"content-encoding": encoding}, body=b"{}").read_json()
    assert find_status(refusal.value) == 415


def test_identity_is_no_compression() -> None:
    assert Request("POST", "/", headers={"content-encoding": " Identity"}, body=b"{}").read_json() == {}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1e3", "٣"])
def test_a_bad_limit_is_refused_by_name(limit: str) -> None:
    with pytest.raises(RequestRefused, match="limit") as refusal:
        read_page(Request("GET", "/", query={"limit": limit}))
    assert find_status(refusal.value) == 422


@given(st.lists(st.one_of(st.integers(), st.text()), max_size=4))
def test_a_cursor_comes_back_as_it_went(position: list[int | str]) -> None:
    assert decode_cursor(encode_cursor(position)) == position


@pytest.mark.parametrize("cursor", ["x", "%%%", "\ud800", "ü", "bm90IGpzb24", "W1tb"])
def test_any_other_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(RequestRefused, match="cursor") as refusal:
        decode_cursor(cursor)
    assert find_status(refusal.value) == 422


@given(st.text(max_size=60) | st.from_regex(r"[\w=+/ -]{1,60}", fullmatch=True))
def test_one_text_alone_stands_for_a_position(cursor: str) -> None:
    try:
        position = decode_cursor(cursor)
    except RequestRefused as refusal:
        assert find_status(refusal) == 422  # noqa: PT017 - the text may be a cursor by chance
    else:
        assert encode_cursor(position) == cursor


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{}\n", "{}!", "%{}", "{}A", "{}" + "A" * 3_000])
def test_a_changed_cursor_is_refused(change: str) -> None:
    for position in (["2026-01-31T12:00:00+00:00", 7], ["2026-01-31T12:00:00.123456+00:00", 2**62], []):
        with pytest.raises(RequestRefused, match="cursor"):
            decode_cursor(change.format(encode_cursor(position)))


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 2**63 - 1))
def test_a_next_cursor_is_accepted_as_it_was_given(at: datetime, identifier: int) -> None:
    for position in ([at, identifier], [at.isoformat(), str(identifier)]):
        page = read_page(Request("GET", "/", query={"cursor": encode_cursor(position)}))
        assert read_position(page) == (at, identifier)


@pytest.mark.parametrize("raw", ["", "x", "-1", "1.0", "1e3", " 1", "٣", "9" * 20, "3", "0", "\ud800", "1\x00"])
def test_a_bad_project_is_refused_by_name(raw: str) -> None:
    with pytest.raises(RequestRefused, match="project") as refusal:
        find_project(Request("POST", "/", query={"project": raw}, role="admin", actor="ana"), {1, 2})
    assert find_status(refusal.value) == 422


def test_a_project_is_that_of_the_key_or_of_the_admins_choice() -> None:
    def project(role: CallerRole, actor: str, **query: str) -> int:
        return find_project(Request("POST", "/", query=query, role=role, actor=actor), {1, 2})

    assert project("admin", "ana") == 1
    assert project("admin", "ana", project="2") == 2
    assert project("ingest", "project:2") == project("ingest", "project:2", project="2") == 2
    with pytest.raises(RequestRefused, match="project 2 only") as refusal:
        project("ingest", "project:2", project="1")
    assert find_status(refusal.value) == 403
    with pytest.raises(RequestRefused, match="project"):
        project("ingest", "project:2", project="x")
