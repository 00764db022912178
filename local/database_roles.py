"""The connection strings of the roles that local functions use, as `Migrate` creates them."""

import psycopg2
from psycopg2 import extensions

from callwatch.db import ROLES, RoleName, name_role, replace_credentials
from local.secrets import LocalSecrets

VARIABLES: dict[RoleName, str] = {"reader": "READER_DATABASE_URL", "writer": "WRITER_DATABASE_URL"}


def list_role_urls(database_url: str, secrets: LocalSecrets) -> dict[str, str]:
    """Return READER_DATABASE_URL and WRITER_DATABASE_URL of a database; nothing for a string that names no database."""
    database = str(extensions.parse_dsn(database_url).get("dbname", ""))
    if not database:
        return {}
    return {
        VARIABLES[role]: replace_credentials(database_url, name_role(database, role), secrets.role_passwords[role])
        for role in ROLES
    }


def find_usable_urls(database_url: str, secrets: LocalSecrets) -> dict[str, str]:
    """Return the same if the roles exist; nothing if functions connect as the owner."""
    urls = list_role_urls(database_url, secrets)
    try:
        for url in urls.values():
            psycopg2.connect(url, connect_timeout=3).close()
    except psycopg2.OperationalError:
        return {}
    return urls
