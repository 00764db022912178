"""The variables of the functions of `make run`: set by the person, generated, or addresses of local parts."""

import json
from collections.abc import Mapping
from pathlib import Path

from callwatch.settings import VARIABLES
from callwatch.settings.named_channels import is_named_variable
from local.database_roles import list_role_urls
from local.options import Options
from local.secrets import LocalSecrets
from local.sqs.server import RunningQueue

# What names a file; a function runs in its own folder, where a relative path would be wrong.
_FILES = ("RULES_FILE", "ROUTES_FILE", "STAGES_FILE", "PRICES_FILE", "STATUS_PAGE_FILE")


def build_values(
    environ: Mapping[str, str], secrets: LocalSecrets, database_url: str, queue: RunningQueue, options: Options
) -> dict[str, str]:
    """Return the value of each variable."""
    given = {variable.name: environ[variable.name] for variable in VARIABLES if environ.get(variable.name)}
    known = {**secrets.variables, **given}
    kept = {variable.name: known[variable.name] for variable in VARIABLES if variable.kept_in and variable.name in known}
    given = {name: text for name, text in given.items() if name not in kept}
    kept |= {name: text for name, text in environ.items() if text and is_named_variable(name, VARIABLES)}
    if kept and "CHANNEL_SETTINGS" not in given:
        given["CHANNEL_SETTINGS"] = json.dumps(kept)
    given |= {name: str(Path(given[name]).resolve()) for name in _FILES if name in given}
    # A topic is reached at Amazon, or at the configured replacement.
    given |= {name: environ[name] for name in ("AWS_ENDPOINT_URL_SNS", "AWS_ENDPOINT_URL_S3") if environ.get(name)}
    return {
        "STAGE": "local",
        "NODE_ENV": "development",
        "VERCEL_ENV": "development",
        "APP_URL": f"http://127.0.0.1:{options.port}",
        **list_stores(options),
        **secrets.variables,
        **given,
        "DATABASE_URL": database_url,
        # Without a database of its own, the product is read through the function's own connection.
        "PRODUCT_DATABASE_URL": given.get("PRODUCT_DATABASE_URL", ""),
        **list_role_urls(database_url, secrets),
        "AWS_ENDPOINT_URL_SQS": queue.endpoint_url,
        "AWS_ACCESS_KEY_ID": queue.access_key,
    }


def list_stores(options: Options) -> dict[str, str]:
    """Return the folders that take the place of buckets."""
    return {
        "ARCHIVE_URL": str(options.data_dir / "archive"),
        "STATUS_PAGE_STORE": str(options.data_dir / "status_page"),
        "PAYLOADS_URL": str(options.data_dir / "payloads"),
        "SOURCE_MAPS_URL": str(options.data_dir / "source-maps"),
    }
