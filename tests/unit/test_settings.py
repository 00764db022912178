"""Configuration: accepted values, rejected values, and the text of the rejection."""

from unittest import mock

import boto3
import pytest

from callwatch.aws.json_client import JsonClient
from callwatch.exceptions import ConfigurationError
from callwatch.settings import VARIABLES, Settings, load_settings
from tests.support.aws_server import run_aws

KEY = "0123456789abcdef0123456789abcdef"


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({})
    assert settings.retention_days == 90
    assert settings.timezone == "UTC"
    assert settings.openai_api_url == "https://api.openai.com"
    assert settings.database_url is None


def test_the_product_database_is_the_own_one_unless_named() -> None:
    own = "postgresql://u:p@127.0.0.1:5432/own"
    other = "postgres://u:p@127.0.0.1:5432/product"
    assert load_settings({"DATABASE_URL": own}).product_database_url == own
    assert load_settings({"DATABASE_URL": own, "PRODUCT_DATABASE_URL": other}).product_database_url == other


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@db.example:5432/own", "postgresql://u:p@proxy.example:5432/own"),
        ("postgresql://u:p@db.example/own?sslmode=verify-full", "postgresql://u:p@proxy.example/own?sslmode=verify-full"),
        ("postgresql://u:p@ss:w@db.example:5432/own", "postgresql://u:p@ss:w@proxy.example:5432/own"),
        ("postgres://db.example", "postgres://proxy.example"),
        ("postgresql://u@[::1]:6000/own", "postgresql://u@proxy.example:6000/own"),
        (
            '{"username": "u", "password": "a@b/c", "host": "db.example", "port": 5432, "dbname": "own"}',
            "postgresql://u:a%40b%2Fc@proxy.example:5432/own?sslmode=verify-full",
        ),
    ],
)
def test_another_host_replaces_the_one_of_the_url(url: str, expected: str) -> None:
    other = "postgres://u:p@product.example:5432/product"
    given = {"DATABASE_URL": url, "DATABASE_HOST": "proxy.example", "PRODUCT_DATABASE_URL": other}
    settings = load_settings(given)
    assert settings.database_url == expected
    assert settings.product_database_url == other, "the host is of our own database alone"
    assert load_settings({**given, "PRODUCT_DATABASE_URL": ""}).product_database_url == expected


def test_tokens_carry_names_and_may_be_two_for_rotation() -> None:
    tokens = load_settings({"ADMIN_SECRET": f"ana:{KEY},{KEY[::-1]}"}).admin_secret
    assert tokens is not None
    assert [(token.name, token.token) for token in tokens] == [("ana", KEY), ("admin", KEY[::-1])]


def test_a_project_may_have_two_ingest_keys() -> None:
    keys = load_settings({"INGEST_KEYS": f"1:{KEY}, 2:{'e' * 32}, 1:{'f' * 32}"}).ingest_keys
    assert keys == {1: (KEY, "f" * 32), 2: ("e" * 32,)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_HOST", "db.example:5432"),
        ("DATABASE_HOST", "u@db.example/x?y"),
        ("INGEST_KEYS", "1:short"),
        ("INGEST_KEYS", f"x:{KEY}"),
        ("OPENAI_API_KEY", '"sk-quoted"'),
        ("DEEPGRAM_API_KEY", "clé"),
        ("SENDGRID_API_KEY", "two words"),
        ("DEEPGRAM_API_URL", "https://api.example.com/v1?eu=1"),
        ("CONVOSO_API_URL", "https://user:hidden@api.example.com"),
        ("ADMIN_SECRET", "short"),
        ("ADMIN_SECRET", "a b:0123456789abcdef"),
        ("VIEWER_SECRET", ","),
        ("ALERT_WEBHOOK_SECRET", "secret"),
        ("ALERT_WEBHOOK_SECRET", "whsec_***"),
        ("ALERT_WEBHOOK_SECRET", "whsec_YQ=="),
        ("ALERT_WEBHOOK_SECRET", "whsec_MTIzNDU2Nzg5MDEyMzQ1"),
        ("ALERT_WEBHOOK_SECRET", ","),
        ("INGEST_KEYS", f"1:{KEY},2:{KEY}"),
        ("INGEST_KEYS", f"1:{'a' * 32},2:{KEY},3:{'b' * 32},1:{KEY}"),
        ("RETENTION_CLOCK_TRUSTED_UNTIL", "2026-11-01"),
        ("RETENTION_CLOCK_TRUSTED_UNTIL", "soon"),
        ("ALERT_WEBHOOK_URL", "ftp://example.com"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/99"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "ninety"),
        ("INDEX_DAYS", "21"),
        ("INDEX_DAYS", "3651"),
        ("INDEX_DAYS", "-1"),
        ("TIMEZONE", "Mars/Olympus"),
        ("OPENAI_API_URL", "https://host:99999999"),
        ("ALERT_EMAIL_TO", "nobody"),
        ("ALERT_SNS_TOPIC_ARN", "my-topic"),
        ("SLACK_ALERT_WEBHOOK", "https://hooks.example.com/hook\u00e9"),
        ("HTTP_CHECKS", '[{"name": "Bad Name", "url": "https://x.example"}]'),
        ("HTTP_CHECKS", "{"),
        ("CALLWATCH_PROJECT_ID", "-1"),
    ],
)
def test_bad_value_error_names_the_variable_not_the_value(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({name: value})
    text = str(refusal.value)
    assert text.startswith(f"{name} must be ")
    assert "\n" not in text
    assert value not in text or len(value) < 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ADMIN_SECRET": f"ana:{'ab' * 16},bob:{'ab' * 16}"}, "bob has the token of ADMIN_SECRET ana"),
        ({"ADMIN_SECRET": f"ana:{'ab' * 16}", "VIEWER_SECRET": f"tv:{'ab' * 16}"}, "tv has the token of ADMIN_SECRET ana"),
        ({"VIEWER_SECRET": f"tv:{'ab' * 16}", "UPLOAD_SECRET": f"ci:{'ab' * 16}"}, "ci has the token of VIEWER_SECRET tv"),
        ({"VIEWER_SECRET": f"tv:{'ab' * 16}", "INGEST_KEYS": f"3:{'ab' * 16}"}, "project 3 has the token of VIEWER_SECRET tv"),
    ],
)
def test_a_token_has_one_owner(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refusal:
        load_settings(given)
    assert "abab" not in str(refusal.value)
    # A function goes on: what is deployed was checked before.
    assert load_settings(given, is_strict=False).problems == ()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"ALERT_WEBHOOK_URL": "https://hooks.example.com"}, "ALERT_WEBHOOK_SECRET"),
        ({"ALERT_EMAIL_TO": "a@example.com", "ALERT_EMAIL_FROM": "b@example.com"}, "SENDGRID_API_KEY or SMTP_URL or SES_REGION"),
        ({"ALERT_EMAIL_TO": "a@example.com", "SENDGRID_API_KEY": "SG.key"}, "ALERT_EMAIL_FROM"),
        ({"ALERT_EMAIL_FROM": "a@example.com", "SENDGRID_API_KEY": "SG.key"}, "ALERT_EMAIL_TO"),
    ],
)
def test_incomplete_channel_error_names_what_is_missing(given: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings(given)
    assert str(refusal.value).startswith(f"{missing} is required when ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["ALERT_WEBHOOK_URL", "SLACK_ALERT_WEBHOOK"])
@pytest.mark.parametrize("url", ["https://hooks.example.com/alerts/", "https://hooks.example.com/alerts?to=ops/"])
def test_the_address_of_a_webhook_is_taken_as_it_is(name: str, url: str) -> None:
    settings = load_settings({name: url, "ALERT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    assert getattr(settings, name.lower()) == url


def test_named_secrets_are_fetched() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf"
    fetched = {arn: "postgresql://u:p@db/own", "ssm:/callwatch/app-url": "https://ops.example.com/"}
    settings = load_settings({"DATABASE_URL": arn, "APP_URL": "ssm:/callwatch/app-url"}, fetched.__getitem__)
    assert settings.database_url == "postgresql://u:p@db/own"
    assert settings.app_url == "https://ops.example.com"


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    secrets = {variable.name: "postgresql://user:hidden-value@h/d" for variable in VARIABLES if variable.is_secret}
    secrets |= {"INGEST_KEYS": f"1:{KEY}", "ADMIN_SECRET": f"{KEY}1", "VIEWER_SECRET": f"{KEY}2", "UPLOAD_SECRET": f"{KEY}3"}
    secrets |= {"HTTP_CHECKS": '[{"name": "crm", "url": "https://x.example", "headers": {"x-key": "hidden-value"}}]'}
    secrets |= {
        "ALERT_WEBHOOK_SECRET": "whsec_aGlkZGVuLXZhbHVlLWhpZGRlbi12YWx1ZQ==",
        "SLACK_ALERT_WEBHOOK": "https://hidden-value.example",
    }
    secrets |= dict.fromkeys(("TEAMS_ALERT_WEBHOOK", "DISCORD_ALERT_WEBHOOK", "NTFY_URL"), "https://hidden-value.example/x")
    secrets |= {"CHANNEL_SETTINGS": '{"OPSGENIE_API_KEY": "hidden-value"}', "TELEGRAM_CHAT_ID": "1"}
    secrets |= {"ALERT_WEBHOOK_URL": "https://user:hidden-value@hooks.example.com/hidden-value"}
    secrets |= {"SMTP_URL": "smtp://user:hidden-value@mail.example.com"}
    secrets |= {"MATRIX_URL": "https://matrix.example.com", "MATRIX_ROOM_ID": "!abc:example.com"}
    secrets |= {"ALERTMANAGER_URL": "https://user:hidden-value@alerts.example.com"}
    secrets |= {"REPLAY_URL": "https://user:hidden-value@product.example.com/hidden-value"}
    secrets |= {"VERCEL_LOG_SECRET": "hidden-value-hidden-value", "APP_URL": "https://ops.example.com"}
    printed = repr(load_settings(secrets))
    assert "hidden-value" not in printed
    assert KEY not in printed


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("3", "entry 1: must be an object"),
        ('{"name": "crm", "url": "https://x.example", "interval": 5}', "entry 1: must be an object with only name, url"),
        ('{"url": "https://x.example"}', "entry 1: name must have"),
        ('{"name": "Crm", "url": "https://x.example"}', "entry 1: name must have"),
        ('{"name": "openai", "url": "https://x.example"}', "name must be different"),
        ('{"name": "a", "url": "https://x.example"}, {"name": "a", "url": "https://y.example"}', "entry 2: name must be"),
        ('{"name": "crm"}', "entry 1: url must be a URL such as"),
        ('{"name": "crm", "url": "ftp://x.example"}', "entry 1: url must be a URL such as"),
        ('{"name": "crm", "url": "https://user:hidden@x.example"}', "entry 1: url must not hold a user"),
        ('{"name": "crm", "url": "https://x.example", "expect_status": "200"}', "entry 1: expect_status must be"),
        ('{"name": "crm", "url": "https://x.example", "expect_status": true}', "entry 1: expect_status must be"),
        ('{"name": "crm", "url": "https://x.example", "method": "POST"}', "entry 1: method must be GET or HEAD"),
        ('{"name": "crm", "url": "https://x.example", "method": ["GET"]}', "entry 1: method must be GET or HEAD"),
        ('{"name": "crm", "url": "https://x.example", "headers": {"x": "hidden\\n"}}', "entry 1: headers must be"),
        ('{"name": "crm", "url": "https://x.example", "headers": ["hidden"]}', "entry 1: headers must be"),
    ],
)
def test_what_is_wrong_with_an_entry_of_http_checks_is_named(entry: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({"HTTP_CHECKS": f"[{entry}]"})
    text = str(refusal.value)
    assert words in text
    assert "\n" not in text
    assert "hidden" not in text


def test_a_good_entry_of_http_checks_is_taken() -> None:
    entry = (
        '{"name": "crm", "url": "https://x.example/up?full=1", "expect_status": 204, "headers": {"authorization": "Bearer k"}}'
    )
    (check,) = load_settings({"HTTP_CHECKS": f"[{entry}]"}).http_checks
    assert check["name"] == "crm"
    assert check["expect_status"] == 204


def test_every_variable_has_a_field() -> None:
    fields = [*vars(Settings()), *(name for room in Settings.__mro__[1:-1] for name in room.__annotations__)]
    expected = {variable.name.lower() for variable in VARIABLES}
    assert set(fields) == expected
    assert len(VARIABLES) == len(expected)


def test_settings_neither_change_nor_take_unknown_fields() -> None:
    settings = Settings(stage="prod")
    with pytest.raises(AttributeError, match="stage cannot be changed"):
        settings.stage = "other"
    with pytest.raises(TypeError, match="no field 'stages'"):
        settings.replace(stages="x")
    assert (settings.stage, settings.replace(stage="other").stage) == ("prod", "other")


def test_rds_secret_is_a_url_with_a_verified_server() -> None:
    secret = '{"username": "callwatch", "password": "a/b@c", "engine": "postgres", "host": "db.x", "port": 5432, "dbname": "cw"}'
    settings = load_settings({"DATABASE_URL": "arn:aws:secretsmanager:r:0:secret:db-x"}, fetch=lambda _arn: secret)
    assert settings.database_url == "postgresql://callwatch:a%2Fb%40c@db.x:5432/cw?sslmode=verify-full"


def test_rds_secret_without_host_hides_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"DATABASE_URL": '{"username": "callwatch", "password": "hidden"}'})
    assert "DATABASE_URL must be" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_keys_of_one_secret_take_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_aws(monkeypatch):
        made = boto3.client("secretsmanager").create_secret(
            Name="channels", SecretString='{"SENDGRID_API_KEY": "sg-key", "PAGERDUTY_ROUTING_KEY": "pd-key"}'
        )
        boto3.client("ssm").put_parameter(Name="/callwatch/dev/app-url", Value="https://watch.example.com", Type="String")
        original = JsonClient._call
        with mock.patch.object(JsonClient, "_call", autospec=True, side_effect=original) as call:
            settings = load_settings(
                {
                    "SENDGRID_API_KEY": f"{made['ARN']}:SENDGRID_API_KEY::",
                    "PAGERDUTY_ROUTING_KEY": f"{made['ARN']}:PAGERDUTY_ROUTING_KEY::",
                    "SLACK_ALERT_WEBHOOK": f"{made['ARN']}:SLACK_ALERT_WEBHOOK::",
                    "APP_URL": "ssm:/callwatch/dev/app-url",
                }
            )
    assert (settings.sendgrid_api_key, settings.pagerduty_routing_key) == ("sg-key", "pd-key")
    assert settings.slack_alert_webhook is None
    assert settings.app_url == "https://watch.example.com"
    assert [found.args[1] for found in call.call_args_list].count("GetSecretValue") == 1


def test_user_hash_key_exists_without_configuration() -> None:
    keys = {"INGEST_KEYS": f"1:{KEY}"}
    derived = load_settings(keys).user_hash_key
    assert derived
    assert KEY not in derived
    assert load_settings(keys | {"USER_HASH_KEY": "given"}).user_hash_key == "given"
    assert load_settings({"INGEST_KEYS": f"1:{KEY[::-1]}"}).user_hash_key != derived
