"""Settings lent to a running system: only where vendors are, and never against what its person set."""

import json
from pathlib import Path

from local.lent_settings import add_lent, is_lent, write_lent

LENT = {
    "DEEPGRAM_API_KEY": "local", "DEEPGRAM_API_URL": "http://127.0.0.1:1/deepgram",
    "OPENAI_API_KEY": "local", "OPENAI_API_URL": "http://127.0.0.1:1/openai",
    "CONVOSO_AUTH_TOKEN": "local", "CONVOSO_API_URL": "http://127.0.0.1:1/convoso",
}  # fmt: skip
VALUES = {"STAGE": "local", "ADMIN_SECRET": "ana:" + "a" * 40}


def test_vendors_are_lent_and_taken_back(tmp_path: Path) -> None:
    said: list[str] = []
    assert add_lent(tmp_path, VALUES, said.append) == VALUES
    write_lent(tmp_path, LENT)
    assert add_lent(tmp_path, VALUES, said.append) == {**VALUES, **LENT}
    assert is_lent(tmp_path)
    write_lent(tmp_path, {})
    write_lent(tmp_path, {})
    assert not is_lent(tmp_path)
    assert add_lent(tmp_path, VALUES, said.append) == VALUES
    assert said == []


def test_a_vendor_that_the_person_configured_stays(tmp_path: Path) -> None:
    write_lent(tmp_path, LENT)
    found = add_lent(tmp_path, {**VALUES, "OPENAI_API_KEY": "sk-mine", "CONVOSO_API_URL": "https://convoso.example.com"}, print)
    assert found["OPENAI_API_KEY"] == "sk-mine"
    assert "OPENAI_API_URL" not in found, "a person's key goes to no stand-in"
    assert "CONVOSO_AUTH_TOKEN" not in found
    assert found["DEEPGRAM_API_URL"] == LENT["DEEPGRAM_API_URL"]


def test_nothing_but_vendors_can_be_lent(tmp_path: Path) -> None:
    write_lent(tmp_path, {**LENT, "ADMIN_SECRET": "mallory:" + "b" * 40, "WEBHOOK_ALLOWED_NETWORKS": "0.0.0.0/0"})
    found = add_lent(tmp_path, VALUES, print)
    assert found == {**VALUES, **LENT}


def test_what_cannot_be_used_is_said_and_left_out(tmp_path: Path) -> None:
    file = tmp_path / "lent-settings.json"
    for content in ("{", "[]", "7", json.dumps({**LENT, "OPENAI_API_URL": "no address"})):
        said: list[str] = []
        file.write_text(content)
        assert add_lent(tmp_path, VALUES, said.append) == VALUES
        assert len(said) == (0 if content == "[]" else 1), content
