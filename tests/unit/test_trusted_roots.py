"""Whom a connection trusts that verifies its server."""

import ssl
import time
from typing import Any

import pytest

from callwatch.db.connect import RDS_ROOTS, open_connection, trusted_roots
from callwatch.exceptions import DatabaseUnavailable

RDS = "postgresql://u:p@callwatch.abc.eu-west-1.rds.amazonaws.com:5432/callwatch"


def test_amazons_databases_are_verified_by_amazons_own_roots() -> None:
    assert trusted_roots(RDS + "?sslmode=verify-full") == {"sslrootcert": str(RDS_ROOTS)}


def test_other_databases_are_verified_by_public_roots() -> None:
    given = trusted_roots("postgresql://u:p@db.example.com/callwatch?sslmode=verify-full")
    assert given["sslrootcert"].endswith("cacert.pem")


@pytest.mark.parametrize("query", ["", "?sslmode=require", "?sslmode=verify-full&sslrootcert=/etc/mine.pem"])
def test_roots_that_the_address_names_or_does_not_ask_for_are_left_alone(query: str) -> None:
    assert trusted_roots(RDS + query) == {}


def test_the_roots_can_be_read_and_none_of_them_ends_within_a_year() -> None:
    store = ssl.create_default_context(cafile=str(RDS_ROOTS))
    found: list[dict[str, Any]] = store.get_ca_certs()
    assert len(found) > 80
    names = {value for cert in found for part in cert["subject"] for key, value in part if key == "commonName"}
    assert {"Amazon RDS us-east-1 Root CA RSA2048 G1", "Amazon Root CA 1"} <= names
    assert min(ssl.cert_time_to_seconds(str(cert["notAfter"])) for cert in found) > time.time() + 365 * 86_400


def test_a_server_without_tls_is_refused_where_the_address_asks_for_it(database: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="SSL"):
        open_connection(f"{database}?sslmode=verify-full")
