"""Rows have exactly the columns of their types."""

from typing import TypedDict

import pytest

from callwatch.db import connection, fetch_all, fetch_one


class Row(TypedDict):
    """A row of this test."""

    id: int
    name: str


def test_row_has_the_columns_of_its_type(database: str) -> None:
    with connection() as conn:
        assert fetch_all(conn, "SELECT 1 AS id, 'a' AS name", (), Row) == [{"id": 1, "name": "a"}]
        assert fetch_one(conn, "SELECT 1 AS id, 'a' AS name WHERE false", (), Row) is None


@pytest.mark.parametrize("columns", ["1 AS id", "1 AS id, 'a' AS name, 2 AS more", "1 AS id, 'a' AS nom"])
def test_other_columns_than_those_of_the_type_are_an_error(columns: str, database: str) -> None:
    with connection() as conn:
        for fetch in (fetch_all, fetch_one):
            with pytest.raises(TypeError, match="are not those of Row"):
                fetch(conn, f"SELECT {columns}", (), Row)
