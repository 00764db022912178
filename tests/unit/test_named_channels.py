"""Several channels of one kind: their settings, what a bad one switches off, and where each message goes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.alerts.notifications.channel_worker import try_once
from callwatch.alerts.notifications.channels import find_gap_s, find_sender, is_configured, list_channels, list_names
from callwatch.alerts.notifications.delivery_failed import clean_error
from callwatch.alerts.notifications.notification import dump_notification
from callwatch.alerts.rules.rule import AlertRule, Condition, InvalidRule
from callwatch.alerts.rules.rules_file import read_rules
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel, is_keyed, parse_channel
from callwatch.settings import VARIABLES, Settings, load_settings
from tests.support.sample_notification import notification
from tests.support.scripted_receiver import Receiver, Scripted

HOOK = "https://hooks.slack.example/services"
SETTINGS = {
    "SLACK_ALERT_WEBHOOK": f"{HOOK}/base",
    "SLACK_ALERT_WEBHOOK__OPS": f"{HOOK}/ops",
    "SLACK_ALERT_WEBHOOK__DEV_2": f"{HOOK}/dev",
}


def named(environ: dict[str, str]) -> list[str]:
    return [name for name in list_names(load_settings(environ)) if ":" in name]


def test_each_name_is_a_channel_of_its_own() -> None:
    settings = load_settings(SETTINGS)
    assert named(SETTINGS) == ["slack:dev_2", "slack:ops"]
    own = settings.named_channels["slack:ops"]
    assert own is not None
    assert (settings.slack_alert_webhook, own.slack_alert_webhook) == (f"{HOOK}/base", f"{HOOK}/ops")
    assert all(is_configured(name, settings) for name in ("slack", "slack:ops", "slack:dev_2"))
    assert not any(is_configured(name, settings) for name in ("slack:none", "fax:ops", "log:ops", "slack:"))


def test_they_may_stand_in_the_one_variable() -> None:
    kept = {"CHANNEL_SETTINGS": json.dumps(SETTINGS)}
    assert named(kept) == named(SETTINGS)
    own = load_settings({**kept, "SLACK_ALERT_WEBHOOK__OPS": f"{HOOK}/environment"}).named_channels["slack:ops"]
    assert own is not None
    assert own.slack_alert_webhook == f"{HOOK}/environment", "the environment wins"


def test_what_a_channel_does_not_set_is_taken_over() -> None:
    base = {"SMTP_URL": "smtp://mail.example.com", "ALERT_EMAIL_TO": "a@example.com", "ALERT_EMAIL_FROM": "b@example.com"}
    own = load_settings({**base, "ALERT_EMAIL_TO__NIGHT": "night@example.com"}).named_channels["email:night"]
    assert own is not None
    assert (own.smtp_url, own.alert_email_to, own.alert_email_from) == (base["SMTP_URL"], ("night@example.com",), "b@example.com")


def test_a_channel_with_its_own_mail_service_uses_no_other() -> None:
    base = {"SENDGRID_API_KEY": "SG.key", "ALERT_EMAIL_TO": "a@example.com", "ALERT_EMAIL_FROM": "b@example.com"}
    own = load_settings({**base, "SMTP_URL__BACKUP": "smtp://mail.example.com"}).named_channels["email:backup"]
    assert own is not None
    assert (own.sendgrid_api_key, own.smtp_url) == (None, "smtp://mail.example.com")


@pytest.mark.parametrize(
    ("variable", "value", "channel"),
    [
        ("SLACK_ALERT_WEBHOOK__OPS", "slack", "slack:ops"),
        ("ALERT_EMAIL_TO__OPS", "a@example.com", "email:ops"),
        ("TELEGRAM_CHAT_ID__OPS", "-100", "telegram:ops"),
    ],
)
def test_a_bad_one_is_off_alone_and_named(variable: str, value: str, channel: str) -> None:
    environ = {**SETTINGS, variable: value}
    settings = load_settings(environ, is_strict=False)
    assert {problem.affects for problem in settings.problems} == {f"channel.{channel}"}
    assert all("__OPS" in problem.message for problem in settings.problems)
    assert not is_configured(channel, settings)
    assert channel in list_names(settings)
    assert is_configured("slack", settings)
    assert is_configured("slack:dev_2", settings)
    with pytest.raises(ConfigurationError, match="__OPS"):
        load_settings(environ)


@given(st.dictionaries(st.text(st.sampled_from("SLACK_NTFYURLOPS__:1"), max_size=30), st.text(max_size=5), max_size=8))
def test_any_other_variable_of_the_environment_is_ignored(environ: dict[str, str]) -> None:
    declared = tuple(variable.name for variable in VARIABLES)
    names = named({name: text for name, text in environ.items() if not name.startswith(declared)})
    assert names == []


def rule(*channels: str) -> AlertRule:
    return AlertRule("x", "X", AlertLevel.INFO, channels, (Condition("errors.last_hour", ">", 1),))


def test_rules_name_them(tmp_path: Path) -> None:
    settings = load_settings(SETTINGS)
    assert list_channels(rule("log", "slack:ops", "slack:none"), settings) == ["log", "slack:ops"]
    assert list_channels(rule("slack"), settings) == ["slack"]
    broken = AlertRule("channel_broken", "X", AlertLevel.INFO, ("slack", "slack:ops"), (Condition("channel.broken", ">=", 1),))
    assert list_channels(broken, settings, {"channel": "slack:ops"}) == ["slack"]
    path = tmp_path / "rules.json"
    path.write_text(
        json.dumps([{"id": "x", "name": "X", "level": "info", "metric": "errors.last_hour", "comparison": ">", "threshold": 1,
                     "channels": ["slack:ops", "email"]}])
    )  # fmt: skip
    (own,) = read_rules(path)
    assert list(own.channels) == ["slack:ops", AlertChannel.EMAIL]


@pytest.mark.parametrize("name", ["", ":", "fax", "fax:ops", "slack:", "slack:Ops", "slack:1", "slack:a b", "log:x", "database:x",
                                  "slack:" + "a" * 21, 5, None])  # fmt: skip
def test_any_other_name_is_refused(name: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is made by the caller
        parse_channel(name)
    with pytest.raises(InvalidRule, match="slack:ops"):
        rule(name)  # type: ignore[arg-type]


def test_a_message_goes_to_its_own_address_alone() -> None:
    with Receiver() as receiver:
        base = receiver.url.rpartition("/")[0]
        environ = {name: url.replace(HOOK, f"{base}/hidden-services-path") for name, url in SETTINGS.items()}
        settings = load_settings(environ)
        for name in ("slack:ops", "slack", "slack:dev_2"):
            find_sender(name)(notification(), "msg_1", settings, 5.0)
        assert [request.path.rpartition("/")[2] for request in receiver.received] == ["ops", "base", "dev"]
        receiver.script.append(
            Scripted(403, {"content-type": "text/plain"}, body=f"no way to {base}/x hidden-services-path".encode())
        )
        failure = try_once("slack:ops", dump_notification(notification()), "msg_1", settings, 5.0)
        assert failure is not None
        assert "hidden-services-path" not in clean_error(f"{failure} /hidden-services-path/ops", settings)
    gone = try_once("slack:ops", dump_notification(notification()), "msg_1", Settings(), 5.0)
    assert gone is not None
    assert gone.is_permanent


def test_what_holds_for_a_kind_holds_for_each() -> None:
    assert find_gap_s("slack:ops") == find_gap_s("slack") == 1.0
    assert find_gap_s("pagerduty") == 0.0
    assert is_keyed("pagerduty:eu")
    assert not is_keyed("slack:ops")
