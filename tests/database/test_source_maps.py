"""Source maps from the upload to the stack: what sentry-cli sends, how errors are grouped by it, and what late uploads change."""

import gzip
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.api.http import Request, Response
from callwatch.db import connection, execute, with_transaction
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from callwatch.exceptions import Conflict, FilesUnavailable, Invalid, NotFound, TooLarge, UnsupportedType
from callwatch.reports.groups.error_groups import load_group_detail, load_occurrence
from callwatch.settings import reset_settings
from callwatch.source_maps import look_up as look_up_module
from callwatch.uploads import bundles
from callwatch.uploads.chunks import CHUNK_BYTES
from callwatch.uploads.paths import answer, answer_upload
from tests.support.source_maps import DEBUG_ID, build_bundle, build_event, build_frames, checksum, zip_files

NOW = datetime.now(UTC)
UPLOAD = "organizations/acme/chunk-upload/"
ASSEMBLE = "organizations/acme/artifactbundle/assemble/"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up an empty store, and a process that remembers nothing."""
    monkeypatch.setenv("SOURCE_MAPS_URL", str(tmp_path / "maps"))
    reset_settings()
    look_up_module._memory._found.clear()
    return tmp_path / "maps"


def send_chunks(
    folder: Path, *contents: bytes, name: str = "file_gzip", type_: str = "multipart/form-data; boundary=----x"
) -> Response[Any]:
    parts = [
        f'------x\r\nContent-Disposition: form-data; name="{name}"; filename="{checksum(content)}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + (gzip.compress(content) if name == "file_gzip" else content)
        + b"\r\n"
        for content in contents
    ]
    request = Request("POST", "", {"proxy": UPLOAD}, {}, {"content-type": type_}, b"".join(parts) + b"------x--\r\n")
    found = answer_upload(request, str(folder))
    assert found is not None
    return found


def assemble(folder: Path | None, bundle: bytes, **more: Any) -> dict[str, Any]:
    chunks = [bundle[start : start + CHUNK_BYTES] for start in range(0, len(bundle), CHUNK_BYTES)]
    body = {
        "checksum": checksum(bundle),
        "chunks": [checksum(chunk) for chunk in chunks],
        "projects": ["web"],
        "version": "shop@1",
        **more,
    }
    return post(folder, body)


def post(folder: Path | None, body: Any) -> dict[str, Any]:
    request = Request("POST", "", {"proxy": ASSEMBLE}, {}, {}, json.dumps(body).encode())
    url = str(folder) if folder else None
    found: dict[str, Any] = with_transaction(lambda conn: answer(conn, request, (0, 1), NOW, url), is_idempotent=True).body
    return found


def upload(folder: Path, bundle: bytes | None = None, **more: Any) -> None:
    content = bundle or build_bundle()
    assert assemble(folder, content, **more)["state"] == "not_found"
    for start in range(0, len(content), CHUNK_BYTES):
        send_chunks(folder, content[start : start + CHUNK_BYTES])
    assert assemble(folder, content, **more) == {"state": "ok", "missingChunks": [], "detail": None}


def throw(**more: Any) -> None:
    digest([build_error_message(finish_event(build_event(**more), NOW), 1, NOW)], NOW)


def list_groups() -> list[tuple[int, int, str]]:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT id, count, state FROM callwatch.error_groups ORDER BY id")
        rows: list[tuple[int, int, str]] = cursor.fetchall()
    return rows


def show(group_id: int | None = None) -> dict[str, Any]:
    with connection() as conn:
        detail = load_group_detail(conn, str(group_id or list_groups()[0][0]), NOW, 90, {})
    return json.loads(json.dumps(detail, default=str))  # type: ignore[no-any-return]


def list_places(frames: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(frame["filename"], frame["function"], frame["lineno"], frame.get("source_map")) for frame in frames]


MINIFIED = [("/srv/dist/main.js", name, 1) for name in ("Object.<anonymous>", "p", "f")]
RESOLVED = [
    ("src/pay.ts", "Object.<anonymous>", 7, "applied"),
    ("src/pay.ts", "pay", 5, "applied"),
    ("src/pay.ts", "totalOf", 2, "applied"),
]


def test_stack_is_resolved_before_it_is_grouped(database: str, folder: Path) -> None:
    upload(folder)
    throw()
    (occurrence,) = show()["occurrences"]
    assert list_places(occurrence["frames"]) == RESOLVED
    assert occurrence["frames"][-1]["context_line"] == "  for (const item of order.items);"
    assert occurrence["exceptions"][-1]["frames"] == occurrence["frames"]
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT payload::text FROM callwatch.error_logs")
        ((stored,),) = cursor.fetchall()
    assert "totalOf" in stored


def test_next_build_of_the_same_source_is_the_same_error(database: str, folder: Path) -> None:
    upload(folder)
    throw()
    other = "11111111-2222-4333-8444-555555555555"
    upload(folder, build_bundle(debug_id=other), version="shop@2")
    images = [{"type": "sourcemap", "code_file": "/srv/dist/chunk-9f3e.js", "debug_id": other.upper()}]
    frames = [{**frame, "function": name} for frame, name in zip(build_frames("/srv/dist/chunk-9f3e.js"), "xyz", strict=True)]
    throw(release="shop@2", debug_meta={"images": images}, frames=frames)
    assert [count for _id, count, _state in list_groups()] == [2]


def test_causes_are_resolved_too(database: str, folder: Path) -> None:
    upload(folder)
    throw(exceptions=[{"type": "Error", "frames": build_frames()}, {"type": "TypeError"}])
    first, _last = show()["occurrences"][0]["exceptions"]
    assert list_places(first["frames"]) == RESOLVED


def test_release_and_address_serve_without_a_debug_id(database: str, folder: Path) -> None:
    upload(folder, build_bundle(debug_id=None), dist="7")
    frames = build_frames("https://shop.example/main.js?v=3")
    for dist in ("7", "8", None):
        throw(debug_meta=None, frames=frames, dist=dist)
    found = [
        occurrence["frames"][-1].get("source_map") for group in list_groups() for occurrence in show(group[0])["occurrences"]
    ]
    assert sorted(found, key=str) == [None, None, "applied"]


def test_late_upload_resolves_what_is_shown(database: str, folder: Path) -> None:
    throw()
    (before,) = show()["occurrences"]
    assert list_places(before["frames"]) == [(*place, "not_uploaded") for place in MINIFIED]
    upload(folder)
    detail = show()
    (occurrence,) = detail["occurrences"]
    assert list_places(occurrence["frames"]) == RESOLVED
    with connection() as conn:
        one = load_occurrence(conn, detail["id"], occurrence["event_id"], NOW, 90, {})
        assert list_places(one["frames"] or []) == RESOLVED
    # Nothing that is stored or grouped has changed.
    assert (len(list_groups()), detail["fingerprints"]) == (1, [detail["fingerprint"]])


def test_known_error_stays_known_after_the_upload(database: str, folder: Path) -> None:
    throw()
    old = show()["fingerprint"]
    upload(folder)
    throw()
    throw()
    detail = show()
    assert [count for _id, count, _state in list_groups()] == [3]
    assert old in detail["fingerprints"]
    assert len(detail["fingerprints"]) == 2
    assert [entry["action"] for entry in detail["history"]] == ["source_map"]


def test_second_error_of_a_minified_group_is_new(database: str, folder: Path) -> None:
    throw()
    upload(folder)
    throw()
    # Minified, the two were one: another place in the same script, under names of one letter.
    throw(frames=build_frames()[:2])
    assert [(count, state) for _id, count, state in list_groups()] == [(2, "new"), (1, "new")]


def test_error_without_its_map_joins_the_minified_group(database: str, folder: Path) -> None:
    throw()
    upload(folder)
    throw()
    (folder / "bundles").rename(folder / "gone")
    look_up_module._memory._found.clear()
    throw()
    assert [count for _id, count, _state in list_groups()] == [3]


def test_broken_map_leaves_the_frame_with_the_reason(database: str, folder: Path) -> None:
    upload(folder, build_bundle(source_map=b"<html>"))
    throw()
    (occurrence,) = show()["occurrences"]
    assert list_places(occurrence["frames"]) == [(*place, "broken") for place in MINIFIED]


def test_store_that_is_gone_costs_no_error(database: str, folder: Path) -> None:
    upload(folder)
    (folder / "bundles").rename(folder / "gone")
    throw()
    (occurrence,) = show()["occurrences"]
    assert list_places(occurrence["frames"]) == [(*place, "unavailable") for place in MINIFIED]


def test_failure_of_the_library_costs_no_error(database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(folder)

    def fail(*_given: Any, **_more: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("callwatch.digest.source_maps.resolve_stacks", fail)
    throw()
    assert len(list_groups()) == 1


def test_event_sent_again_is_counted_once(database: str, folder: Path) -> None:
    message = build_error_message(finish_event(build_event(), NOW), 1, NOW)
    digest([message], NOW)
    upload(folder)
    digest([message], NOW)
    assert [count for _id, count, _state in list_groups()] == [1]


def test_fingerprint_of_the_client_decides_still(database: str, folder: Path) -> None:
    throw(fingerprint=["ours"])
    upload(folder)
    throw(fingerprint=["ours"])
    detail = show()
    assert (detail["count"], detail["history"], len(detail["fingerprints"])) == (2, [], 1)


def test_bundle_of_several_parts_is_assembled(database: str, folder: Path) -> None:
    content = build_bundle() + os.urandom(2 * CHUNK_BYTES + 7)
    # A zip may not have so much behind it: it is refused, but only once it is whole.
    assert len(assemble(folder, content)["missingChunks"]) == 3
    parts = [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)]
    assert send_chunks(folder, parts[0]).status == 200
    assert assemble(folder, content)["missingChunks"] == [checksum(part) for part in parts[1:]]
    send_chunks(folder, parts[1], name="file")
    send_chunks(folder, parts[2])
    assert assemble(folder, content)["state"] == "error"
    large = zip_files({"noise": os.urandom(3 * CHUNK_BYTES)})
    merged = large[:8] + build_bundle()[8:]
    upload(folder, merged)


def test_bundle_sent_twice_is_one(database: str, folder: Path) -> None:
    upload(folder)
    assert assemble(folder, build_bundle())["state"] == "ok"
    assert len(list((folder / "bundles" / "1").iterdir())) == 1
    assert not list((folder / "chunks").iterdir())


def test_bundle_whose_file_is_lost_is_taken_again(database: str, folder: Path) -> None:
    upload(folder)
    (folder / "bundles" / "1" / f"{checksum(build_bundle())}.zip").unlink()
    upload(folder)
    throw()
    assert list_places(show()["occurrences"][0]["frames"]) == RESOLVED


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"checksum": "x"}, Invalid), ({"checksum": "../../etc/passwd"}, Invalid), ({"checksum": None}, Invalid),
        ({"chunks": []}, Invalid), ({"chunks": ["../a"]}, Invalid), ({"chunks": "a"}, Invalid),
        ({"chunks": ["a" * 40] * 51}, Invalid),
        ({"projects": ["9"]}, NotFound), ({"version": "a\nb"}, Invalid), ({"dist": 7}, Invalid),
    ],
)  # fmt: skip
def test_odd_announcement_is_refused(database: str, folder: Path, change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        assemble(folder, build_bundle(), **change)


def test_parts_in_another_order_are_no_bundle(database: str, folder: Path) -> None:
    send_chunks(folder, b"one", b"two")
    body = {"checksum": checksum(b"onetwo"), "chunks": [checksum(b"two"), checksum(b"one")], "projects": ["web"]}
    found = post(folder, body)
    assert (found["state"], "checksum" in found["detail"] or "parts" in found["detail"]) == ("error", True)


def test_odd_parts_are_refused(folder: Path) -> None:
    with pytest.raises(UnsupportedType):
        send_chunks(folder, b"x", type_="application/json")
    with pytest.raises(TooLarge):
        send_chunks(folder, b"x" * (CHUNK_BYTES + 1))
    with pytest.raises(TooLarge):
        send_chunks(folder, b"x" * 100_000_000)
    with pytest.raises(TooLarge):
        send_chunks(folder, os.urandom(3 * CHUNK_BYTES), name="file")
    with pytest.raises(Invalid):
        send_chunks(folder, b"x", name="other")
    with pytest.raises(Invalid):
        send_chunks(folder, *[b"x"] * 100)
    wrong = b'------x\r\nContent-Disposition: form-data; name="file"; filename="' + b"0" * 40 + b'"\r\n\r\nx\r\n------x--\r\n'
    request = Request("POST", "", {"proxy": UPLOAD}, {}, {"content-type": "multipart/form-data; boundary=----x"}, wrong)
    with pytest.raises(Invalid, match="checksum"):
        answer_upload(request, str(folder))


def test_without_a_store_nothing_is_taken(database: str) -> None:
    with pytest.raises(Conflict):
        answer_upload(Request("GET", "", {"proxy": UPLOAD}), None)
    with pytest.raises(Conflict):
        assemble(None, build_bundle())
    assert answer_upload(Request("GET", "", {"proxy": "organizations/acme/repos"}), None) is None


def test_upload_is_described(folder: Path) -> None:
    found = answer_upload(Request("GET", "", {"proxy": UPLOAD}), str(folder))
    assert found is not None
    # sentry-cli refuses a size that is no power of two; Lambda is handed at most 6 MB, as base64.
    assert found.body["chunkSize"] & (found.body["chunkSize"] - 1) == 0
    assert found.body["maxRequestSize"] * 4 / 3 < 6_000_000
    assert found.body["url"] == f"/api/0/{UPLOAD}"


def delete(before: datetime, url: str | None) -> int:
    with connection() as conn:
        deleted = bundles.delete_unused(conn, url, before)
        conn.commit()
    return deleted


def test_bundle_lives_as_long_as_it_is_used(database: str, folder: Path) -> None:
    upload(folder)
    with connection() as conn:
        execute(conn, "UPDATE callwatch.source_bundles SET used_at = %s", (NOW - timedelta(days=80),))
        conn.commit()
    throw()
    assert delete(NOW - timedelta(days=1), str(folder)) == 0
    assert delete(NOW + timedelta(days=1), str(folder)) == 1
    assert not list((folder / "bundles" / "1").iterdir())
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM callwatch.source_maps")
        assert cursor.fetchall() == [(0,)]


def test_bundle_stays_recorded_until_its_file_is_gone(database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(folder)

    def fail(*_given: Any) -> None:
        raise FilesUnavailable("no store")

    with monkeypatch.context() as patched:
        patched.setattr(bundles, "remove_file", fail)
        with pytest.raises(FilesUnavailable):
            delete(NOW + timedelta(days=1), str(folder))
    assert delete(NOW + timedelta(days=1), str(folder)) == 1


def test_projects_do_not_see_each_others_maps(database: str, folder: Path) -> None:
    upload(folder)
    digest([build_error_message(finish_event(build_event(), NOW), 2, NOW)], NOW)
    assert list_places(show()["occurrences"][0]["frames"]) == [(*place, "not_uploaded") for place in MINIFIED]


def test_lost_connection_while_maps_are_found_costs_no_error(
    database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(folder)

    def fail(*_given: Any) -> None:
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("callwatch.digest.source_maps.list_projects_with_maps", fail)
    throw()
    assert len(list_groups()) == 1


def test_stack_of_another_language_is_left_alone(database: str, folder: Path) -> None:
    upload(folder)
    frames = [{"filename": "app/calls.py", "function": "store", "lineno": 7, "in_app": True}]
    throw(frames=frames, platform="python", debug_meta=None)
    assert "source_map" not in show()["occurrences"][0]["frames"][0]


def test_debug_id_survives_the_scrubbing() -> None:
    event = finish_event(build_event(), NOW)
    assert event["debug_meta"]["images"][0] == {"type": "sourcemap", "code_file": "/srv/dist/main.js", "debug_id": DEBUG_ID}
