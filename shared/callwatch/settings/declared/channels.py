"""The channels that notify people, and the addresses and keys of each."""

from typing import TYPE_CHECKING

from callwatch.settings import values
from callwatch.settings.credentials import parse_key, parse_room_id, parse_webhook_secrets
from callwatch.settings.smtp_server import parse_smtp_url
from callwatch.settings.variable import CHANNEL_SETTINGS, declare

if TYPE_CHECKING:
    from callwatch.settings.values import Network


class ChannelVariables:
    """The channels that notify people, and the addresses and keys of each."""

    channel_settings: dict[str, str] | None = declare(
        values.parse_texts,
        "Settings of further channels in one JSON object, {variable: value}, for those that the environment does not set.",
        is_secret=True,
        affects="channel.settings",
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
    sendgrid_api_url: str = declare(
        values.parse_base_url, "Base URL of the SendGrid API.", "https://api.sendgrid.com", affects="channel.email"
    )
    smtp_url: str | None = declare(
        parse_smtp_url,
        "E-mail by a mail server: smtps://user:password@host:465 (TLS), smtp://user:password@host:587 (STARTTLS), or"
        " smtp+plain://host:25 for a relay nearby.",
        is_secret=True,
        affects="channel.email",
        kept_in=CHANNEL_SETTINGS,
    )
    ses_region: str | None = declare(
        values.parse_region,
        "E-mail by Amazon SES: region of the verified sender.",
        affects="channel.email",
        kept_in=CHANNEL_SETTINGS,
    )
    ses_api_url: str | None = declare(
        values.parse_base_url,
        "Base URL of the SES API v2; unset: Amazon's in SES_REGION.",
        affects="channel.email",
        kept_in=CHANNEL_SETTINGS,
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
    slack_alert_webhook: str | None = declare(
        values.parse_http_url, "Slack incoming webhook for alerts.", is_secret=True, affects="channel.slack"
    )
    pagerduty_routing_key: str | None = declare(
        parse_key, "Routing key of a PagerDuty Events v2 service.", is_secret=True, affects="channel.pagerduty"
    )
    pagerduty_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the PagerDuty Events API.",
        "https://events.pagerduty.com",
        affects="channel.pagerduty",
    )
    alert_sns_topic_arn: str | None = declare(values.parse_topic_arn, "SNS topic for alerts.", affects="channel.sns")
    teams_alert_webhook: str | None = declare(
        values.parse_http_url,
        "Microsoft Teams: webhook URL of a workflow.",
        is_secret=True,
        affects="channel.teams",
        kept_in=CHANNEL_SETTINGS,
    )
    discord_alert_webhook: str | None = declare(
        values.parse_http_url,
        "Discord: webhook URL of a channel.",
        is_secret=True,
        affects="channel.discord",
        kept_in=CHANNEL_SETTINGS,
    )
    telegram_bot_token: str | None = declare(
        parse_key,
        "Telegram: token of the bot that sends.",
        is_secret=True,
        affects="channel.telegram",
        needs=(("TELEGRAM_CHAT_ID", "the id of the chat, or the @name of a public channel"),),
        kept_in=CHANNEL_SETTINGS,
    )
    telegram_chat_id: str | None = declare(
        parse_key,
        "Telegram: id of the chat, or the @name of a public channel.",
        affects="channel.telegram",
        needs=(("TELEGRAM_BOT_TOKEN", "the token of a bot"),),
        kept_in=CHANNEL_SETTINGS,
    )
    telegram_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the Telegram Bot API.",
        "https://api.telegram.org",
        affects="channel.telegram",
        kept_in=CHANNEL_SETTINGS,
    )
    ntfy_url: str | None = declare(
        values.parse_http_url,
        "ntfy: URL of the topic, such as https://ntfy.sh/topic.",
        is_secret=True,
        affects="channel.ntfy",
        kept_in=CHANNEL_SETTINGS,
    )
    ntfy_token: str | None = declare(
        parse_key,
        "ntfy: access token, if the topic needs one.",
        is_secret=True,
        affects="channel.ntfy",
        needs=(("NTFY_URL", "the URL of a topic"),),
        kept_in=CHANNEL_SETTINGS,
    )
    opsgenie_api_key: str | None = declare(
        parse_key,
        "Opsgenie or Jira Service Management: key of an API integration.",
        is_secret=True,
        affects="channel.opsgenie",
        kept_in=CHANNEL_SETTINGS,
    )
    opsgenie_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the Alert API; EU: https://api.eu.opsgenie.com; JSM: https://api.atlassian.com/jsm/ops/integration.",
        "https://api.opsgenie.com",
        affects="channel.opsgenie",
        kept_in=CHANNEL_SETTINGS,
    )
    pushover_app_token: str | None = declare(
        parse_key,
        "Pushover: API token of an application.",
        is_secret=True,
        affects="channel.pushover",
        needs=(("PUSHOVER_USER_KEY", "the key of a user or group"),),
        kept_in=CHANNEL_SETTINGS,
    )
    pushover_user_key: str | None = declare(
        parse_key,
        "Pushover: key of a user or group.",
        is_secret=True,
        affects="channel.pushover",
        needs=(("PUSHOVER_APP_TOKEN", "the API token of an application"),),
        kept_in=CHANNEL_SETTINGS,
    )
    pushover_api_url: str = declare(
        values.parse_base_url,
        "Base URL of the Pushover API.",
        "https://api.pushover.net",
        affects="channel.pushover",
        kept_in=CHANNEL_SETTINGS,
    )
    matrix_url: str | None = declare(
        values.parse_base_url,
        "Matrix: base URL of the homeserver.",
        affects="channel.matrix",
        needs=(("MATRIX_ACCESS_TOKEN", "the access token of a user"), ("MATRIX_ROOM_ID", "the id of a room")),
        kept_in=CHANNEL_SETTINGS,
    )
    matrix_access_token: str | None = declare(
        parse_key,
        "Matrix: access token of the user that sends.",
        is_secret=True,
        affects="channel.matrix",
        needs=(("MATRIX_URL", "the URL of a homeserver"),),
        kept_in=CHANNEL_SETTINGS,
    )
    matrix_room_id: str | None = declare(
        parse_room_id,
        "Matrix: id of the room, such as !abc:example.com; the user must have joined it.",
        affects="channel.matrix",
        needs=(("MATRIX_URL", "the URL of a homeserver"),),
        kept_in=CHANNEL_SETTINGS,
    )
    alertmanager_url: str | None = declare(
        values.parse_http_url,
        "Alertmanager: base URL, with user and password if it needs them.",
        is_secret=True,
        affects="channel.alertmanager",
        kept_in=CHANNEL_SETTINGS,
    )
    alertmanager_token: str | None = declare(
        parse_key,
        "Alertmanager: bearer token, if it needs one.",
        is_secret=True,
        affects="channel.alertmanager",
        needs=(("ALERTMANAGER_URL", "the URL of an Alertmanager"),),
        kept_in=CHANNEL_SETTINGS,
    )
