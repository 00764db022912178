"""Whether the product's database answers at all."""

import psycopg2

from callwatch.db import fetch_one, product_connection
from callwatch.exceptions import DatabaseUnavailable, PoolExhausted
from callwatch.models.facts import Fact

_LABELS = {"service": "product_database"}


def product_database_facts() -> list[Fact]:
    """product_database.up: 1 where it answers, 0 where it does not; unknown where none of our connections was free."""
    try:
        with product_connection() as conn:
            fetch_one(conn, "SELECT 1")
    except PoolExhausted as error:
        return [Fact("product_database.up", None, str(error), _LABELS)]
    except (DatabaseUnavailable, psycopg2.Error) as error:
        return [Fact("product_database.up", 0.0, None, _LABELS, str(error).strip().partition("\n")[0][:200])]
    return [Fact("product_database.up", 1.0, None, _LABELS)]
