"""The command line against a server that answers as the API does."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "cli"))
from callwatch_cli.api import find_api
from callwatch_cli.follow import Known, look, read_new
from callwatch_cli.main import main
from callwatch_cli.show import show_value

EVIL = "\x1b[2Jgone [bold]x[/bold]"


class Server:
    """Answers by method and path; keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.sent: list[tuple[str, Any, str]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                path = self.path.partition("?")[0]
                owner.sent.append((f"{self.command} {self.path}", body, self.headers["authorization"]))
                missing = (404, {"message": "Not Found"})
                given = owner.answers.get(f"{self.command} {self.path}") or owner.answers.get(f"{self.command} {path}", missing)
                status, answer = given
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_GET  # noqa: N815 - the name that the server looks for

            def log_message(self, *_args: Any) -> None:
                """Log nothing."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    found = Server()
    monkeypatch.setenv("CALLWATCH_URL", f"http://127.0.0.1:{found.http.server_port}/")
    monkeypatch.setenv("CALLWATCH_TOKEN", "secret")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    yield found
    found.http.shutdown()
    found.http.server_close()


GROUP = {"id": "7", "severity": "high", "state": "new", "count": 3, "last_seen_at": "2026-01-01T00:00:00Z", "message": EVIL}
ALERT = {"id": "1", "level": "error", "state": "firing", "title": "t", "message": "m", "started_at": "2026-01-02T00:00:00Z"}


def test_list_is_shown_without_control_characters(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["GET /api/errors"] = (200, {"items": [GROUP], "next_cursor": None, "unknown": {}})
    assert main(["errors", "--state", "new", "--limit", "5"]) == 0
    out = capsys.readouterr().out
    assert "\x1b[2J" not in out
    assert "[bold]x" in out.replace("\n", "")
    assert server.sent == [("GET /api/errors?limit=5&state=new", None, "Bearer secret")]


def test_json_is_the_response_as_it_came(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    answer: dict[str, Any] = {"items": [GROUP], "next_cursor": None, "unknown": {}}
    server.answers["GET /api/incidents"] = (200, answer)
    assert main(["incidents", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == answer


def test_unknown_figure_is_shown_with_its_code(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["GET /api/status"] = (200, {
        "status": "operational", "issues": [], "recent_activity": {"calls_processed_last_hour": None},
        "services": {"database": {"status": "operational"}, "queues": {"recordings": {"pending": None}}, "external_apis": {}},
        "unknown": {"services.queues.recordings.pending": {"code": "missing", "message": "no table"}},
    })  # fmt: skip
    assert main(["status"]) == 0
    assert "unknown (missing)" in capsys.readouterr().out


def test_actions_send_reason_and_encode_ids(server: Server) -> None:
    server.answers["POST /api/silences"] = (201, {"id": "1", "ends_at": "x", "warnings": []})
    server.answers["POST /api/incidents/a%2Fb/take"] = (200, {"id": "a/b", "sentence": "s", "owner": "ana"})
    server.answers["POST /api/channels/slack/test"] = (200, {"name": "slack"})
    assert main(["silence", "--rule", "r", "--minutes", "5", "--reason", "why"]) == 0
    assert main(["take", "a/b", "--reason", "mine"]) == 0
    assert main(["test-channel", "slack"]) == 0
    bodies = [body for _path, body, _token in server.sent]
    assert (bodies[0]["matchers"], bodies[0]["reason"], bodies[1]) == ({"rule_id": "r"}, "why", {"reason": "mine"})


@pytest.mark.parametrize("minutes", ["0", "-5", "525601", "99999999999999999999", "1.5", "x", "٣"])
def test_silence_of_impossible_length_names_its_option(capsys: pytest.CaptureFixture[str], minutes: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["silence", "--rule", "r", f"--minutes={minutes}", "--reason", "why"])
    assert ended.value.code == 2
    assert "argument --minutes: a whole number from 1 to 525600" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "answer", "words"),
    [
        (["call", "1"], None, "older than this command"),
        (["call", "1"], (403, {"error": {"code": "forbidden", "message": f"no {EVIL}"}}), "403: no"),
        (["call", "1"], (500, "text"), "no answer of Callwatch"),
        (["silence", "--minutes", "5", "--reason", "x"], None, "--rule or --service"),
    ],
)
def test_failure_is_one_line(
    arguments: list[str], answer: Any, words: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    if answer:
        server.answers["GET /api/calls/1"] = answer
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert "\x1b" not in error


def test_tail_shows_each_once_in_order(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["GET /api/errors"] = (200, {"items": [GROUP]})
    server.answers["GET /api/alerts"] = (200, {"items": [ALERT, ALERT]})
    assert main(["tail", "--once"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["error", "alert"]


def test_tail_reads_on_until_it_meets_what_it_knows(server: Server) -> None:
    groups = [{**GROUP, "id": str(number)} for number in range(6)]
    for start, cursor in ((0, ""), (2, "&cursor=a"), (4, "&cursor=b")):
        page = {"items": groups[start : start + 2], "next_cursor": {0: "a", 2: "b", 4: "c"}[start]}
        server.answers[f"GET /api/errors?limit=50{cursor}"] = (200, page)
    known = {Known("error", "4", str(GROUP["state"])): None}
    found = read_new(find_api(None), "error", "/api/errors", known)
    assert [item["id"] for item in found] == ["0", "1", "2", "3", "4", "5"]
    assert len(read_new(find_api(None), "error", "/api/errors", {})) == 2, "a first look shows what is there"


def test_tail_shows_the_end_of_an_alert_behind_the_newest(server: Server) -> None:
    alerts = [{**ALERT, "id": str(number), "state": "firing"} for number in range(4)]
    known = {Known("alert", alert["id"], "firing"): None for alert in alerts}
    server.answers["GET /api/errors"] = (200, {"items": []})
    server.answers["GET /api/alerts?limit=50"] = (200, {"items": alerts[:1], "next_cursor": "a"})
    server.answers["GET /api/alerts?limit=200&state=firing"] = (200, {"items": alerts[:2], "next_cursor": None})
    server.answers["GET /api/alerts/2"] = (200, {**alerts[2], "state": "resolved"})
    # The fourth was deleted meanwhile.
    server.answers["GET /api/alerts/3"] = (404, {"error": {"message": "no alert has this id"}})
    found = look(find_api(None), known)
    assert [news.known for news in found if news.known not in known] == [Known("alert", "2", "resolved")]
    assert "resolved: " in next(news.text for news in found if news.known.id == "2")


def test_tail_asks_for_no_end_that_was_shown(server: Server) -> None:
    known = {Known("alert", "7", state): None for state in ("firing", "resolved")}
    server.answers["GET /api/errors"] = server.answers["GET /api/alerts"] = (200, {"items": []})
    assert look(find_api(None), known) == []
    assert [sent[0] for sent in server.sent] == ["GET /api/alerts?limit=50", "GET /api/errors?limit=50"]


def test_profile_gives_address_and_token(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["GET /api/errors"] = (200, {"items": [], "unknown": {}})
    (tmp_path / "callwatch").mkdir()
    (tmp_path / "callwatch" / "profiles.toml").write_text(
        f'[b]\nurl = "http://127.0.0.1:{server.http.server_port}"\ntoken = "t2"\n'
    )
    assert main(["errors", "--profile", "b"]) == main(["--profile", "b", "--json", "errors"]) == 0
    assert [token for _path, _body, token in server.sent] == ["Bearer t2", "Bearer t2"]
    monkeypatch.delenv("CALLWATCH_URL")
    assert main(["errors"]) == 1
    assert main(["errors", "--profile", "none"]) == 1


def test_server_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CALLWATCH_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("CALLWATCH_TOKEN", "x")
    assert main(["status"]) == 1
    assert "does not respond" in capsys.readouterr().err


def test_value_without_reason_is_empty() -> None:
    assert (show_value(None), show_value(None, {"code": "none"}), show_value(7)) == ("", "", "7")


def test_route_shows_where_an_alert_would_go(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    passed = [{"name": "night", "because": "level is warning"}]
    answer = dict.fromkeys(("rule_id", "level", "source", "problem", "group", "repeat_s", "quiet_until", "next_digest_at"), None)
    answer |= {
        "route": "stage",
        "channels": ["slack"],
        "channels_not_configured": [],
        "wait_s": 60,
        "escalation": [],
        "passed": passed,
        "unknown": {},
    }
    server.answers["POST /api/routes/dry-run"] = (200, answer)
    assert main(["route", "stuck_jobs", "--label", "stage=analyses", "--at", "2030-01-31T22:00:00Z"]) == 0
    said = capsys.readouterr().out
    assert "slack" in said
    assert "level is warning" in said
    assert server.sent[-1][1] == {"rule_id": "stuck_jobs", "labels": {"stage": "analyses"}, "at": "2030-01-31T22:00:00Z"}
    assert main(["route", "stuck_jobs", "--label", "stage"]) == 1
    assert "NAME=VALUE" in capsys.readouterr().err
