"""A server on a real socket that sends the same bytes on every connection, with or without TLS."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from simulator.fake_vendor import Script, Vendor, read_request

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class RawServer(Vendor):
    """Reads one request of each connection, sends `raw`, and ends; `requests` keeps the requests.

    is_stalling: accept the connection and never send a byte.
    """

    def __init__(
        self,
        raw: bytes = OK,
        tls: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
        is_stalling: bool = False,
    ) -> None:
        super().__init__(Script(is_silent=is_stalling), address, port)
        self.raw = raw
        self.accepted = 0
        self._tls = tls

    def _serve(self, conn: socket.socket, script: Script) -> None:
        self.accepted += 1
        with conn, contextlib.suppress(OSError):
            conn.settimeout(20)
            if script.is_silent:
                self._closing.wait(20)
                return
            if self._tls is not None:
                conn = self._tls.wrap_socket(conn, server_side=True)
            self.requests.append(read_request(conn))
            conn.sendall(self.raw)
            conn.shutdown(socket.SHUT_WR)


def make_tls_context(folder: Path, name: str = "127.0.0.1", days_left: int = 30) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context with a self-signed certificate for `name`, and its file.

    days_left: negative for a certificate that has expired.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days_left))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    together, public = folder / f"{name}.{days_left}.server.pem", folder / f"{name}.{days_left}.public.pem"
    together.write_bytes(private + certificate.public_bytes(pem))
    public.write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(together)
    return context, public
