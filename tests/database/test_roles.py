"""The roles of functions in the database, on a real PostgreSQL: what each may do, and what happens without the right to them."""

import contextlib
from collections.abc import Iterator

import psycopg2
import pytest
from moto import mock_aws
from psycopg2 import errors, extensions, sql

from callwatch.db import ROLES, RoleName, fetch_all, make_roles, migrate
from callwatch.db.core.roles import Access, name_role, replace_credentials
from callwatch.settings import reset_settings
from functions import migrate as function

PASSWORDS: dict[RoleName, str] = {"reader": "a reader's / p@ss:word?", "writer": "w" * 48}
TABLES = """
    SELECT relname AS name FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE n.nspname = 'callwatch' AND relkind IN ('r', 'p') ORDER BY relname
"""


@contextlib.contextmanager
def connected(url: str) -> Iterator[extensions.cursor]:
    conn = psycopg2.connect(url)
    conn.autocommit = True
    with contextlib.closing(conn), conn.cursor() as cursor:
        yield cursor


def run(url: str, statement: str) -> None:
    with connected(url) as cursor:
        cursor.execute(statement)


def drop_roles(dsn: str) -> None:
    """Remove what a test made: roles outlive their database."""
    with connected(dsn) as cursor:
        for role in ROLES:
            name = sql.Identifier(name_role(str(extensions.parse_dsn(dsn)["dbname"]), role))
            cursor.execute(sql.SQL("DROP OWNED BY {}").format(name))
            cursor.execute(sql.SQL("DROP ROLE {}").format(name))


@pytest.fixture
def access(database: str) -> Iterator[Access]:
    """Yield the roles of a migrated database with a table of the product."""
    run(database, "CREATE TABLE public.calls (id int); INSERT INTO public.calls VALUES (1)")
    yield make_roles(database, PASSWORDS)
    drop_roles(database)


def list_tables(dsn: str) -> list[str]:
    conn = psycopg2.connect(dsn)
    with contextlib.closing(conn):
        return [str(row["name"]) for row in fetch_all(conn, TABLES)]


def test_reader_reads_a_product_that_was_reset(database: str, access: Access) -> None:
    with connected(database) as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA next; CREATE TABLE next.calls (id int)")
        cursor.execute("INSERT INTO next.calls VALUES (7); ALTER SCHEMA next RENAME TO public")
    with connected(access.urls["reader"]) as cursor:
        cursor.execute("SELECT id FROM public.calls")
        assert cursor.fetchall() == [(7,)]
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute("CREATE TABLE public.mine (id int)")


def test_reader_reads_every_table_and_writes_none(database: str, access: Access) -> None:
    assert access.problem is None
    tables = list_tables(database)
    assert len(tables) > 20
    with connected(access.urls["reader"]) as cursor:
        for name in tables:
            table = sql.Identifier("callwatch", name)
            cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 1").format(table))
            for statement in (
                "INSERT INTO {} DEFAULT VALUES",
                "DELETE FROM {}",
                "TRUNCATE {}",
                "LOCK TABLE {} IN EXCLUSIVE MODE",
            ):
                with pytest.raises((errors.InsufficientPrivilege, errors.NoActiveSqlTransaction)):
                    cursor.execute(sql.SQL(statement).format(table))
        cursor.execute("SELECT id FROM public.calls")
        assert cursor.fetchall() == [(1,)]
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute("INSERT INTO public.calls VALUES (2)")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE callwatch.mine (id int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE callwatch.alerts ADD COLUMN mine int",
        "DROP TABLE callwatch.alerts",
        "ALTER TABLE callwatch.alerts OWNER TO CURRENT_USER",
        "CREATE ROLE mine",
        "UPDATE callwatch.migrations SET checksum = ''",
        "CREATE TRIGGER mine BEFORE INSERT ON callwatch.alerts EXECUTE FUNCTION callwatch.note_group_words()",
    ],
)
def test_neither_role_changes_the_schema(role: RoleName, statement: str, access: Access) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        run(access.urls[role], statement)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_becomes_the_owner(role: RoleName, database: str, access: Access) -> None:
    owner = extensions.parse_dsn(database)["user"]
    with connected(access.urls[role]) as cursor:
        cursor.execute("RESET ROLE; RESET SESSION AUTHORIZATION; SELECT current_user")
        (name,) = cursor.fetchone() or ("",)
        assert name.endswith(f"_{role}")
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(str(owner))))


def test_writer_changes_rows_of_every_table(database: str, access: Access) -> None:
    with connected(access.urls["writer"]) as cursor:
        for name in set(list_tables(database)) - {"migrations"}:
            cursor.execute(sql.SQL("DELETE FROM {} WHERE false").format(sql.Identifier("callwatch", name)))
        cursor.execute("CREATE TEMP TABLE staging (id int)")


def test_new_tables_are_readable_at_once(database: str, access: Access) -> None:
    run(database, "CREATE TABLE callwatch.later (id int); CREATE TABLE public.later (id int)")
    with connected(access.urls["reader"]) as cursor:
        cursor.execute("SELECT * FROM callwatch.later, public.later")
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute("INSERT INTO callwatch.later VALUES (1)")
    run(access.urls["writer"], "INSERT INTO callwatch.later VALUES (1)")


def test_passwords_change_with_a_second_run(database: str, access: Access) -> None:
    later = make_roles(database, {**PASSWORDS, "reader": "another"})
    assert later.urls["writer"] == access.urls["writer"]
    run(later.urls["reader"], "SELECT 1")
    with pytest.raises(psycopg2.OperationalError):
        run(access.urls["reader"], "SELECT 1")


def test_reader_sees_what_other_sessions_run(database: str, access: Access) -> None:
    with connected(database) as other, connected(access.urls["reader"]) as cursor:
        other.execute("SELECT 'a statement of the owner'")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%a statement of the owner%' AND usename <> current_user"
        )
        assert cursor.fetchone() == (1,)


@pytest.fixture
def plain_owner(empty_database: str) -> Iterator[str]:
    """Yield the URL of a role that owns its schema and may do nothing else, as docs/deployment.md creates it."""
    name = f"plain_{extensions.parse_dsn(empty_database)['dbname']}"
    run(empty_database, f"CREATE ROLE {name} LOGIN PASSWORD 'x'; CREATE SCHEMA callwatch AUTHORIZATION {name}")
    url = replace_credentials(empty_database, name, "x")
    migrate(url)
    yield url
    run(empty_database, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_owner_without_the_right_keeps_all_functions(plain_owner: str) -> None:
    found = make_roles(plain_owner, PASSWORDS)
    assert set(found.urls.values()) == {plain_owner}
    assert "CREATEROLE" in (found.problem or "")


def test_unreadable_product_keeps_all_functions(plain_owner: str, empty_database: str) -> None:
    owner = extensions.parse_dsn(plain_owner)["user"]
    run(
        empty_database,
        f"ALTER ROLE {owner} CREATEROLE; CREATE TABLE public.calls (id int); GRANT SELECT ON public.calls TO {owner}",
    )
    found = make_roles(plain_owner, PASSWORDS)
    assert set(found.urls.values()) == {plain_owner}, "the reader would not see the product"
    assert "1 tables are readable by the owner alone" in (found.problem or "")
    # As the message says; the role exists then, and the next deployment uses it.
    reader = name_role(str(extensions.parse_dsn(plain_owner)["dbname"]), "reader")
    run(empty_database, f"CREATE ROLE {reader} LOGIN; GRANT {reader} TO {owner} WITH ADMIN OPTION")
    run(empty_database, f"GRANT SELECT ON public.calls TO {reader}")
    assert make_roles(plain_owner, PASSWORDS).problem is None
    drop_roles(empty_database)


def test_migrate_fills_the_secrets_and_keeps_passwords(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    with mock_aws():
        client = boto3.client("secretsmanager")
        for role in ROLES:
            arn = client.create_secret(Name=role, SecretString="{}")["ARN"]
            monkeypatch.setenv(f"{role.upper()}_DATABASE_URL", arn)
        for _time in range(2):
            reset_settings()
            assert function.lambda_handler({}, None)["has_roles"]
            held = [client.get_secret_value(SecretId=role)["SecretString"] for role in ROLES]
        assert len(client.list_secret_version_ids(SecretId="reader", IncludeDeprecated=True)["Versions"]) == 2, "written once"
        for url, role in zip(held, ROLES, strict=True):
            with connected(url) as cursor:
                cursor.execute("SELECT current_user")
                assert str((cursor.fetchone() or ("",))[0]).endswith(role)
    drop_roles(database)
