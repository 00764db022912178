"""One session with a mail server, from its name to its last answer within one deadline."""

import contextlib
import smtplib
import socket
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from callwatch.alerts.notifications.delivery_failed import DeliveryFailed
from callwatch.deadline import run_within
from callwatch.http_client.connect import TlsRefused, load_tls_context, open_socket, resolve_endpoints
from callwatch.settings.smtp_server import SmtpServer

_ACCEPTED = (250, 251)
_CLOSING = 421
_MAX_TEXT = 160


class Envelope(NamedTuple):
    """Who sends what to whom; raw: the message with CRLF."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes


class Reply(NamedTuple):
    """A server's answer. 4xx is temporary, as RFC 5321 defines."""

    code: int
    text: bytes

    @property
    def is_temporary(self) -> bool:
        """Whether the same command may succeed later."""
        return not 500 <= self.code < 600

    def __str__(self) -> str:
        words = " ".join(self.text.decode(errors="replace").split())
        return f"{self.code} {words}".strip()[:_MAX_TEXT]


class _Refused(Exception):
    """A command was refused; is_wide: every other mail would be too."""

    def __init__(self, what: str, reply: Reply, is_wide: bool) -> None:
        super().__init__(f"the mail server refused {what}: {reply}")
        self.reply = reply
        self.is_wide = is_wide


@dataclass(slots=True)
class _Session:
    server: SmtpServer
    envelope: Envelope
    ends_at: float
    dialog: smtplib.SMTP | None = None
    is_late: bool = False

    def run(self) -> dict[str, Reply]:
        """Send the message; returns the recipients that the server refused."""
        server = self.server
        endpoints = resolve_endpoints(server.host, server.port)
        sock, _others = open_socket(endpoints, server.host, server.is_implicit_tls, self.ends_at)
        dialog = self.dialog = _connect(sock, server, self.envelope.sender.rpartition("@")[2])
        with contextlib.closing(dialog):
            self._begin(dialog)
            return self._transfer(dialog)

    def cut(self) -> None:
        """End the session at any stage: a thread that waits for an answer wakes up."""
        self.is_late = True
        sock = self.dialog.sock if self.dialog is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                # The shutdown of the plain socket: the one of TLS removes its state while the reader uses it.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _begin(self, dialog: smtplib.SMTP) -> None:
        dialog.ehlo_or_helo_if_needed()
        if self.server.has_starttls:
            self._check_time(dialog)
            dialog.starttls(context=load_tls_context())
            dialog.ehlo()
        if self.server.user:
            self._check_time(dialog)
            dialog.login(self.server.user, self.server.password)

    def _transfer(self, dialog: smtplib.SMTP) -> dict[str, Reply]:
        envelope = self.envelope
        options = [f"size={len(envelope.raw)}"] if dialog.has_extn("size") else []
        _demand("the sender", Reply(*dialog.mail(envelope.sender, options)), is_wide=True)
        refused: dict[str, Reply] = {}
        for address in envelope.recipients:
            self._check_time(dialog)
            reply = Reply(*dialog.rcpt(address))
            if reply.code == _CLOSING:
                raise _Refused("a recipient", reply, is_wide=False)
            if reply.code not in _ACCEPTED:
                refused[address] = reply
        if len(refused) < len(envelope.recipients):
            self._check_time(dialog)
            _demand("the message", _send_data(dialog, envelope.raw), is_wide=False)
        with contextlib.suppress(OSError, smtplib.SMTPException):
            # Its answer would tell nothing: the message is accepted.
            dialog.putcmd("quit")
        return refused

    def _check_time(self, dialog: smtplib.SMTP) -> None:
        left_s = self.ends_at - time.monotonic()
        if self.is_late or left_s <= 0 or dialog.sock is None:
            raise TimeoutError
        dialog.sock.settimeout(left_s)


def run_session(server: SmtpServer, envelope: Envelope, timeout_s: float) -> dict[str, Reply]:
    """Send one message; returns the recipients that were refused with the answers. Raises DeliveryFailed.

    A server that drips its answers is cut off at the deadline, DNS and TLS included.
    """
    session = _Session(server, envelope, time.monotonic() + timeout_s)
    for _key, ended in run_within(timeout_s, {"": session.run}):
        if ended.error is not None:
            # smtplib calls a read that took too long a lost connection.
            is_late = isinstance(ended.error, OSError) and time.monotonic() >= session.ends_at
            raise _explain(TimeoutError() if is_late else ended.error, timeout_s) from None
        return ended.value or {}
    session.cut()
    raise DeliveryFailed(f"no answer of the mail server within {timeout_s:.2g} s")


def _connect(sock: socket.socket, server: SmtpServer, own_name: str) -> smtplib.SMTP:
    """Return a dialog on this socket that has read the greeting; with a name of its own it asks no DNS for one."""

    class Client(smtplib.SMTP):
        def _get_socket(self, *_given: Any) -> socket.socket:
            return sock

    try:
        return Client(server.host, server.port, own_name)
    except BaseException:
        sock.close()
        raise


def _demand(what: str, reply: Reply, is_wide: bool) -> None:
    if reply.code not in _ACCEPTED:
        raise _Refused(what, reply, is_wide)


def _send_data(dialog: smtplib.SMTP, raw: bytes) -> Reply:
    try:
        return Reply(*dialog.data(raw))
    except smtplib.SMTPDataError as error:
        return _read_reply(error)


def _read_reply(error: smtplib.SMTPResponseException) -> Reply:
    text = error.smtp_error
    return Reply(error.smtp_code, text if isinstance(text, bytes) else str(text).encode())


def _explain(error: BaseException, timeout_s: float) -> DeliveryFailed:
    """Turn an error into a failure that knows whether it is permanent."""
    if isinstance(error, _Refused):
        return DeliveryFailed(str(error), not error.reply.is_temporary, is_channel_wide=error.is_wide)
    if isinstance(error, smtplib.SMTPResponseException):
        what = "the login" if isinstance(error, smtplib.SMTPAuthenticationError) else "the session"
        reply = _read_reply(error)
        is_permanent = not reply.is_temporary and reply.code > 0
        return DeliveryFailed(f"the mail server refused {what}: {reply}", is_permanent, is_channel_wide=True)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryFailed("the mail server offers no STARTTLS or no login", True, is_channel_wide=True)
    if isinstance(error, TimeoutError):
        return DeliveryFailed(f"no answer of the mail server within {timeout_s:.2g} s")
    if isinstance(error, TlsRefused):
        return DeliveryFailed(f"the mail server cannot be reached ({error})")
    if isinstance(error, OSError | smtplib.SMTPException):
        return DeliveryFailed(f"the mail server cannot be reached ({type(error).__name__})")
    raise error
