"""A real SMTP server (aiosmtpd) on a real socket, with the answers that a test wants."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "ops", "hidden-mail-password"


@dataclass
class MailServer:
    """Keeps what it accepts. answers: what a command is answered with instead ("MAIL", "DATA", or a recipient)."""

    tls: ssl.SSLContext | None = None
    is_implicit_tls: bool = False
    has_login: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    delays_s: dict[str, float] = field(default_factory=dict)
    accepted: list[tuple[tuple[str, ...], bytes]] = field(default_factory=list)
    is_secured: list[bool] = field(default_factory=list)

    def __enter__(self) -> "MailServer":
        login: dict[str, Any] = {"authenticator": _check_login, "auth_required": True} if self.has_login else {}
        secured: dict[str, Any] = {}
        if self.tls is not None and self.is_implicit_tls:
            secured = {"ssl_context": self.tls}
            login |= {"auth_require_tls": False} if self.has_login else {}
        elif self.tls is not None:
            secured = {"tls_context": self.tls, "require_starttls": True}
        with socket.create_server(("127.0.0.1", 0)) as free:
            # The controller connects to the port that it was given, so it cannot be 0.
            self.port = free.getsockname()[1]
        self._controller = Controller(_Handler(self), hostname="127.0.0.1", port=self.port, **secured, **login)
        self._controller.start()
        return self

    def __exit__(self, *_given: object) -> None:
        self._controller.stop()

    def list_messages(self) -> list[EmailMessage]:
        """Parse what was accepted."""
        found = [message_from_bytes(raw, policy=policy.default) for _to, raw in self.accepted]
        return [message for message in found if isinstance(message, EmailMessage)]


def _check_login(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def _answer(self, name: str, otherwise: str) -> str:
        await asyncio.sleep(self._server.delays_s.get(name, 0))
        return self._server.answers.get(name, otherwise)

    async def handle_MAIL(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer("MAIL", "250 OK")
        if answer.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = await self._answer(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await self._answer("DATA", "250 accepted")
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self._server.accepted.append((tuple(envelope.rcpt_tos), content))
            self._server.is_secured.append(session.ssl is not None or self._server.is_implicit_tls)
        return answer
