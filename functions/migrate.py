"""Migrates the database schema and makes its roles: invoked directly, or by CloudFormation as a custom resource."""

from collections.abc import Mapping
from typing import Any, TypedDict

from callwatch.db import migrate
from callwatch.exceptions import ConfigurationError
from callwatch.runtime.custom_resource import answer_request
from callwatch.runtime.database_roles import provide_roles
from callwatch.runtime.invocation import invocation
from callwatch.runtime.log import logger
from callwatch.settings import get_settings


class Migrated(TypedDict):
    """The names of the migrations that ran, and whether functions connect as roles of their own; roles: in words, and why not."""

    ran: list[str]
    has_roles: bool
    roles: str


def handle(event: dict[str, Any], context: Any) -> Migrated | Mapping[str, Any]:
    """Run the pending migrations: {"ran": [names], "has_roles", "roles"}. A custom resource's event also gets a response at its
    URL. `has_roles`: whether functions connect as roles of their own; `roles` says it in words, and why not.
    """
    if "ResponseURL" not in event:
        return bring_forward()

    def act() -> Mapping[str, str]:
        # Deleting the stack keeps the tables: the recorded data belongs to the owner.
        if event["RequestType"] == "Delete":
            return {}
        found = bring_forward()
        return {"ran": ",".join(found["ran"]), "roles": found["roles"]}

    return answer_request(event, context, "migrate the schema", act)


def bring_forward() -> Migrated:
    """Apply the pending migrations to DATABASE_URL, then make the roles of functions."""
    settings = get_settings()
    if not settings.database_url:
        raise ConfigurationError("DATABASE_URL must be a URL such as postgresql://user:password@host:5432/name")
    ran = migrate(settings.database_url)
    provided = provide_roles(settings)
    if provided.problem:
        logger.warning("functions connect as the database's owner", extra={"reason": provided.problem})
    words = f"all functions connect as the owner: {provided.problem or 'no other role is configured'}"
    if provided.has_roles:
        words = "functions that only read connect as a reader, functions that act for a person as a writer"
    logger.info("schema is up to date", extra={"ran": ran})
    return {"ran": ran, "has_roles": provided.has_roles, "roles": words}


lambda_handler = invocation(handle)
