"""Calls the API: the address and the token come from the environment or from a profile; every failure is one line."""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

_TIMEOUT_S = 30


class CommandError(Exception):
    """A command that cannot do what was asked; the text is one line with the remedy. status: of the refusal, if it was one."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Api:
    """One Callwatch and the token to it."""

    url: str
    token: str

    def call(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Any:
        """Return the JSON of a response. Raises CommandError, with the server's message for a refusal."""
        headers = {"authorization": f"Bearer {self.token}", "accept": "application/json"}
        try:
            # A redirect would send the token to another host.
            answer = requests.request(
                method, self.url + path, params=query, json=body, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            raise CommandError(f"{self.url} does not respond ({type(error).__name__}); check CALLWATCH_URL") from None
        try:
            found = answer.json() if answer.content else {}
        except ValueError:
            found = None
        if answer.ok and found is not None and not answer.is_redirect:
            return found
        if answer.status_code == 404 and found == {"message": "Not Found"}:
            raise CommandError(f"this Callwatch has no {method} {path.partition('?')[0]}; it is older than this command")
        refusal = found.get("error") if isinstance(found, dict) else None
        message = refusal.get("message") if isinstance(refusal, dict) else None
        raise CommandError(f"{answer.status_code}: {message or 'the response is no answer of Callwatch'}", answer.status_code)


def find_api(profile: str | None) -> Api:
    """Return the API of CALLWATCH_URL and CALLWATCH_TOKEN, or of a profile. Raises CommandError."""
    url, token = os.environ.get("CALLWATCH_URL", ""), os.environ.get("CALLWATCH_TOKEN", "")
    if profile or not (url and token):
        named = profile or "default"
        entry = _read_profiles().get(named)
        if not isinstance(entry, dict):
            raise CommandError(
                f"set CALLWATCH_URL and CALLWATCH_TOKEN, or add [{named}] with url and token to {_locate_profiles()}"
            )
        url, token = str(entry.get("url", "")), str(entry.get("token", ""))
    if not url.startswith(("https://", "http://")) or not token:
        raise CommandError("the url must begin with https:// or http://, and the token must not be empty")
    return Api(url.rstrip("/"), token)


def _locate_profiles() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "callwatch" / "profiles.toml"


def _read_profiles() -> dict[str, Any]:
    try:
        return tomllib.loads(_locate_profiles().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CommandError(f"{_locate_profiles()} cannot be read: {type(error).__name__}") from None
