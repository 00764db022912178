"""E-mail by SMTP against a real server: how it is secured, what is refused for now or for good, and one deadline over all."""

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callwatch.alerts.notifications.channels import find_sender
from callwatch.alerts.notifications.channels.mail import smtp
from callwatch.alerts.notifications.delivery_failed import DeliveryFailed, clean_error
from callwatch.http_client import connect
from callwatch.settings import Settings, load_settings
from callwatch.settings.smtp_server import parse_smtp_url, read_smtp_server
from tests.support.mail_server import PASSWORD, USER, MailServer
from tests.support.raw_server import RawServer, make_tls_context
from tests.support.sample_notification import notification

TO = "ana@example.com,Ben@example.com,ANA@example.com"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    context, public = make_tls_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    connect.load_tls_context.cache_clear()
    yield context
    connect.load_tls_context.cache_clear()


def build_settings(url: str, to: str = TO) -> Settings:
    return load_settings({"SMTP_URL": url, "ALERT_EMAIL_TO": to, "ALERT_EMAIL_FROM": "ops@example.com", "STAGE": "prod"})


def plain(server: MailServer, to: str = TO) -> Settings:
    return build_settings(f"smtp+plain://127.0.0.1:{server.port}", to)


def send(settings: Settings, message_id: str = "msg_1", timeout_s: float = 5.0, summary: str = "It fails.") -> None:
    find_sender("email")(notification(summary=summary), message_id, settings, timeout_s)


def failure(settings: Settings, message_id: str = "msg_1", timeout_s: float = 5.0) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as found:
        send(settings, message_id, timeout_s)
    return found.value


def test_a_mail_has_text_and_html_and_one_id() -> None:
    with MailServer() as server:
        for _attempt in range(2):
            send(plain(server), summary="Ünïcode – 日本語 & <b>\n.\n..dots " + "x" * 3000)
        assert [to for to, _raw in server.accepted] == [("ANA@example.com", "Ben@example.com")] * 2
        first, second = server.list_messages()
    assert (first["From"], first["To"]) == ("ops@example.com", "ANA@example.com, Ben@example.com")
    assert first["Subject"] == "[FIRING] Service down: openai (critical)"
    assert first["Message-ID"] == second["Message-ID"] == "<msg_1@example.com>"
    assert (first["X-Callwatch-Id"], first["Auto-Submitted"]) == ("msg_1", "auto-generated")
    text, page = first.get_body(("plain",)), first.get_body(("html",))
    assert text is not None
    assert page is not None
    shown = text.get_content().replace("\r\n", "\n")
    assert shown.startswith("Ünïcode – 日本語 & <b>\n.\n..dots xxx")
    assert "Dashboard: https://ops.example.com/" in shown
    assert "&lt;b&gt;" in page.get_content()
    assert all(len(line) <= 998 for line in server.accepted[0][1].splitlines()), "RFC 5321 allows no longer lines"


@pytest.mark.parametrize(("scheme", "is_implicit"), [("smtps", True), ("smtp", False)])
def test_a_login_goes_over_tls(scheme: str, is_implicit: bool, tls: ssl.SSLContext) -> None:
    with MailServer(tls, is_implicit, has_login=True) as server:
        send(build_settings(f"{scheme}://{USER}:{PASSWORD}@127.0.0.1:{server.port}"))
        assert server.is_secured == [True]
        wrong = build_settings(f"{scheme}://{USER}:wrong-password@127.0.0.1:{server.port}")
        found = failure(wrong)
        assert (found.is_permanent, found.is_channel_wide) == (True, True)
        assert "refused the login: 535" in str(found)
        assert "wrong-password" not in clean_error(str(found), wrong)


def test_a_server_without_starttls_gets_no_password() -> None:
    with MailServer(has_login=False) as server:
        found = failure(build_settings(f"smtp://{USER}:{PASSWORD}@127.0.0.1:{server.port}"))
    assert (found.is_permanent, found.is_channel_wide) == (True, True)
    assert "STARTTLS" in str(found)
    assert server.accepted == []


def test_an_untrusted_certificate_is_refused(tmp_path: Path) -> None:
    context, _public = make_tls_context(tmp_path)
    for scheme, is_implicit in (("smtps", True), ("smtp", False)):
        with MailServer(context, is_implicit) as server:
            found = failure(build_settings(f"{scheme}://127.0.0.1:{server.port}"))
            assert "cannot be reached" in str(found)
            assert not found.is_permanent
            assert server.accepted == []


REFUSALS = [
    ("MAIL", "451 4.7.1 try later", (False, True)),
    ("MAIL", "550 5.7.1 sender not allowed", (True, True)),
    ("DATA", "452 4.3.1 disk full", (False, False)),
    ("DATA", "552 5.3.4 message too big", (True, False)),
    ("DATA", "554 5.7.1 this is spam", (True, False)),
]


@pytest.mark.parametrize(("command", "answer", "kind"), REFUSALS)
def test_5xx_is_permanent_and_4xx_is_not(command: str, answer: str, kind: tuple[bool, bool]) -> None:
    with MailServer(answers={command: answer}) as server:
        found = failure(plain(server))
    assert (found.is_permanent, found.is_channel_wide) == kind
    assert answer in str(found)


@pytest.mark.parametrize(("greeting", "is_permanent"), [(b"554 no service\r\n", True), (b"421 too busy\r\n", False)])
def test_a_greeting_may_refuse(greeting: bytes, is_permanent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = build_settings(f"smtp+plain://127.0.0.1:{listener.getsockname()[1]}")
        greet(listener, greeting)
        found = failure(settings)
    assert (found.is_permanent, found.is_channel_wide) == (is_permanent, True)


def greet(listener: socket.socket, raw: bytes, gap_s: float = 0.0) -> None:
    import contextlib
    import threading

    def serve() -> None:
        with contextlib.suppress(OSError):
            conn, _address = listener.accept()
            with conn:
                for byte in raw:
                    conn.sendall(bytes([byte]))
                    time.sleep(gap_s)

    threading.Thread(target=serve, daemon=True).start()


def test_the_accepted_recipients_get_a_mail_once() -> None:
    with MailServer(answers={"Ben@example.com": "450 4.2.1 mailbox busy"}) as server:
        found = failure(plain(server), "msg_partly")
        assert (found.is_permanent, str(found)) == (False, "1 of 2 recipients were refused: 450 4.2.1 mailbox busy")
        assert [to for to, _raw in server.accepted] == [("ANA@example.com",)]
        server.answers.clear()
        send(plain(server), "msg_partly")
        assert [to for to, _raw in server.accepted] == [("ANA@example.com",), ("Ben@example.com",)]
    assert "msg_partly" not in smtp._reached


def test_recipients_that_do_not_exist_are_named_by_number() -> None:
    with MailServer(answers={"Ben@example.com": "550 5.1.1 no such user"}) as server:
        found = failure(plain(server), "msg_nobody")
        assert (found.is_permanent, found.is_channel_wide) == (True, False)
        assert "1 of 2 recipients were refused: 550" in str(found)
        assert len(server.accepted) == 1
        server.answers["ANA@example.com"] = "450 later"
        assert not failure(plain(server), "msg_both").is_permanent
        assert len(server.accepted) == 1


@pytest.mark.parametrize("step", ["MAIL", "ANA@example.com", "DATA"])
def test_a_server_that_hangs_ends_at_the_deadline(step: str) -> None:
    with MailServer(delays_s={step: 3.0}) as server:
        began = time.monotonic()
        found = failure(plain(server), timeout_s=0.5)
        assert time.monotonic() - began < 1.2
    assert not found.is_permanent
    assert "within 0.5 s" in str(found)


def test_a_server_that_drips_or_is_silent_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        greet(listener, b"220 " + b"x" * 500, gap_s=0.02)
        began = time.monotonic()
        assert "within" in str(failure(build_settings(f"smtp+plain://127.0.0.1:{listener.getsockname()[1]}"), timeout_s=0.4))
        assert time.monotonic() - began < 1.0
    with RawServer(is_stalling=True) as silent:
        for scheme in ("smtps", "smtp", "smtp+plain"):
            assert not failure(build_settings(f"{scheme}://127.0.0.1:{silent.port}"), timeout_s=0.3).is_permanent


def test_nobody_at_home_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = failure(build_settings(f"smtp+plain://127.0.0.1:{port}"))
    assert (found.is_permanent, "cannot be reached" in str(found)) == (False, True)
    assert not failure(build_settings("smtp+plain://nowhere.invalid")).is_permanent


def test_addresses_that_smtp_cannot_carry_are_named() -> None:
    with MailServer() as server:
        assert "not ASCII" in str(failure(plain(server, to="jürgen@example.com")))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://u:p%40%2F@mail.example.com", ("mail.example.com", 465, True, False, "u", "p@/")),
        ("smtp://mail.example.com", ("mail.example.com", 587, False, True, "", "")),
        ("smtp+plain://[::1]:25/", ("::1", 25, False, False, "", "")),
    ],
)
def test_the_url_says_how_a_server_is_secured(url: str, server: tuple[object, ...]) -> None:
    assert read_smtp_server(url) == server


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://h:0", "smtp://h:99999", "smtp://h/path", "smtp://h?x=1",
     "smtp+plain://u:p@h", "smtp://u@h", "smtp://:p@h", "smtp://ü:p@h", "smtp://u:%C3%BC@h", "smtp://u:a%0Ab@h", "smtp://[h"],
)  # fmt: skip
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="smtps://user:password@"):
        parse_smtp_url(url)
