"""A session of the Model Context Protocol with the running system, as its clients hold it: handshake, list, calls."""

import json
from typing import Any

from local.system import System

VERSION = "2025-11-25"


def send(system: System, message: Any, token: str, **headers: str) -> tuple[int, Any, dict[str, str]]:
    sent = {"accept": "application/json, text/event-stream", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return system.call("POST", "/api/mcp", token, message, sent)


def test_client_connects_lists_and_calls_tools(system: System) -> None:
    token = system.viewer_token
    hello = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    status, body, headers = send(system, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}, token)
    assert (status, body["result"]["protocolVersion"], headers["content-type"]) == (200, VERSION, "application/json")
    assert "mcp-session-id" not in headers
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert send(system, done, token, mcp_protocol_version=VERSION)[:2] == (202, "")
    status, body, _headers = send(
        system, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, token, mcp_protocol_version=VERSION
    )
    assert (status, len(body["result"]["tools"]) > 10) == (200, True)
    system.wait_until(lambda: system.get("/api/health")["monitor"]["last_cycle_at"], what="the first cycle")
    for name, arguments in (("get_status", {}), ("get_pipeline", {}), ("get_runbook", {"rule_id": "cron_late"})):
        asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        status, body, _headers = send(system, asked, token, mcp_protocol_version=VERSION)
        assert (status, body["result"]["isError"]) == (200, False), body
        assert json.loads(body["result"]["content"][0]["text"])


def test_viewer_may_not_act_and_admin_may(system: System) -> None:
    silence = {"rule_id": "no_such_rule", "minutes": 5, "reason": "a test of MCP"}
    asked = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "silence", "arguments": silence}}
    refused = send(system, asked, system.viewer_token)[1]["result"]
    assert (refused["isError"], refused["content"][0]["text"].partition(":")[0]) == (True, "forbidden")
    made = send(system, asked, system.admin_token)[1]["result"]
    assert made["isError"] is False
    assert json.loads(made["content"][0]["text"])["warnings"]
    reasons = [item["reason"] for item in system.get("/api/silences?rule_id=no_such_rule")["items"]]
    assert "a test of MCP" in reasons


def test_there_is_neither_a_stream_nor_a_session(system: System) -> None:
    for method in ("GET", "DELETE"):
        status, body, headers = system.call(method, "/api/mcp", system.viewer_token)
        assert (status, headers["allow"], body["error"]["code"]) == (405, "POST", "method_not_allowed")
    for origin, expected in (("https://ops.example.com", 200), ("https://evil.example", 403)):
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert send(system, ping, system.viewer_token, origin=origin)[0] == expected
