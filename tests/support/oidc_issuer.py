"""An issuer of OpenID Connect on this machine: discovery, keys, a sign-in without a form, and tokens signed by real keys."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT_ID = "callwatch-page"


def make_rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def describe_key(key: Any, key_id: str, algorithm: str) -> dict[str, Any]:
    """Return the entry of a key document for the public half of a key."""
    made = (jwt.algorithms.RSAAlgorithm if algorithm == "RS256" else jwt.algorithms.ECAlgorithm).to_jwk(
        key.public_key(), as_dict=True
    )
    return {**made, "kid": key_id, "alg": algorithm, "use": "sig"}


class OidcIssuer:
    """Tests change its fields while it runs; `requests` holds the path of each request."""

    def __init__(self) -> None:
        self.rsa_key, self.ec_key = make_rsa_key(), ec.generate_private_key(ec.SECP256R1())
        self.jwks: Any = {"keys": [describe_key(self.rsa_key, "rsa-1", "RS256"), describe_key(self.ec_key, "ec-1", "ES256")]}
        self.groups: list[str] = ["ops"]
        self.user = "ana"
        self.is_down = False
        self.lifetime_s = 3600
        self.nonce: str | None = None
        self.requests: list[str] = []
        self.sent_forms: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/realm"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """The variables of a system that signs in here."""
        return {"OIDC_ISSUER": self.url, "OIDC_AUDIENCE": CLIENT_ID, "OIDC_ROLES": "groups:ops=admin,support=viewer"}

    def build_claims(self, **changed: Any) -> dict[str, Any]:
        """Return the claims of a token; a claim changed to None is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "sub": "u-1", "iat": now, "exp": now + self.lifetime_s}
        claims |= {"preferred_username": self.user, "groups": self.groups, **changed}
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, algorithm: str = "RS256", key_id: str | None = None, key: Any = None, **changed: Any) -> str:
        """Return a token signed by one of the issuer's keys, or by another one."""
        own, own_id = (self.rsa_key, "rsa-1") if algorithm == "RS256" else (self.ec_key, "ec-1")
        return jwt.encode(self.build_claims(**changed), key or own, algorithm, headers={"kid": key_id or own_id})

    def answer_get(self, path: str, query: Mapping[str, str]) -> tuple[int, Any]:
        """Return status and body; for a redirect, the address."""
        if path == "/realm/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            return 200, {"issuer": self.url} | {name: f"{self.url}/{end}" for name, end in ends.items()}
        if path == "/realm/keys":
            return 200, self.jwks
        if path == "/realm/authorize":
            code = secrets.token_urlsafe(16)
            self._codes[code] = dict(query)
            answer = urlencode({"code": code, "state": query["state"], "iss": self.url})
            return 302, f"{query['redirect_uri']}?{answer}"
        return 404, {"error": "not_found"}

    def answer_token(self, form: Mapping[str, str]) -> tuple[int, Any]:
        """Return tokens for a code with its verifier, once, or for a refresh token."""
        self.sent_forms.append(dict(form))
        if form.get("grant_type") == "refresh_token":
            is_valid = form.get("refresh_token") == "refresh-1"
            return (200, {"id_token": self.sign(renewed=True)}) if is_valid else (400, {"error": "invalid_grant"})
        asked = self._codes.pop(form.get("code", ""), None)
        given = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        same = ("client_id", "redirect_uri")
        if asked is None or asked["code_challenge"] != given or any(asked[name] != form.get(name) for name in same):
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.sign(nonce=self.nonce or asked["nonce"]), "refresh_token": "refresh-1"}

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                issuer.requests.append(parts.path)
                self._send(*issuer.answer_get(parts.path, {name: texts[0] for name, texts in parse_qs(parts.query).items()}))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                issuer.requests.append(self.path)
                self._send(*issuer.answer_token({name: texts[0] for name, texts in parse_qs(body).items()}))

            def _send(self, status: int, answer: Any) -> None:
                if issuer.is_down:
                    status, answer = 503, {"error": "down"}
                content = answer if isinstance(answer, bytes) else b"" if status == 302 else json.dumps(answer).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("location", answer)
                self.send_header("access-control-allow-origin", "*")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_arguments: object) -> None:
                """Keep the test's output clean."""

        return Handler
