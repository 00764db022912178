"""A password that changes while an execution environment lives on."""

import contextlib
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from callwatch.db import connection, fetch_one, reset_pool
from callwatch.exceptions import DatabaseRefused
from callwatch.settings import reset_settings
from tests.support.aws_server import run_aws

ROLE = "callwatch_rotated"


class Rotated:
    """A role of the server whose password is in a secret."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._client: Any = boto3.client("secretsmanager")
        self.run("CREATE ROLE {} LOGIN PASSWORD 'first'")
        self.arn = str(self._client.create_secret(Name="database", SecretString=self.url("first"))["ARN"])

    def run(self, statement: str) -> None:
        with contextlib.closing(psycopg2.connect(self._dsn)) as conn, conn, conn.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Identifier(ROLE)))

    def url(self, password: str) -> str:
        given = psycopg2.extensions.parse_dsn(make_dsn(self._dsn, user=ROLE, password=password))
        return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**given)

    def change(self, password: str, in_secret: str) -> None:
        self.run(f"ALTER ROLE {{}} PASSWORD '{password}'")
        self._client.put_secret_value(SecretId=self.arn, SecretString=self.url(in_secret))


@pytest.fixture
def rotated(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rotated]:
    with run_aws(monkeypatch):
        found = Rotated(database)
        monkeypatch.setenv("DATABASE_URL", found.arn)
        reset_settings()
        reset_pool()
        yield found
        reset_pool()
        found.run("DROP ROLE {}")


def who() -> Any:
    # Two connections at once: the second cannot be the one that is open already.
    with connection(), connection() as second:
        return (fetch_one(second, "SELECT current_user AS name") or {})["name"]


def test_running_function_reads_a_changed_password(rotated: Rotated) -> None:
    with connection():
        pass
    rotated.change("second", in_secret="second")
    assert who() == ROLE
    reset_pool()
    assert who() == ROLE


def test_a_password_that_stays_wrong_is_told_so(rotated: Rotated) -> None:
    rotated.change("second", in_secret="third")
    with pytest.raises(DatabaseRefused, match="password authentication failed"):
        who()
