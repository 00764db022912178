"""The certificate authorities that a verified connection trusts."""

import ssl
import time
from typing import Any

import pytest

from callwatch.db.core.connect import RDS_ROOTS, find_trusted_roots, open_connection
from callwatch.exceptions import DatabaseUnavailable

RDS = "postgresql://u:p@callwatch.abc.eu-west-1.rds.amazonaws.com:5432/callwatch"


def test_amazons_databases_are_verified_by_amazons_own_roots() -> None:
    assert find_trusted_roots(RDS + "?sslmode=verify-full") == {"sslrootcert": str(RDS_ROOTS)}


@pytest.mark.parametrize("host", ["db.example.com", "callwatch.proxy-abc.eu-west-1.rds.amazonaws.com"])
def test_other_databases_are_verified_by_public_roots(host: str) -> None:
    given = find_trusted_roots(f"postgresql://u:p@{host}/callwatch?sslmode=verify-full")
    assert given["sslrootcert"].endswith("cacert.pem")


@pytest.mark.parametrize("query", ["", "?sslmode=require", "?sslmode=verify-full&sslrootcert=/etc/mine.pem"])
def test_roots_named_in_the_url_or_not_needed_stay(query: str) -> None:
    assert find_trusted_roots(RDS + query) == {}


def test_certificate_roots_are_readable_and_valid_for_a_year() -> None:
    store = ssl.create_default_context(cafile=str(RDS_ROOTS))
    found: list[dict[str, Any]] = store.get_ca_certs()
    assert len(found) > 80
    names = {value for cert in found for part in cert["subject"] for key, value in part if key == "commonName"}
    assert {"Amazon RDS us-east-1 Root CA RSA2048 G1", "Amazon Root CA 1"} <= names
    assert min(ssl.cert_time_to_seconds(str(cert["notAfter"])) for cert in found) > time.time() + 365 * 86_400


def test_server_without_tls_is_refused_if_the_url_demands_it(database: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="SSL"):
        open_connection(f"{database}?sslmode=verify-full")
