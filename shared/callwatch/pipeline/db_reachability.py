"""Whether the product's database responds at all."""

import psycopg2

from callwatch.db import fetch_one, product_connection
from callwatch.db.core.connect import extract_first_line, is_saturated
from callwatch.exceptions import DatabaseUnavailable, PoolExhausted
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample

_LABELS = {"service": "product_database"}


def measure_product_database() -> list[Sample]:
    """product_database.up: 1 if it responds, 0 if it does not; unknown if none of our connections was free."""
    try:
        with product_connection() as conn:
            fetch_one(conn, "SELECT 1")
    except PoolExhausted as error:
        return [Sample("product_database.up", None, Reason("timeout", str(error)), _LABELS)]
    except (DatabaseUnavailable, psycopg2.Error) as error:
        lead = "saturated: " if is_saturated(error) else ""
        return [Sample("product_database.up", 0.0, None, _LABELS, (lead + extract_first_line(error))[:200])]
    return [Sample("product_database.up", 1.0, None, _LABELS)]
