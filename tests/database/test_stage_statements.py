"""The clauses of a stage file as SQL: quoting, and keys whose types decide how they are compared."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.sql import SQL

from callwatch.db import connection, fetch_all
from callwatch.pipeline.queries.filter_dsl import Clause, parse_clauses, render_sql
from callwatch.pipeline.queries.schema import Column, bind
from callwatch.pipeline.queries.statements import name_column
from callwatch.pipeline.queries.time_bounds import compose_newer_than, compute_moments

NOW = datetime(2026, 11, 29, tzinfo=UTC)
STORABLE = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)


@given(texts=st.lists(STORABLE, min_size=1, max_size=4), extra=st.sampled_from(["it's 100%'; DROP TABLE t; --", "\\", "%(now)s"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_texts_of_a_clause_match_exactly_themselves(database: str, texts: list[str], extra: str) -> None:
    wanted = (*texts, extra)
    with connection() as conn:
        for clause in (Clause("status", "in", wanted), Clause("status", "=", extra)):
            select = bind(render_sql([clause], "t"), {})
            query = "SELECT count(*) AS found FROM (SELECT unnest(%(texts)s::text[]) AS status) r WHERE "
            params = {"texts": [*wanted, "another"], "now": NOW}
            matched = wanted if clause.operator == "in" else [text for text in wanted if text == extra]
            assert fetch_all(conn, SQL(query) + select, params) == [{"found": len(matched)}]


@pytest.mark.parametrize(
    ("queue", "transcripts", "comparison"),
    [
        ("uuid", "uuid", '"alias_r"."call_id" = "r"."call_id" AND'),
        ("uuid", "text", '"alias_r"."call_id" = "r"."call_id"::text AND'),
        ("text", "uuid", '"alias_r"."call_id" = CASE WHEN'),
        ("uuid", "bigint", '"alias_r"."call_id"::text = "r"."call_id"::text AND'),
    ],
)
def test_comparison_of_keys_leaves_the_index_side_bare(database: str, queue: str, transcripts: str, comparison: str) -> None:
    statement = render_sql(parse_clauses([["call_id", "has no", "transcripts.call_id"]]), "queue")
    schema = {
        "queue": {"call_id": Column(queue, "U", may_read=True)},
        "transcripts": {"call_id": Column(transcripts, "U", may_read=True)},
    }
    with connection() as conn:
        with pytest.raises(TypeError, match="must be bound to a schema"):
            statement.as_string(conn)
        assert comparison in bind(statement, schema).as_string(conn)


def test_statement_names_the_moments_that_it_needs(database: str) -> None:
    window = compose_newer_than(name_column("at"), 600, 30)
    given = compute_moments(window, NOW)
    assert sorted(given.values()) == [NOW - timedelta(seconds=600), NOW + timedelta(seconds=30)]
    with connection() as conn:
        assert all(f"%({name})s" in window.as_string(conn) for name in given)
