"""Which part of Sentry's API a path below /api/0/ names, and what answers it."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from callwatch.api.http import Request, Response
from callwatch.db.core.connect import AnyConnection
from callwatch.exceptions import Conflict, NotFound
from callwatch.uploads import releases
from callwatch.uploads.bundles import assemble
from callwatch.uploads.chunks import describe_upload, keep_chunks
from callwatch.uploads.fields import find_project

# The version of a release may hold slashes. A last slash changes nothing.
_RELEASES = re.compile(r"(?:organizations/[^/]+|projects/[^/]+/(?P<project>[^/]+))/releases")
_RELEASE = re.compile(
    r"(?:organizations/[^/]+|projects/[^/]+/[^/]+)/releases/(?P<release>.+?)(?:/(?P<part>deploys|commits|previous-with-commits))?"
)
_REPOSITORIES = re.compile(r"organizations/[^/]+/repos")
_CHUNKS = re.compile(r"organizations/[^/]+/chunk-upload")
_ASSEMBLE = re.compile(r"organizations/[^/]+/artifactbundle/assemble")
_MAX_PATH_CHARS = 1_000
_NO_STORE = "SOURCE_MAPS_URL is not set: there is no place for source maps"


def answer_upload(request: Request, store_url: str | None) -> Response[Any] | None:
    """The answer to a request about parts of bundles, which needs no database; None for any other request.

    Raises NotFound, Conflict, FilesUnavailable, and what reading the body raises.
    """
    path = _read_path(request)
    if not _CHUNKS.fullmatch(path):
        return None
    if store_url is None:
        raise Conflict(_NO_STORE)
    if request.method in ("GET", "HEAD"):
        return Response(200, describe_upload(f"/api/0/{path}/"))
    if request.method != "POST":
        raise NotFound("parts of bundles are sent by POST")
    keep_chunks(store_url, request)
    return Response(200, {})


def answer(
    conn: AnyConnection, request: Request, known: Collection[int], now: datetime, store_url: str | None = None
) -> Response[Any]:
    """The answer to one request of sentry-cli; known: the numbers of all projects. The caller commits.

    Raises NotFound, Conflict, Invalid, FilesUnavailable, and what reading the body raises.
    """
    if not set(known) - {0}:
        raise Conflict("INGEST_KEYS names no project yet: there is nothing that a release could belong to")
    path = _read_path(request)
    method = "GET" if request.method == "HEAD" else request.method
    if method == "POST" and _ASSEMBLE.fullmatch(path):
        if store_url is None:
            raise Conflict(_NO_STORE)
        return Response(200, assemble(conn, store_url, request.read_json(), known, now))
    if listed := _RELEASES.fullmatch(path):
        return _answer_releases(conn, request, method, listed["project"], known, now)
    if found := _RELEASE.fullmatch(path):
        return _answer_release(conn, request, method, found["release"], found["part"], known, now)
    if method == "GET" and _REPOSITORIES.fullmatch(path):
        # No repository is connected: sentry-cli then sends the commits that it finds itself.
        return Response(200, [])
    raise NotFound("releases, deploys and source maps are served here; nothing else of Sentry's API is")


def _read_path(request: Request) -> str:
    path = request.path_parameters.get("proxy", "").strip("/")
    if len(path) > _MAX_PATH_CHARS:
        raise NotFound("the path is longer than any that sentry-cli uses")
    return path


def _answer_releases(
    conn: AnyConnection, request: Request, method: str, project: str | None, known: Collection[int], now: datetime
) -> Response[Any]:
    if method == "POST":
        made, is_new = releases.create_release(conn, request.read_json(), known, now)
        # Sentry says so of a release that exists.
        return Response(201 if is_new else 208, made)
    if method == "GET":
        projects = [find_project(project, known)] if project else sorted(set(known) - {0})
        return Response(200, releases.list_releases(conn, projects))
    raise NotFound("releases are created by POST and listed by GET")


def _answer_release(
    conn: AnyConnection, request: Request, method: str, release: str, part: str | None, known: Collection[int], now: datetime
) -> Response[Any]:
    if part == "deploys" and method == "POST":
        return Response(201, releases.create_deploy(conn, release, request.read_json(), known, now))
    if part == "deploys" and method == "GET":
        return Response(200, releases.list_deploys(conn, release))
    if part == "previous-with-commits" and method == "GET":
        # None is known: sentry-cli then sends the newest twenty commits.
        return Response(200, {})
    if part is None and method == "PUT":
        return Response(200, releases.update_release(conn, release, request.read_json(), known, now))
    if part is None and method == "GET":
        return Response(200, releases.get_release(conn, release))
    raise NotFound("a release is read by GET and changed by PUT; its deploys are listed by GET and added by POST")
