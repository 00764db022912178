"""Gives functions the roles that they connect as: creates them, and writes the secrets that name them."""

import json
import os
import secrets
from dataclasses import dataclass
from typing import Any

from psycopg2 import extensions

from callwatch.db import ROLES, RoleName, make_roles, name_role
from callwatch.settings import Settings
from callwatch.settings.named_values import fetch_named_value

_VARIABLES: dict[RoleName, str] = {"reader": "READER_DATABASE_URL", "writer": "WRITER_DATABASE_URL"}


@dataclass(frozen=True, slots=True)
class Provided:
    """Whether functions have roles of their own; problem: why not, with the remedy."""

    has_roles: bool
    problem: str | None = None


def provide_roles(settings: Settings) -> Provided:
    """Create the roles of READER_DATABASE_URL and WRITER_DATABASE_URL, and fill the secrets that these name.

    A password that a secret holds is kept. Where the owner may create no roles, the secrets get the owner's own credentials.
    Without the variables, nothing is done.
    """
    owner = settings.database_url
    if not owner or not all(os.environ.get(name) for name in _VARIABLES.values()):
        return Provided(False)
    known: dict[RoleName, str | None] = {"reader": settings.reader_database_url, "writer": settings.writer_database_url}
    passwords = {role: _find_password(owner, role, known[role]) or secrets.token_hex(24) for role in ROLES}
    access = make_roles(owner, passwords)
    for role, name in _VARIABLES.items():
        if os.environ[name].startswith("arn:"):
            _fill(os.environ[name], _describe_access(access.urls[role]))
    return Provided(access.problem is None, access.problem)


def _find_password(owner: str, role: RoleName, url: str | None) -> str | None:
    """The role's password in its connection string; None if the string is another user's."""
    given = extensions.parse_dsn(url) if url else {}
    expected = name_role(str(extensions.parse_dsn(owner).get("dbname", "")), role)
    return str(given["password"]) if given.get("user") == expected and given.get("password") else None


def _describe_access(url: str) -> str:
    """The content of a role's secret, in the form of the owner's: RDS Proxy reads only JSON."""
    named = os.environ.get("DATABASE_URL", "")
    text = fetch_named_value(named) if named.startswith("arn:") else ""
    if not text.startswith("{"):
        return url
    given = extensions.parse_dsn(url)
    return json.dumps({**json.loads(text), "username": given["user"], "password": given["password"]}, sort_keys=True)


def _fill(arn: str, content: str) -> None:
    import boto3

    make: Any = boto3.client
    client = make("secretsmanager")
    if client.get_secret_value(SecretId=arn)["SecretString"] != content:
        client.put_secret_value(SecretId=arn, SecretString=content)
