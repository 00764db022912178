"""The configuration: every environment variable, what it takes, and the checked values.

Values may stand in the environment themselves, or be named there: `arn:aws:secretsmanager:...` (the
whole secret, or one key of a JSON secret as `<arn>:<key>::`) and `ssm:<parameter name>` are fetched
once per execution environment.
"""

import functools
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callwatch import settings_values as values
from callwatch.exceptions import ConfigurationError
from callwatch.settings_named import fetch_named_value, forget_secrets
from callwatch.settings_values import NamedToken


@dataclass(frozen=True)
class Variable:
    """One environment variable: its parser, its default text, and its line in the documentation."""

    name: str
    parse: Callable[[str], Any]
    purpose: str
    default: str | None = None
    is_secret: bool = False


VARIABLES: tuple[Variable, ...] = (
    Variable("DATABASE_URL", values.database_url, "Where the monitor keeps its own tables.", is_secret=True),
    Variable(
        "PRODUCT_DATABASE_URL",
        values.database_url,
        "The watched product's database, read only; DATABASE_URL when unset.",
        is_secret=True,
    ),
    Variable("DATABASE_POOL_SIZE", values.integer_between(1, 100), "Most connections of one process to a database."),
    Variable("DEEPGRAM_API_KEY", values.key, "Key for Deepgram's check; unset: not configured.", is_secret=True),
    Variable("OPENAI_API_KEY", values.key, "Key for OpenAI's check; unset: not configured.", is_secret=True),
    Variable("CONVOSO_AUTH_TOKEN", values.key, "Token for Convoso's check; unset: not configured.", is_secret=True),
    Variable("DEEPGRAM_API_URL", values.base_url, "Base of Deepgram's API.", "https://api.deepgram.com"),
    Variable("OPENAI_API_URL", values.base_url, "Base of OpenAI's API.", "https://api.openai.com"),
    Variable("CONVOSO_API_URL", values.base_url, "Base of Convoso's API.", "https://api.convoso.com"),
    Variable("SENDGRID_API_URL", values.base_url, "Base of SendGrid's API.", "https://api.sendgrid.com"),
    Variable("PAGERDUTY_API_URL", values.base_url, "Base of PagerDuty's Events API.", "https://events.pagerduty.com"),
    Variable(
        "HTTP_CHECKS",
        values.http_checks,
        "More services to check: a JSON list of objects with name, url, and optionally expect_status (200) and headers.",
        "[]",
        is_secret=True,
    ),
    Variable("ALERT_EMAIL_TO", values.emails, "Who receives alerts by e-mail."),
    Variable("ALERT_EMAIL_FROM", values.email, "Sender of alerts by e-mail."),
    Variable("SENDGRID_API_KEY", values.key, "Key of the e-mail channel.", is_secret=True),
    Variable("ALERT_WEBHOOK_URL", values.http_url, "Target of the webhook channel.", is_secret=True),
    Variable(
        "ALERT_WEBHOOK_SECRET",
        values.webhook_secrets,
        "Signs webhooks: whsec_ + base64; several comma-separated while one is being rotated.",
        is_secret=True,
    ),
    Variable("WEBHOOK_ALLOWED_NETWORKS", values.networks, "Private networks (CIDRs) that webhooks may reach."),
    Variable("SLACK_ALERT_WEBHOOK", values.http_url, "Slack's incoming webhook for alerts.", is_secret=True),
    Variable("PAGERDUTY_ROUTING_KEY", values.key, "Routing key of a PagerDuty Events v2 service.", is_secret=True),
    Variable("ALERT_SNS_TOPIC_ARN", values.topic_arn, "SNS topic for alerts."),
    Variable("RULES_FILE", values.text, "Path of a JSON file with alert rules of your own."),
    Variable("STAGES_FILE", values.text, "Path of a JSON file that describes the watched product; unset: the call product."),
    Variable("APP_URL", values.base_url, "Public address of the dashboard, for links in messages."),
    Variable("NODE_ENV", values.text, "Shown in health as node_env."),
    Variable("VERCEL_ENV", values.text, "Shown in health as vercel_env."),
    Variable("STAGE", values.text, "Name of this deployment.", "local"),
    Variable("COMMIT_SHA", values.text, "Shown in health as commit_sha."),
    Variable(
        "ADMIN_SECRET",
        values.named_tokens("admin"),
        "Tokens that may act: [name:]token, comma-separated.",
        is_secret=True,
    ),
    Variable(
        "VIEWER_SECRET",
        values.named_tokens("viewer"),
        "Tokens that may read: [name:]token, comma-separated.",
        is_secret=True,
    ),
    Variable(
        "INGEST_KEYS",
        values.ingest_keys,
        "Keys that may send: project:key, comma-separated; project 0 is the monitor itself.",
        is_secret=True,
    ),
    Variable("CALLWATCH_PROJECT_ID", values.integer_between(0, 999999999), "Project of errors captured here.", "1"),
    Variable(
        "USER_HASH_KEY",
        values.text,
        "Key of the HMAC that stands for a user's id; derived from INGEST_KEYS when unset.",
        is_secret=True,
    ),
    Variable(
        "ERROR_QUEUE_URL",
        values.http_url,
        "SQS queue that buffers errors and requests, or one at a server that speaks SQS's protocol.",
    ),
    Variable("CRITICAL_QUEUE_URL", values.http_url, "SQS queue that buffers critical errors."),
    Variable("DEAD_LETTER_QUEUE_URL", values.http_url, "SQS queue of messages that could not be digested."),
    Variable("CORS_ORIGINS", values.origins, "Origins whose pages may call the API."),
    Variable("RETENTION_DAYS", values.integer_between(1, 3650), "Days that errors, requests and deliveries are kept.", "90"),
    Variable("TIMEZONE", values.timezone, "IANA time zone in which days begin.", "UTC"),
)

# In another program's process all else may mean something else: its DATABASE_URL, say, is its own.
_OF_TRACKER = (
    "ERROR_QUEUE_URL", "CRITICAL_QUEUE_URL", "CALLWATCH_PROJECT_ID", "COMMIT_SHA", "NODE_ENV", "USER_HASH_KEY", "INGEST_KEYS",
)  # fmt: skip
# A channel that was half set up would be silent when it is needed.
_NEEDED_TOGETHER = (
    ("ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET", "whsec_ + base64"),
    ("ALERT_EMAIL_TO", "SENDGRID_API_KEY", "the key of the e-mail channel"),
    ("ALERT_EMAIL_TO", "ALERT_EMAIL_FROM", "the sender of alerts by e-mail"),
)


@dataclass(frozen=True)
class Settings:
    """The checked configuration; a field is None (or empty) where its variable is unset."""

    database_url: str | None = field(default=None, repr=False)
    product_database_url: str | None = field(default=None, repr=False)
    database_pool_size: int | None = None
    deepgram_api_key: str | None = field(default=None, repr=False)
    openai_api_key: str | None = field(default=None, repr=False)
    convoso_auth_token: str | None = field(default=None, repr=False)
    deepgram_api_url: str = ""
    openai_api_url: str = ""
    convoso_api_url: str = ""
    sendgrid_api_url: str = ""
    pagerduty_api_url: str = ""
    http_checks: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    alert_email_to: tuple[str, ...] | None = None
    alert_email_from: str | None = None
    sendgrid_api_key: str | None = field(default=None, repr=False)
    alert_webhook_url: str | None = field(default=None, repr=False)
    alert_webhook_secret: tuple[bytes, ...] | None = field(default=None, repr=False)
    webhook_allowed_networks: tuple[Any, ...] | None = None
    slack_alert_webhook: str | None = field(default=None, repr=False)
    pagerduty_routing_key: str | None = field(default=None, repr=False)
    alert_sns_topic_arn: str | None = None
    rules_file: str | None = None
    stages_file: str | None = None
    app_url: str | None = None
    node_env: str | None = None
    vercel_env: str | None = None
    stage: str = "local"
    commit_sha: str | None = None
    admin_secret: tuple[NamedToken, ...] | None = None
    viewer_secret: tuple[NamedToken, ...] | None = None
    ingest_keys: dict[int, tuple[str, ...]] | None = field(default=None, repr=False)
    callwatch_project_id: int = 1
    user_hash_key: str | None = field(default=None, repr=False)
    error_queue_url: str | None = None
    critical_queue_url: str | None = None
    dead_letter_queue_url: str | None = None
    cors_origins: tuple[str, ...] | None = None
    retention_days: int = 90
    timezone: str = "UTC"


def load_settings(environ: Mapping[str, str], fetch: Callable[[str], str] | None = None) -> Settings:
    """Check every variable of `environ`; `fetch` resolves named secrets.

    Raises ConfigurationError with one line that names the first bad variable and what it takes.
    """
    found: dict[str, Any] = {}
    for variable in VARIABLES:
        raw = environ.get(variable.name, "").strip()
        if re.match(r"arn:aws[a-z-]*:secretsmanager:|ssm:", raw):
            raw = (fetch or fetch_named_value)(raw).strip()
        raw = raw or variable.default or ""
        if not raw:
            continue
        try:
            found[variable.name.lower()] = variable.parse(raw)
        except ValueError as error:
            raise ConfigurationError(f"{variable.name} takes {error}") from None
    found.setdefault("product_database_url", found.get("database_url"))
    if found.get("ingest_keys"):
        found.setdefault("user_hash_key", _derived_key(found["ingest_keys"]))
    for name, needed, takes in _NEEDED_TOGETHER:
        if found.get(name.lower()) and not found.get(needed.lower()):
            raise ConfigurationError(f"{needed} is needed where {name} is set: {takes}")
    return Settings(**found)


def _derived_key(ingest_keys: Mapping[int, tuple[str, ...]]) -> str:
    """A key of its own kind that the first ingest keys stand for: as secret as they are, and none of them."""
    text = " ".join(f"{project}:{keys[0]}" for project, keys in sorted(ingest_keys.items()))
    return hashlib.sha256(f"callwatch users {text}".encode()).hexdigest()


@functools.cache
def get_settings() -> Settings:
    """The configuration of this process, read from its environment once."""
    return load_settings(os.environ)


@functools.cache
def tracker_settings() -> Settings:
    """What the tracker needs of it, whatever the rest of this process' environment holds."""
    return load_settings({name: os.environ[name] for name in _OF_TRACKER if name in os.environ})


def reset_settings() -> None:
    """Forget the configuration and its secrets, so that the next get_settings() reads both anew."""
    get_settings.cache_clear()
    tracker_settings.cache_clear()
    forget_secrets()
