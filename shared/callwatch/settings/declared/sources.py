"""What is read: the databases of the monitor and of the product, and the services that are checked."""

from callwatch.settings import values
from callwatch.settings.credentials import parse_key
from callwatch.settings.http_checks import HttpCheck, parse_http_checks
from callwatch.settings.variable import declare
from callwatch.settings.vendor_pages import parse_vendor_pages


class SourceVariables:
    """What is read: the databases of the monitor and of the product, and the services that are checked."""

    database_url: str | None = declare(values.parse_database_url, "Database that holds the monitor's own tables.", is_secret=True)
    product_database_url: str | None = declare(
        values.parse_database_url, "Database of the watched product, read only; DATABASE_URL when unset.", is_secret=True
    )
    reader_database_url: str | None = declare(
        values.parse_role_url,
        "The same database for functions that only read: Migrate creates this role, and fills the secret if it is one.",
        is_secret=True,
    )
    writer_database_url: str | None = declare(
        values.parse_role_url, "The same database for functions that act for a person.", is_secret=True
    )
    database_host: str | None = declare(
        values.parse_host_name, "Host that replaces the one in DATABASE_URL, such as the endpoint of an RDS Proxy."
    )
    database_pool_size: int | None = declare(
        values.build_integer_parser(1, 100), "Maximum number of connections of one process to a database."
    )
    deepgram_api_key: str | None = declare(
        parse_key, "API key for the Deepgram check; unset: not configured.", is_secret=True, affects="check.deepgram"
    )
    openai_api_key: str | None = declare(
        parse_key, "API key for the OpenAI check; unset: not configured.", is_secret=True, affects="check.openai"
    )
    convoso_auth_token: str | None = declare(
        parse_key, "API token for the Convoso check; unset: not configured.", is_secret=True, affects="check.convoso"
    )
    deepgram_api_url: str = declare(
        values.parse_base_url, "Base URL of the Deepgram API.", "https://api.deepgram.com", affects="check.deepgram"
    )
    openai_api_url: str = declare(
        values.parse_base_url, "Base URL of the OpenAI API.", "https://api.openai.com", affects="check.openai"
    )
    convoso_api_url: str = declare(
        values.parse_base_url, "Base URL of the Convoso API.", "https://api.convoso.com", affects="check.convoso"
    )
    http_checks: tuple[HttpCheck, ...] = declare(
        parse_http_checks,
        "Additional services to check: a JSON list of objects with name, url, and optionally method (GET or HEAD), "
        "expect_status (200) and headers.",
        "[]",
        is_secret=True,
        affects="check.http",
    )
    vendor_status_pages: tuple[tuple[str, str], ...] | None = declare(
        parse_vendor_pages,
        "Status pages of vendors whose incidents are named next to alerts, as service=address, comma-separated, such as"
        " deepgram=https://status.deepgram.com,openai=https://status.openai.com; unset: none is read.",
        affects="vendor_pages",
    )
