"""One bad setting switches off one part of a function: which part, and what remains."""

import itertools
import json
import logging
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwatch.alerts.notifications.channels import CHANNELS, is_configured
from callwatch.exceptions import ConfigurationError
from callwatch.settings import VARIABLES, Variable, get_settings, load_settings, reset_settings
from callwatch.settings import load as configuration

KEY = "0123456789abcdef0123456789abcdef"
GOOD = {
    "ALERT_EMAIL_TO": "a@example.com",
    "ALERT_EMAIL_FROM": "b@example.com",
    "SENDGRID_API_KEY": "SG.key",
    "ALERT_WEBHOOK_URL": "https://hooks.example.com/x",
    "ALERT_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/8",
    "SLACK_ALERT_WEBHOOK": "https://hooks.slack.example/x",
    "PAGERDUTY_ROUTING_KEY": KEY,
    "ALERT_SNS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
    "TEAMS_ALERT_WEBHOOK": "https://teams.example/x",
    "DISCORD_ALERT_WEBHOOK": "https://discord.example/x",
    "TELEGRAM_BOT_TOKEN": "1:key",
    "TELEGRAM_CHAT_ID": "-1001",
    "NTFY_URL": "https://ntfy.example/topic",
    "NTFY_TOKEN": "tk_key",
    "OPSGENIE_API_KEY": KEY,
    "SENDGRID_API_URL": "https://api.sendgrid.com",
    "SMTP_URL": "smtps://user:hidden-word@mail.example.com",
    "SES_REGION": "us-east-1",
    "PUSHOVER_APP_TOKEN": KEY,
    "PUSHOVER_USER_KEY": KEY,
    "MATRIX_URL": "https://matrix.example",
    "MATRIX_ACCESS_TOKEN": "syt_key",
    "MATRIX_ROOM_ID": "!abc:example.com",
    "ALERTMANAGER_URL": "https://alerts.example",
    "ALERTMANAGER_TOKEN": "key",
    "PAGERDUTY_API_URL": "https://events.pagerduty.com",
    "OPENAI_API_KEY": "sk-key",
    "APP_URL": "https://ops.example.com",
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:5432/own",
    "INGEST_KEYS": f"1:{KEY}",
    "ADMIN_SECRET": KEY,
}
BAD = {
    "ALERT_EMAIL_TO": "nobody",
    "ALERT_EMAIL_FROM": "nobody",
    "SENDGRID_API_KEY": "two words",
    "SENDGRID_API_URL": "ftp://x",
    "ALERT_WEBHOOK_URL": "hooks.example.com",
    "ALERT_WEBHOOK_SECRET": "whsec_YQ==",
    "WEBHOOK_ALLOWED_NETWORKS": "10.0.0.0/99",
    "SLACK_ALERT_WEBHOOK": "slack",
    "PAGERDUTY_ROUTING_KEY": '"quoted"',
    "PAGERDUTY_API_URL": "events",
    "ALERT_SNS_TOPIC_ARN": "topic",
    "TEAMS_ALERT_WEBHOOK": "teams",
    "DISCORD_ALERT_WEBHOOK": "discord",
    "TELEGRAM_BOT_TOKEN": "two words",
    "TELEGRAM_CHAT_ID": "the chat",
    "TELEGRAM_API_URL": "telegram",
    "NTFY_URL": "ntfy",
    "NTFY_TOKEN": "two tokens",
    "OPSGENIE_API_KEY": '"quoted"',
    "OPSGENIE_API_URL": "ops",
    "SMTP_URL": "http://mail.example.com",
    "SES_REGION": "Virginia",
    "SES_API_URL": "email",
    "PUSHOVER_APP_TOKEN": "two words",
    "PUSHOVER_USER_KEY": "two words",
    "PUSHOVER_API_URL": "pushover",
    "MATRIX_URL": "matrix",
    "MATRIX_ACCESS_TOKEN": "two words",
    "MATRIX_ROOM_ID": "#alias:example.com",
    "ALERTMANAGER_URL": "alerts",
    "ALERTMANAGER_TOKEN": "two words",
}
# CHANNEL_SETTINGS belongs to no channel by itself.
OF_CHANNELS = [
    variable for variable in VARIABLES if (variable.affects or "").startswith("channel.") and variable.name != "CHANNEL_SETTINGS"
]
KEPT = [variable for variable in OF_CHANNELS if variable.kept_in]
STOPPING = {
    *("DATABASE_URL", "PRODUCT_DATABASE_URL", "INGEST_KEYS", "ADMIN_SECRET", "VIEWER_SECRET", "TIMEZONE", "RETENTION_DAYS"),
    "UPLOAD_SECRET",
    *("ERROR_QUEUE_URL", "CRITICAL_QUEUE_URL", "DEAD_LETTER_QUEUE_URL"),
}


def channels(environ: dict[str, str]) -> set[str]:
    found = load_settings(environ, is_strict=False)
    return {name for name in CHANNELS if is_configured(name, found)} - {"log"}


def test_every_setting_of_a_channel_has_a_bad_value_here() -> None:
    assert {variable.name for variable in OF_CHANNELS} == set(BAD)


@pytest.mark.parametrize("variable", OF_CHANNELS, ids=lambda variable: variable.name)
def test_a_bad_setting_switches_off_its_channel_alone(variable: Variable) -> None:
    bad = {**GOOD, variable.name: BAD[variable.name]}
    assert channels(GOOD) - channels(bad) == {(variable.affects or "").partition(".")[2]}
    (problem,) = load_settings(bad, is_strict=False).problems
    assert (problem.variable, problem.affects) == (variable.name, variable.affects)
    assert problem.message.startswith(f"{variable.name} must be ")
    assert BAD[variable.name] not in problem.message


@pytest.mark.parametrize(
    "variable", [variable for variable in OF_CHANNELS if variable.kept_in], ids=lambda variable: variable.name
)
def test_a_setting_may_be_kept_in_one_variable_with_others(variable: Variable) -> None:
    kept = {each.name: GOOD[each.name] for each in OF_CHANNELS if each.kept_in and each.name in GOOD}
    environ = {name: text for name, text in GOOD.items() if name not in kept}
    assert channels({**environ, "CHANNEL_SETTINGS": json.dumps(kept)}) == channels(GOOD)
    bad = {**environ, "CHANNEL_SETTINGS": json.dumps({**kept, variable.name: BAD[variable.name]})}
    assert channels(GOOD) - channels(bad) == {(variable.affects or "").partition(".")[2]}
    own = {**bad, variable.name: GOOD.get(variable.name, "https://api.example.com")}
    assert channels(own) == channels(GOOD), "the environment wins"


@pytest.mark.parametrize("text", ["{", "[]", '{"NTFY_URL": 5}', "[" * 100_000])
def test_channel_settings_that_cannot_be_read_are_named(text: str) -> None:
    found = load_settings({**GOOD, "CHANNEL_SETTINGS": text}, is_strict=False)
    assert [problem.variable for problem in found.problems] == ["CHANNEL_SETTINGS"]
    with pytest.raises(ConfigurationError, match="CHANNEL_SETTINGS must be a JSON object of texts"):
        load_settings({"CHANNEL_SETTINGS": text})


def test_index_longer_than_retention_is_off_and_named() -> None:
    given = {"PAYLOAD_STORE": "s3", "PAYLOADS_URL": "/tmp/payloads", "RETENTION_DAYS": "30", "INDEX_DAYS": "31"}
    found = load_settings(given, is_strict=False)
    assert (found.index_days, found.payload_store) == (None, "s3")
    assert [(problem.variable, problem.affects) for problem in found.problems] == [("INDEX_DAYS", "index_days")]
    assert load_settings({**given, "INDEX_DAYS": "30"}).index_days == 30
    assert load_settings({**given, "INDEX_DAYS": "0"}).index_days is None


@pytest.mark.parametrize("missing", ["SENDGRID_API_KEY", "ALERT_EMAIL_FROM", "ALERT_EMAIL_TO", "ALERT_WEBHOOK_SECRET"])
def test_a_half_given_channel_is_off_and_named(missing: str) -> None:
    half = {name: value for name, value in GOOD.items() if name not in (missing, "SMTP_URL", "SES_REGION")}
    problems = load_settings(half, is_strict=False).problems
    assert [problem.variable for problem in problems] == [missing]
    assert len(channels(GOOD) - channels(half)) == 1


@given(st.sets(st.sampled_from(sorted(BAD))))
@settings(max_examples=60)
def test_any_mix_of_bad_settings_leaves_the_others(bad: set[str]) -> None:
    off = {(variable.affects or "").partition(".")[2] for variable in OF_CHANNELS if variable.name in bad}
    environ = {**GOOD, **{name: BAD[name] for name in bad}}
    assert channels(environ) == channels(GOOD) - off
    assert load_settings(environ, is_strict=False).database_url == GOOD["DATABASE_URL"]


@pytest.mark.parametrize("name", sorted(STOPPING))
def test_without_these_nothing_is_true(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        load_settings({**GOOD, name: "?"}, is_strict=False)


@pytest.mark.parametrize("name", sorted(BAD))
def test_where_a_person_is_there_the_start_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        load_settings({**GOOD, name: BAD[name]})


def test_a_problem_is_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", "slack")
    reset_settings()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            get_settings()
    assert len([record for record in caplog.records if "SLACK_ALERT_WEBHOOK" in record.getMessage()]) == 1


def refuse_once(value: str) -> Callable[[str], str]:
    answers = itertools.chain([None], itertools.repeat(value))

    def fetch(_name: str) -> str:
        answer = next(answers)
        if answer is None:
            raise ConfigurationError("the secret cannot be read (ClientError)")
        return answer

    return fetch


def test_a_secret_that_was_not_readable_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", "arn:aws:secretsmanager:us-east-1:1:secret:x-AbCdEf")
    monkeypatch.setattr(configuration, "fetch_named_value", refuse_once("https://hooks.example.com"))
    now = 1_000.0
    monkeypatch.setattr("callwatch.settings.load.time.monotonic", lambda: now)
    reset_settings()
    (problem,) = get_settings().problems
    assert (problem.variable, problem.is_passing) == ("SLACK_ALERT_WEBHOOK", True)
    assert get_settings().slack_alert_webhook is None
    now += configuration.REFETCH_S
    assert get_settings().slack_alert_webhook == "https://hooks.example.com"
    assert get_settings().problems == ()
