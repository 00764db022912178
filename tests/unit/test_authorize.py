"""The authorizer: it identifies the caller, and never denies."""

import pytest

from callwatch.settings import load_settings
from functions.authorize import identify

ADMIN, VIEWER, OLD, KEY = "a" * 24, "v" * 24, "o" * 24, "0123456789abcdef" * 2
SETTINGS = load_settings({"ADMIN_SECRET": f"ana:{ADMIN},{OLD}", "VIEWER_SECRET": f"tv:{VIEWER}", "INGEST_KEYS": f"7:{KEY}"})


def test_each_token_gives_its_role_and_name() -> None:
    assert identify(f"Bearer {ADMIN}", SETTINGS) == ("admin", "ana")
    assert identify(f"bearer {OLD}", SETTINGS) == ("admin", "admin")
    assert identify(f"Bearer {VIEWER}", SETTINGS) == ("viewer", "tv")
    assert identify(f"Bearer {KEY}", SETTINGS) == ("ingest", "project:7")


def test_anything_else_is_nobody() -> None:
    wrong = ["", "Bearer", "Bearer ", f"Basic {ADMIN}", ADMIN, f"Bearer {ADMIN[:-1]}", f"Bearer {ADMIN}x", "Bearer ñ"]
    for header in wrong:
        assert identify(header, SETTINGS) == ("none", "anonymous"), header


def test_without_any_configured_token_nobody_is_let_in() -> None:
    assert identify("Bearer ", load_settings({})) == ("none", "anonymous")
    assert identify("", load_settings({})) == ("none", "anonymous")


def test_every_known_token_is_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return given == known

    monkeypatch.setattr("callwatch.constant_time.hmac.compare_digest", compare)
    for token in (ADMIN, OLD, VIEWER, KEY, "x" * 24, ""):
        compared.clear()
        identify(f"Bearer {token}", SETTINGS)
        assert compared == [ADMIN.encode(), OLD.encode(), VIEWER.encode(), KEY.encode()], token


def test_while_a_token_is_rotated_the_old_and_the_new_one_pass() -> None:
    both = load_settings({"VIEWER_SECRET": f"tv:{VIEWER},tv:{OLD}"})
    assert identify(f"Bearer {VIEWER}", both) == identify(f"Bearer {OLD}", both) == ("viewer", "tv")
    assert identify(f"Bearer {VIEWER}", load_settings({"VIEWER_SECRET": f"tv:{OLD}"})) == ("none", "anonymous")
