"""The demo finds the webhook of an alert in the inbox, whether it was sent alone or as one of a group."""

import json
from pathlib import Path
from typing import Any

from local.webhook_inbox import FILE
from simulator.system import LocalSystem


def write_inbox(folder: Path, *messages: dict[str, Any], is_signed: bool = True) -> LocalSystem:
    lines = [{"id": f"msg_{number}", "is_signed": is_signed, "message": message} for number, message in enumerate(messages)]
    (folder / FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return LocalSystem("http://127.0.0.1:1", "", "", "", "", 0, folder)


def test_webhook_is_found_alone_and_in_a_group(tmp_path: Path) -> None:
    group = {"data": {"alert_id": "5", "alerts": [{"alert_id": "5"}, {"alert_id": "6"}]}}
    system = write_inbox(tmp_path, {"data": {"alert_id": "4"}}, group, {"type": "alert.test"})
    found = [system.find_webhook(name) for name in ("4", "5", "6", "7")]
    assert [line and line["id"] for line in found] == ["msg_0", "msg_1", "msg_1", None]


def test_webhook_without_a_signature_is_none(tmp_path: Path) -> None:
    assert write_inbox(tmp_path, {"data": {"alert_id": "4"}}, is_signed=False).find_webhook("4") is None
