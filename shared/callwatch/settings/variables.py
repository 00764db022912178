"""Every environment variable, declared once: the field's name, its type, its parser, its default and its documentation."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from callwatch.settings import values
from callwatch.settings.credentials import (
    NamedToken,
    build_token_parser,
    parse_drain_secrets,
    parse_ingest_keys,
    parse_key,
    parse_room_id,
    parse_signing_secrets,
    parse_webhook_secrets,
)
from callwatch.settings.http_checks import HttpCheck, parse_http_checks
from callwatch.settings.oidc import OidcRoles, parse_client_id, parse_issuer, parse_issuer_origin, parse_oidc_roles
from callwatch.settings.pii_routes import PiiRoute, parse_pii_routes
from callwatch.settings.smtp_server import parse_smtp_url
from callwatch.settings.values import PayloadStore, ScrubModes
from callwatch.settings.variable import FIELD_KEY, Variable, declare

if TYPE_CHECKING:
    from callwatch.settings.prices import Price
    from callwatch.settings.status_page import StatusPage
    from callwatch.settings.values import Network

# A deployed function has 4 KB for its environment, so the settings of further channels share one variable.
_IN = "CHANNEL_SETTINGS"


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """A setting that cannot be used. The message never holds the value. is_passing: the value could not be fetched this time."""

    variable: str
    message: str
    affects: str
    is_passing: bool = False


# Without methods to compare and to hash 50 fields, which nobody calls: making them takes 8 ms of each start.
@dataclass(frozen=True, eq=False)
class Settings:
    """The checked configuration; a field without a default is None if its variable is unset."""

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
    sendgrid_api_url: str = declare(
        values.parse_base_url, "Base URL of the SendGrid API.", "https://api.sendgrid.com", affects="channel.email"
    )
    pagerduty_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the PagerDuty Events API.",
        "https://events.pagerduty.com",
        affects="channel.pagerduty",
    )
    http_checks: tuple[HttpCheck, ...] = declare(
        parse_http_checks,
        "Additional services to check: a JSON list of objects with name, url, and optionally method (GET or HEAD), "
        "expect_status (200) and headers.",
        "[]",
        is_secret=True,
        affects="check.http",
    )

    alert_email_to: tuple[str, ...] | None = declare(
        values.parse_emails,
        "Recipients of alert e-mails.",
        affects="channel.email",
        needs=(
            (("SENDGRID_API_KEY", "SMTP_URL", "SES_REGION"), "what sends e-mail"),
            ("ALERT_EMAIL_FROM", "the sender of alert e-mails"),
        ),
    )
    alert_email_from: str | None = declare(
        values.parse_email,
        "Sender of alert e-mails.",
        affects="channel.email",
        needs=(("ALERT_EMAIL_TO", "the recipients of alert e-mails"),),
    )
    sendgrid_api_key: str | None = declare(
        parse_key, "SendGrid API key for the e-mail channel.", is_secret=True, affects="channel.email"
    )
    alert_webhook_url: str | None = declare(
        values.parse_http_url,
        "URL of the webhook channel.",
        is_secret=True,
        affects="channel.webhook",
        needs=(("ALERT_WEBHOOK_SECRET", "whsec_ + base64"),),
    )
    alert_webhook_secret: tuple[bytes, ...] | None = declare(
        parse_webhook_secrets,
        "Signs webhooks: whsec_ + base64; several, comma-separated, during a rotation.",
        is_secret=True,
        affects="channel.webhook",
    )
    webhook_allowed_networks: "tuple[Network, ...] | None" = declare(
        values.parse_networks, "Private networks (CIDRs) that webhooks may reach.", affects="channel.webhook"
    )
    replay_url: str | None = declare(
        values.parse_http_url,
        "URL of the product that takes requests to work on items again, signed as webhooks are.",
        is_secret=True,
        affects="replay",
        needs=(("ALERT_WEBHOOK_SECRET", "whsec_ + base64"),),
    )
    slack_alert_webhook: str | None = declare(
        values.parse_http_url, "Slack incoming webhook for alerts.", is_secret=True, affects="channel.slack"
    )
    pagerduty_routing_key: str | None = declare(
        parse_key, "Routing key of a PagerDuty Events v2 service.", is_secret=True, affects="channel.pagerduty"
    )
    alert_sns_topic_arn: str | None = declare(values.parse_topic_arn, "SNS topic for alerts.", affects="channel.sns")

    channel_settings: dict[str, str] | None = declare(
        values.parse_texts,
        "Settings of further channels in one JSON object, {variable: value}, for those that the environment does not set.",
        is_secret=True,
        affects="channel.settings",
    )
    teams_alert_webhook: str | None = declare(
        values.parse_http_url, "Microsoft Teams: webhook URL of a workflow.", is_secret=True, affects="channel.teams", kept_in=_IN
    )
    discord_alert_webhook: str | None = declare(
        values.parse_http_url, "Discord: webhook URL of a channel.", is_secret=True, affects="channel.discord", kept_in=_IN
    )
    telegram_bot_token: str | None = declare(
        parse_key,
        "Telegram: token of the bot that sends.",
        is_secret=True,
        affects="channel.telegram",
        needs=(("TELEGRAM_CHAT_ID", "the id of the chat, or the @name of a public channel"),),
        kept_in=_IN,
    )
    telegram_chat_id: str | None = declare(
        parse_key,
        "Telegram: id of the chat, or the @name of a public channel.",
        affects="channel.telegram",
        needs=(("TELEGRAM_BOT_TOKEN", "the token of a bot"),),
        kept_in=_IN,
    )
    telegram_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the Telegram Bot API.",
        "https://api.telegram.org",
        affects="channel.telegram",
        kept_in=_IN,
    )
    ntfy_url: str | None = declare(
        values.parse_http_url,
        "ntfy: URL of the topic, such as https://ntfy.sh/topic.",
        is_secret=True,
        affects="channel.ntfy",
        kept_in=_IN,
    )
    ntfy_token: str | None = declare(
        parse_key,
        "ntfy: access token, if the topic needs one.",
        is_secret=True,
        affects="channel.ntfy",
        needs=(("NTFY_URL", "the URL of a topic"),),
        kept_in=_IN,
    )
    opsgenie_api_key: str | None = declare(
        parse_key,
        "Opsgenie or Jira Service Management: key of an API integration.",
        is_secret=True,
        affects="channel.opsgenie",
        kept_in=_IN,
    )
    opsgenie_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the Alert API; EU: https://api.eu.opsgenie.com; JSM: https://api.atlassian.com/jsm/ops/integration.",
        "https://api.opsgenie.com",
        affects="channel.opsgenie",
        kept_in=_IN,
    )

    smtp_url: str | None = declare(
        parse_smtp_url,
        "E-mail by a mail server: smtps://user:password@host:465 (TLS), smtp://user:password@host:587 (STARTTLS), or"
        " smtp+plain://host:25 for a relay nearby.",
        is_secret=True,
        affects="channel.email",
        kept_in=_IN,
    )
    ses_region: str | None = declare(
        values.parse_region, "E-mail by Amazon SES: region of the verified sender.", affects="channel.email", kept_in=_IN
    )
    ses_api_url: str | None = declare(
        values.parse_base_url,
        "Base URL of the SES API v2; unset: Amazon's in SES_REGION.",
        affects="channel.email",
        kept_in=_IN,
    )
    pushover_app_token: str | None = declare(
        parse_key,
        "Pushover: API token of an application.",
        is_secret=True,
        affects="channel.pushover",
        needs=(("PUSHOVER_USER_KEY", "the key of a user or group"),),
        kept_in=_IN,
    )
    pushover_user_key: str | None = declare(
        parse_key,
        "Pushover: key of a user or group.",
        is_secret=True,
        affects="channel.pushover",
        needs=(("PUSHOVER_APP_TOKEN", "the API token of an application"),),
        kept_in=_IN,
    )
    pushover_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the Pushover API.",
        "https://api.pushover.net",
        affects="channel.pushover",
        kept_in=_IN,
    )
    matrix_url: str | None = declare(
        values.parse_base_url,
        "Matrix: base URL of the homeserver.",
        affects="channel.matrix",
        needs=(("MATRIX_ACCESS_TOKEN", "the access token of a user"), ("MATRIX_ROOM_ID", "the id of a room")),
        kept_in=_IN,
    )
    matrix_access_token: str | None = declare(
        parse_key,
        "Matrix: access token of the user that sends.",
        is_secret=True,
        affects="channel.matrix",
        needs=(("MATRIX_URL", "the URL of a homeserver"),),
        kept_in=_IN,
    )
    matrix_room_id: str | None = declare(
        parse_room_id,
        "Matrix: id of the room, such as !abc:example.com; the user must have joined it.",
        affects="channel.matrix",
        needs=(("MATRIX_URL", "the URL of a homeserver"),),
        kept_in=_IN,
    )
    alertmanager_url: str | None = declare(
        values.parse_http_url,
        "Alertmanager: base URL, with user and password if it needs them.",
        is_secret=True,
        affects="channel.alertmanager",
        kept_in=_IN,
    )
    alertmanager_token: str | None = declare(
        parse_key,
        "Alertmanager: bearer token, if it needs one.",
        is_secret=True,
        affects="channel.alertmanager",
        needs=(("ALERTMANAGER_URL", "the URL of an Alertmanager"),),
        kept_in=_IN,
    )

    message_link_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Signs links in messages by which a reader takes charge of an incident: at least 16 characters; several, comma-separated,"
        " during a rotation. Unset: messages have no such links.",
        is_secret=True,
        affects="message links",
        needs=(("APP_URL", "the public URL of the dashboard"),),
        kept_in=_IN,
    )

    slack_signing_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Signing secret of the Slack app whose webhook is used: messages get a button; several are comma-separated.",
        is_secret=True,
        affects="slack buttons",
        kept_in=_IN,
    )
    pagerduty_webhook_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Secret of a PagerDuty webhook subscription, by which acknowledgements come back; several are comma-separated.",
        is_secret=True,
        affects="pagerduty webhooks",
        kept_in=_IN,
    )
    opsgenie_webhook_token: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Token that a webhook of Opsgenie or JSM sends in the header x-callwatch-token; several are comma-separated.",
        is_secret=True,
        affects="opsgenie webhooks",
        kept_in=_IN,
    )

    rules_file: str | None = declare(values.parse_text, "Path of a JSON file with your own alert rules.")
    routes_file: str | None = declare(
        values.parse_text,
        "Path of a JSON file that routes alerts to channels; unset: each goes to the channels of its rule.",
        affects="routes",
    )
    stages_file: str | None = declare(
        values.parse_text, "Path of a JSON file that describes the watched product; unset: the call product."
    )
    prices_file: "tuple[Price, ...] | None" = declare(
        values.parse_prices, "Path of a JSON file with the prices of vendors; without it costs are unpriced.", affects="costs"
    )
    status_page_file: "StatusPage | None" = declare(
        values.parse_status_page,
        "Path of a JSON file that describes the public status page; without it the page is off.",
        affects="status_page",
    )
    status_page_store: str | None = declare(
        values.parse_archive,
        "Store of the public status page: s3://bucket/prefix, or the absolute path of a folder.",
        affects="status_page",
    )
    app_url: str | None = declare(values.parse_base_url, "Public URL of the dashboard, for links in messages.", affects="links")
    node_env: str | None = declare(values.parse_text, "Shown in health as node_env.", is_for_hosts=True)
    vercel_env: str | None = declare(values.parse_text, "Shown in health as vercel_env.")
    stage: str = declare(values.parse_text, "Name of this deployment.", "local")
    commit_sha: str | None = declare(
        values.parse_text, "Shown in health as commit_sha, and the release of captured errors.", is_for_hosts=True
    )
    commit_parameter: str | None = declare(
        values.parse_text,
        "Name of the SSM parameter that holds the deployed commit; health reads it each minute instead of COMMIT_SHA.",
    )

    admin_secret: tuple[NamedToken, ...] | None = declare(
        build_token_parser("admin"), "Tokens with write access: [name:]token, comma-separated.", is_secret=True
    )
    viewer_secret: tuple[NamedToken, ...] | None = declare(
        build_token_parser("viewer"), "Tokens with read access: [name:]token, comma-separated.", is_secret=True
    )
    upload_secret: tuple[NamedToken, ...] | None = declare(
        build_token_parser("upload"),
        "Tokens of sentry-cli for releases and deploys: [name:]token, comma-separated.",
        is_secret=True,
    )
    oidc_issuer: str | None = declare(
        parse_issuer,
        "Sign-in by OpenID Connect: the issuer, exactly as its tokens name it; unset: tokens only.",
        affects="sign_in",
        needs=(
            ("OIDC_AUDIENCE", "the client id of the page's application"),
            ("OIDC_ROLES", "claim:group=role entries such as groups:ops=admin"),
        ),
    )
    oidc_audience: str | None = declare(parse_client_id, "Client id of the page's application at the issuer.", affects="sign_in")
    oidc_roles: OidcRoles | None = declare(
        parse_oidc_roles,
        "Roles of the issuer's groups: the claim that lists a user's groups, then group=role entries, such as"
        " groups:ops=admin,support=viewer.",
        affects="sign_in",
    )
    oidc_token_origin: str | None = declare(
        parse_issuer_origin,
        "Origin of the issuer's token endpoint, where it is not that of OIDC_ISSUER, as with Cognito.",
        affects="sign_in",
    )
    ingest_keys: dict[int, tuple[str, ...]] | None = declare(
        parse_ingest_keys,
        "Keys for sending errors and requests: project:key, comma-separated; project 0 is the monitor itself.",
        is_secret=True,
        is_for_hosts=True,
    )
    vercel_log_secret: dict[int, tuple[str, ...]] | None = declare(
        parse_drain_secrets,
        "Signature secrets of Vercel's log drains: [project:]secret, comma-separated; project 1 unless named.",
        is_secret=True,
    )
    vercel_verify: str | None = declare(
        values.parse_text, "Code with which the handshake of Vercel's log drains is answered (x-vercel-verify)."
    )
    callwatch_project_id: int = declare(
        values.build_integer_parser(0, 999999999),
        "Project of the errors that the tracker captures in this process.",
        "1",
        is_for_hosts=True,
    )
    user_hash_key: str | None = declare(
        values.parse_text,
        "Key of the HMAC that replaces user ids; derived from INGEST_KEYS when unset.",
        is_secret=True,
        is_for_hosts=True,
    )
    scrub: ScrubModes = declare(
        values.parse_scrub_modes,
        "How much of an event is kept: standard (all except private data) or strict (only types, frames, codes and listed"
        " context keys); per project as 1:strict,2:standard.",
        "standard",
        is_for_hosts=True,
    )

    error_queue_url: str | None = declare(
        values.parse_http_url,
        "SQS queue that buffers errors and requests, or one on a server that speaks the SQS protocol.",
        is_for_hosts=True,
    )
    critical_queue_url: str | None = declare(values.parse_http_url, "SQS queue that buffers critical errors.", is_for_hosts=True)
    dead_letter_queue_url: str | None = declare(values.parse_http_url, "SQS queue for messages that could not be digested.")
    parallel_digest: int = declare(
        values.build_integer_parser(0, 1000),
        "Number of digests of the error queue at once, next to the monitor's flush each minute; 0 for the flush alone.",
        "0",
    )
    archive_url: str | None = declare(
        values.parse_archive,
        "Archive for messages that a queue is about to delete: s3://bucket/prefix, or the absolute path of a folder.",
        affects="archive",
    )

    payload_store: PayloadStore | None = declare(
        values.parse_payload_store,
        "Where the payloads of new errors are stored: postgres, or s3 for compressed objects in PAYLOADS_URL.",
        "postgres",
        affects="payload_store",
        needs=(("PAYLOADS_URL", "the store of payloads"),),
    )
    payloads_url: str | None = declare(
        values.parse_archive,
        "Store of payloads: s3://bucket/prefix, or the absolute path of a folder. Payloads that lie there are read from there,"
        " whatever PAYLOAD_STORE says.",
        affects="payloads",
    )
    source_maps_url: str | None = declare(
        values.parse_archive,
        "Store for the source maps that sentry-cli uploads: s3://bucket/prefix, or the absolute path of a folder.",
        affects="source_maps",
    )

    cors_origins: tuple[str, ...] | None = declare(values.parse_origins, "Web origins whose pages may call the API.")
    ingest_origins: dict[int, tuple[str, ...]] | None = declare(
        values.parse_project_origins,
        "Web origins whose pages may send with the keys of a project, as project:origin, comma-separated; a project that is not"
        " named takes any.",
    )
    retention_days: int = declare(
        values.build_integer_parser(1, 3650), "Number of days that errors, requests and deliveries are kept.", "90"
    )
    access_retention_days: int = declare(
        values.build_integer_parser(1, 3650), "Number of days that records of access to personal data are kept.", "365"
    )
    pii_routes: tuple[PiiRoute, ...] | None = declare(
        parse_pii_routes,
        "The product's routes whose responses hold personal data, comma-separated, such as GET /api/calls/{id}: each access to"
        " them must have a record.",
        affects="access",
    )
    retention_clock_trusted_until: datetime | None = declare(
        values.parse_time,
        "Confirms that the clock is right up to this time (ISO 8601): data that became due through a clock jump is deleted"
        " at once.",
    )
    timezone: str = declare(values.parse_timezone, "IANA time zone in which days begin.", "UTC")

    # Further channels of a kind by name, such as "slack:ops"; None for one whose settings cannot be used.
    named_channels: "Mapping[str, Settings | None]" = field(default_factory=dict, repr=False)
    problems: tuple[SettingProblem, ...] = ()


def _list_variables() -> tuple[Variable, ...]:
    declared = [(each.name, each.metadata[FIELD_KEY]) for each in dataclasses.fields(Settings) if FIELD_KEY in each.metadata]
    return tuple(dataclasses.replace(variable, name=name.upper()) for name, variable in declared)


VARIABLES: tuple[Variable, ...] = _list_variables()
