"""The two roles of functions in the database: a reader that cannot write, and a writer that cannot change the schema.

The owner, whose connection string the deployment is given, keeps the schema: it migrates and manages the partitions.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import psycopg2
from psycopg2 import extensions, sql

from callwatch.db.core.connect import Connection, extract_first_line, open_connection

RoleName = Literal["reader", "writer"]
ROLES: tuple[RoleName, ...] = ("reader", "writer")
# PostgreSQL cuts longer names.
_MAX_NAME = 63
_INSUFFICIENT_PRIVILEGE = "42501"

_GRANTS = """
GRANT USAGE ON SCHEMA callwatch TO {reader}, {writer};
GRANT SELECT ON ALL TABLES IN SCHEMA callwatch TO {reader}, {writer};
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA callwatch TO {writer};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA callwatch TO {writer};
REVOKE INSERT, UPDATE, DELETE ON callwatch.migrations FROM {writer};
-- For tables that a later migration, or the product on the same database, creates as the owner.
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader}, {writer};
-- A tool that resets the product drops its schema and creates it again.
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {reader}, {writer};
ALTER DEFAULT PRIVILEGES IN SCHEMA callwatch GRANT INSERT, UPDATE, DELETE ON TABLES TO {writer};
ALTER DEFAULT PRIVILEGES IN SCHEMA callwatch GRANT USAGE ON SEQUENCES TO {writer};
"""
# Each is tried on its own: an owner of an existing database may not have the right to pass it on.
_SHARE_STATISTICS = "GRANT pg_read_all_stats TO {reader}, {writer}"
_SHARE_SCHEMA = "GRANT USAGE ON SCHEMA {schema} TO {reader}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}"
# Where a product on the same database has its tables.
_SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'callwatch') AND has_schema_privilege(oid, 'USAGE')
"""
# What the owner can read and the reader cannot.
_UNREADABLE = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ANY(%(schemas)s) AND has_table_privilege(c.oid, 'SELECT')
  AND NOT (has_schema_privilege(%(reader)s, n.oid, 'USAGE') AND has_table_privilege(%(reader)s, c.oid, 'SELECT'))
"""


@dataclass(frozen=True, slots=True)
class Access:
    """The connection string of each role. problem: why functions connect as the owner instead, with the remedy."""

    urls: dict[RoleName, str]
    problem: str | None = None


def make_roles(dsn: str, passwords: dict[RoleName, str]) -> Access:
    """Create or update the roles <database>_reader and <database>_writer with these passwords and their rights.

    Where the owner may not do so, or the reader could not read what the owner reads (the tables of a product on the same
    database), the strings are the owner's. Raises DatabaseUnavailable, psycopg2.Error.
    """
    conn = open_connection(dsn)
    try:
        names: dict[RoleName, str] = {role: name_role(conn.info.dbname, role) for role in ROLES}
        problem = _make(conn, names, passwords)
        if problem:
            conn.rollback()
            return Access(dict.fromkeys(ROLES, dsn), problem)
        conn.commit()
    finally:
        conn.close()
    return Access({role: replace_credentials(dsn, names[role], passwords[role]) for role in ROLES})


def name_role(database: str, role: RoleName) -> str:
    """Roles belong to the whole server, so their names contain the database's."""
    return f"{database[: _MAX_NAME - 1 - len(role)]}_{role}"


def replace_credentials(dsn: str, user: str, password: str) -> str:
    """The same connection URL for another user."""
    scheme, _, rest = dsn.partition("://")
    # Neither of these two can stand in the authority of a URL unless it is quoted.
    end = min((at for sign in "/?" if (at := rest.find(sign)) >= 0), default=len(rest))
    address = rest[:end].rpartition("@")[2]
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{address}{rest[end:]}"


def _make(conn: Connection, names: dict[RoleName, str], passwords: dict[RoleName, str]) -> str | None:
    """Apply everything in one transaction, which the caller ends; return the reason if it must be undone."""
    identifiers = {role: sql.Identifier(name) for role, name in names.items()}
    try:
        with conn.cursor() as cursor:
            for role in ROLES:
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (names[role],))
                verb = "ALTER" if cursor.fetchone() else "CREATE"
                # Hashed here, so that no password stands in a statement, which the server may log.
                hashed = extensions.encrypt_password(passwords[role], names[role], conn, "scram-sha-256")
                statement = sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}")
                cursor.execute(statement.format(identifiers[role], sql.Literal(hashed)))
            cursor.execute(sql.SQL(_GRANTS).format(**identifiers))
            _try(cursor, sql.SQL(_SHARE_STATISTICS).format(**identifiers))
            cursor.execute(_SCHEMAS)
            schemas = [str(row[0]) for row in cursor.fetchall()]
            for schema in schemas:
                _try(cursor, sql.SQL(_SHARE_SCHEMA).format(schema=sql.Identifier(schema), **identifiers))
            cursor.execute(_UNREADABLE, {"reader": names["reader"], "schemas": schemas})
            unreadable = cursor.fetchone()[0]
    except psycopg2.Error as error:
        if error.pgcode != _INSUFFICIENT_PRIVILEGE:
            raise
        return f"{extract_first_line(error)}; run ALTER ROLE <owner> CREATEROLE as an administrator, and deploy again"
    if unreadable:
        return (
            f"{unreadable} tables are readable by the owner alone; run GRANT SELECT ON ALL TABLES IN SCHEMA public TO "
            f'"{names["reader"]}" as their owner, and deploy again'
        )
    return None


def _try(cursor: extensions.cursor, statement: sql.Composed) -> None:
    cursor.execute("SAVEPOINT optional")
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        if error.pgcode != _INSUFFICIENT_PRIVILEGE:
            raise
        cursor.execute("ROLLBACK TO SAVEPOINT optional")
