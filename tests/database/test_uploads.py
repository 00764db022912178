"""Releases and deploys as sentry-cli reports them: the calls that version 3.8.0 makes, and what others read of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.surroundings import list_recent_changes, read_surroundings
from callwatch.api.http import Request, Response
from callwatch.db import connection, with_transaction
from callwatch.db.error_queries.deploys import delete_releases_before
from callwatch.db.incident_queries.changes import list_changes as list_changes_before
from callwatch.db.report_queries.changes import list_changes
from callwatch.exceptions import Conflict, Invalid, NotFound, Unreadable
from callwatch.uploads.paths import answer

NOW = datetime.now(UTC).replace(microsecond=0)
RELEASES = "organizations/acme/releases/"
ONE = f"{RELEASES}shop@2.4.0/"
COMMIT = {
    "id": "863ff0d876647ac62ec8595353ac830914186711", "message": "fix: call jane.roe@example.com back\n\nlong",
    "author_name": "Jane Roe", "author_email": "jane.roe@example.com", "timestamp": "2026-11-30T07:25:17Z",
    "repository": "origin", "patch_set": [{"path": "a.js", "type": "A"}],
}  # fmt: skip


def send(method: str, path: str, body: Any = None, projects: tuple[int, ...] = (0, 1)) -> Response[Any]:
    text = b"" if body is None else json.dumps(body).encode()
    request = Request(method, f"/api/0/{path}", {"proxy": path}, {}, {"content-type": "application/json"}, text)
    return with_transaction(lambda conn: answer(conn, request, projects, NOW), is_idempotent=True)


def make(**more: Any) -> Response[Any]:
    return send("POST", RELEASES, {"version": "shop@2.4.0", "projects": ["web"], **more})


def test_release_is_made_committed_finalized_and_deployed(database: str) -> None:
    made = make(dateStarted="2026-11-30T07:25:17.067437557Z")
    assert (made.status, made.body["version"], made.body["projects"]) == (201, "shop@2.4.0", [{"slug": "1", "name": "1"}])
    assert send("GET", "organizations/acme/repos").body == []
    assert make().status == 208
    assert send("GET", f"{ONE}previous-with-commits/").body == {}
    assert send("PUT", ONE, {"commits": [COMMIT]}).body["commitCount"] == 1
    finalized = send("PUT", ONE, {"projects": ["web"], "dateReleased": "2026-11-30T07:25:17.099885587Z"}).body
    assert (finalized["dateReleased"][:19], finalized["commitCount"]) == ("2026-11-30T07:25:17", 1)
    deployed = send("POST", f"{ONE}deploys/", {"environment": "production", "name": None, "url": None, "dateStarted": None})
    assert (deployed.status, deployed.body["environment"]) == (201, "production")
    assert [deploy["id"] for deploy in send("GET", f"{ONE}deploys/").body] == [deployed.body["id"]]
    (listed,) = send("GET", "projects/acme/web/releases/").body
    assert listed == send("GET", ONE).body == finalized


def test_deploy_is_a_change(database: str) -> None:
    make()
    send("POST", f"{ONE}deploys/", {"environment": "production", "dateFinished": (NOW - timedelta(minutes=5)).isoformat()})
    with connection() as conn:
        (before,) = list_changes_before(conn, {7: NOW})[7]
        changes = list_changes(conn, NOW - timedelta(hours=1), NOW, 10)
    assert (before["kind"], before["title"]) == ("deploy", "Release shop@2.4.0 deployed to production")
    assert [(change["kind"], change["subject"]) for change in changes] == [("deploy", "shop@2.4.0")]


def test_deploy_sent_twice_is_one(database: str) -> None:
    make()
    deploy = {"environment": "production", "dateFinished": NOW.isoformat()}
    assert {send("POST", f"{ONE}deploys/", deploy).body["id"] for _attempt in range(2)} == {
        found["id"] for found in send("GET", f"{ONE}deploys/").body
    }


def test_deploy_of_tomorrow_is_of_now(database: str) -> None:
    make()
    found = send("POST", f"{ONE}deploys/", {"environment": "e", "dateFinished": "2099-01-01T00:00:00Z"}).body
    assert datetime.fromisoformat(found["dateFinished"]) == NOW


def test_commits_are_kept_without_their_authors(database: str) -> None:
    make(commits=[COMMIT, *[{"id": f"{number:040x}"} for number in range(150)]])
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT commits, commit_count FROM callwatch.reported_releases")
        ((commits, count),) = cursor.fetchall()
    assert (len(commits), count) == (100, 151)
    assert commits[0] == {"id": COMMIT["id"], "message": "fix: call [email] back", "at": "2026-11-30T07:25:17Z"}
    assert "Roe" not in json.dumps(commits)


def test_projects_are_numbers_unless_there_is_one(database: str) -> None:
    with pytest.raises(NotFound, match="number of a project"):
        send("POST", RELEASES, {"version": "v", "projects": ["web"]}, projects=(1, 2))
    made = send("POST", RELEASES, {"version": "v", "projects": ["2", "1"]}, projects=(1, 2)).body
    assert [project["slug"] for project in made["projects"]] == ["1", "2"]
    assert len(send("GET", "projects/acme/2/releases", projects=(1, 2)).body) == 1
    for slug in ("0", "3", "9" * 30):
        with pytest.raises(NotFound):
            send("POST", RELEASES, {"version": "v", "projects": [slug]})
    with pytest.raises(Conflict):
        send("POST", RELEASES, {"version": "v"}, projects=(0,))


def test_version_may_hold_slashes_and_the_name_of_a_part(database: str) -> None:
    for version in ("web/1.0", "deploys", "a/deploys/b"):
        send("POST", RELEASES, {"version": version})
        assert send("GET", f"{RELEASES}{version}/").body["version"] == version
        assert send("GET", f"{RELEASES}{version}/deploys/").body == []


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("PUT", f"{RELEASES}unknown/", {"commits": []}, NotFound),
        ("POST", f"{RELEASES}unknown/deploys/", {"environment": "e"}, NotFound),
        ("GET", f"{RELEASES}unknown/", None, NotFound),
        ("GET", "organizations/acme/members/", None, NotFound),
        ("POST", "envelope/", {}, NotFound),
        ("DELETE", ONE, None, NotFound),
        ("GET", "organizations/" + "a" * 2_000 + "/releases/x", None, NotFound),
        ("POST", RELEASES, None, Unreadable),
        ("POST", RELEASES, [], Invalid),
        ("POST", RELEASES, {}, Invalid),
        ("POST", RELEASES, {"version": "a\nb"}, Invalid),
        ("POST", RELEASES, {"version": "v" * 201}, Invalid),
        ("POST", RELEASES, {"version": "v", "projects": "web"}, Invalid),
        ("POST", RELEASES, {"version": "v", "dateStarted": "yesterday"}, Invalid),
        ("POST", RELEASES, {"version": "v", "dateReleased": 7}, Invalid),
        ("POST", RELEASES, {"version": "v", "commits": [7]}, Invalid),
        ("POST", RELEASES, {"version": "v", "commits": {}}, Invalid),
        ("POST", RELEASES, {"version": "v", "ref": ["x"]}, Invalid),
        ("POST", RELEASES, {"version": "v", "url": "u" * 2_000}, Invalid),
    ],
)
def test_what_cannot_be_used_is_refused(database: str, method: str, path: str, body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        send(method, path, body)


def test_hostile_texts_are_stored_as_postgresql_accepts_them(database: str) -> None:
    version = send("POST", RELEASES, {"version": "a\ud800b", "ref": "x\x00y"}).body["version"]
    assert send("POST", f"{RELEASES}{version}/deploys", {"environment": "\x00prod"}).status == 201


def test_old_releases_are_deleted(database: str) -> None:
    make()
    send("POST", f"{ONE}deploys/", {"environment": "production"})
    with connection() as conn:
        delete_releases_before(conn, NOW - timedelta(days=1))
        conn.commit()
    assert len(send("GET", f"{ONE}deploys/").body) == 1
    with connection() as conn:
        delete_releases_before(conn, NOW + timedelta(days=1))
        conn.commit()
    assert send("GET", RELEASES).body == []


def test_notification_names_a_deploy_that_raised_no_error(database: str) -> None:
    make()
    send("POST", f"{ONE}deploys/", {"environment": "production", "dateFinished": (NOW - timedelta(minutes=5)).isoformat()})
    with connection() as conn:
        around = read_surroundings(conn, NOW)
    instance = Instance("high_error_rate:", "high_error_rate", {}, "firing", since=NOW)
    (line,) = list_recent_changes(around, instance)
    assert line.startswith("Recent changes: release shop@2.4.0 deployed to production ")
