"""Who may use the API and act on messages: tokens, OpenID Connect, origins of pages, links and webhooks of vendors."""

from callwatch.settings import values
from callwatch.settings.credentials import NamedToken, build_token_parser, parse_signing_secrets
from callwatch.settings.oidc import OidcRoles, parse_client_id, parse_issuer, parse_issuer_origin, parse_oidc_roles
from callwatch.settings.variable import CHANNEL_SETTINGS, declare


class AccessVariables:
    """Who may use the API and act on messages: tokens, OpenID Connect, origins of pages, links and webhooks of vendors."""

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
    cors_origins: tuple[str, ...] | None = declare(values.parse_origins, "Web origins whose pages may call the API.")
    message_link_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Signs links in messages by which a reader takes charge of an incident: at least 16 characters; several, comma-separated,"
        " during a rotation. Unset: messages have no such links.",
        is_secret=True,
        affects="message links",
        needs=(("APP_URL", "the public URL of the dashboard"),),
        kept_in=CHANNEL_SETTINGS,
    )
    status_webhook_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Derives the secret of each subscriber of the status page: at least 16 characters; several, comma-separated, as long as"
        " a subscriber of an older one exists.",
        is_secret=True,
        affects="status subscribers",
        kept_in=CHANNEL_SETTINGS,
    )
    slack_signing_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Signing secret of the Slack app whose webhook is used: messages get a button; several are comma-separated.",
        is_secret=True,
        affects="slack buttons",
        kept_in=CHANNEL_SETTINGS,
    )
    pagerduty_webhook_secret: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Secret of a PagerDuty webhook subscription, by which acknowledgements come back; several are comma-separated.",
        is_secret=True,
        affects="pagerduty webhooks",
        kept_in=CHANNEL_SETTINGS,
    )
    opsgenie_webhook_token: tuple[str, ...] | None = declare(
        parse_signing_secrets,
        "Token that a webhook of Opsgenie or JSM sends in the header x-callwatch-token; several are comma-separated.",
        is_secret=True,
        affects="opsgenie webhooks",
        kept_in=CHANNEL_SETTINGS,
    )
    replay_url: str | None = declare(
        values.parse_http_url,
        "URL of the product that takes requests to work on items again, signed as webhooks are.",
        is_secret=True,
        affects="replay",
        needs=(("ALERT_WEBHOOK_SECRET", "whsec_ + base64"),),
    )
