"""Source maps: bundles as they are listed, positions as they are looked up, and what hostile files cost."""

import json
import random
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callwatch.db.error_queries.source_maps import ScriptRow
from callwatch.exceptions import FilesUnavailable, Invalid
from callwatch.file_store import has_file, read_file, remove_file, write_file
from callwatch.source_maps import look_up as module
from callwatch.source_maps.bundle import list_scripts, read_debug_id
from callwatch.source_maps.frames import apply_token
from callwatch.source_maps.look_up import Budget, Found, Token, look_up
from callwatch.source_maps.places import Script, is_of_a_script, list_debug_ids
from callwatch.source_maps.uploaded_files import sweep_chunks
from tests.support.source_maps import DEBUG_ID, SCRIPT, build_bundle, build_map, zip_files

TOKEN: Token = {
    "source": "../src/pay.ts", "line": 5, "column": 2, "function": "pay", "context_line": "  totalOf({});",
    "pre_context": ["a"], "post_context": [],
}  # fmt: skip


def ask(folder: Path, bundle: bytes, *positions: tuple[int, int], checksum: str = "c") -> dict[tuple[int, int], Found]:
    """Look positions up in the one script of a bundle, as if the process had just started."""
    (folder / "bundles" / "1").mkdir(parents=True, exist_ok=True)
    path = folder / "bundles" / "1" / f"{checksum}.zip"
    path.write_bytes(bundle)
    module._memory._found.clear()
    return look_up(str(folder), find_row(path, checksum), positions or ((1, 30),), Budget(time.monotonic() + 30, 5))


def find_row(path: Path, checksum: str = "c") -> ScriptRow:
    (script,) = list_scripts(path)
    row: dict[str, Any] = {"bundle_id": 1, "project_id": 1, "checksum": checksum, "release": "", "dist": "", "url": script.url}
    row["debug_id"] = script.debug_id
    for name, piece in (("script", script.script), ("map", script.map)):
        row |= {
            f"{name}_method": piece and piece.method,
            f"{name}_start": piece and piece.start,
            f"{name}_bytes": piece and piece.size,
        }
    return row  # type: ignore[return-value]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_positions_lead_to_the_source(tmp_path: Path, method: int) -> None:
    found = ask(tmp_path, build_bundle(method=method), (1, 30), (1, 53), (7, 1))
    inner, outer = found[1, 30], found[1, 53]
    assert isinstance(inner, dict)
    assert isinstance(outer, dict)
    assert (inner["source"], inner["line"], inner["function"]) == ("../src/pay.ts", 2, "totalOf")
    assert inner["context_line"] == "  for (const item of order.items);"
    assert inner["pre_context"] == ["export function totalOf(order) {"]
    assert (outer["line"], outer["function"]) == (5, "pay")


def test_answers_are_remembered_without_the_file(tmp_path: Path) -> None:
    first = ask(tmp_path, build_bundle())
    row = find_row(tmp_path / "bundles" / "1" / "c.zip")
    again = look_up(str(tmp_path / "nowhere"), row, [(1, 30)], Budget(time.monotonic() + 5, 0))
    assert again == first


def test_a_crowd_of_positions_is_remembered_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 50)
    found = ask(tmp_path, build_bundle(), *((1, column) for column in range(1, 300)))
    assert len(found) == 299
    assert len(module._memory._found) == 50


# Built when a test asks: some have 100 MB, and every process of a run imports this module.
HOSTILE: dict[str, Callable[[], tuple[bytes, bytes, str]]] = {
    "no JSON": lambda: (SCRIPT, b"<html>not found</html>", "broken"),
    "deep JSON": lambda: (SCRIPT, b"[" * 1_000_000, "broken"),
    "sections in sections": lambda: (
        SCRIPT,
        b'{"version":3,"sections":[{"offset":{"line":0,"column":0},"map":' * 10_000,
        "broken",
    ),
    "a number without an end": lambda: (SCRIPT, build_map(mappings="g" * 100 + "A"), "broken"),
    "letters that are none": lambda: (SCRIPT, build_map(mappings="AAAA,!!"), "broken"),
    "a source that is not there": lambda: (SCRIPT, build_map(mappings="AggggC"), "broken"),
    "ten thousand brackets": lambda: (b"(" * 100_000, build_map(), "broken"),
    "nested functions": lambda: (b"a=>{" * 100_000, build_map(), "broken"),
    "no mapping": lambda: (SCRIPT, build_map(mappings=""), "no_position"),
    "a map that unpacks to 100 MB": lambda: (SCRIPT, b'{"version":3,"mappings":"' + b";" * 100_000_000 + b'"}', "too_large"),
    "31 MB of mappings": lambda: (SCRIPT, build_map(mappings=("AAAA" + ",EAAEA" * 50 + ";") * 100_000), "too_large"),
    "a script that unpacks to 100 MB": lambda: (b" " * 100_000_000, build_map(), "too_large"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_cost_a_code_and_little_time(tmp_path: Path, name: str) -> None:
    script, source_map, expected = HOSTILE[name]()
    bundle = build_bundle(script, source_map)
    began = time.monotonic()
    found = ask(tmp_path, bundle)
    # A busy machine reaches the limit of time before the one of size.
    assert found in ({(1, 30): expected}, {(1, 30): "too_slow"} if expected == "too_large" else None)
    assert time.monotonic() - began < 10


def test_random_damage_never_raises(tmp_path: Path) -> None:
    rng = random.Random(7)
    for _attempt in range(12):
        damaged = bytearray(build_map())
        for _byte in range(rng.randrange(1, 20)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (found,) = ask(tmp_path, build_bundle(source_map=bytes(damaged))).values()
        assert isinstance(found, dict) or found in ("broken", "no_position")


def test_a_map_that_takes_too_long_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "take", lambda _self: 0.001)
    assert ask(tmp_path, build_bundle()) == {(1, 30): "too_slow"}


def test_what_the_budget_does_not_allow_is_left(tmp_path: Path) -> None:
    ask(tmp_path, build_bundle())
    module._memory._found.clear()
    row = find_row(tmp_path / "bundles" / "1" / "c.zip")
    assert look_up(str(tmp_path), row, [(1, 30)], Budget(time.monotonic() + 5, 0)) == {(1, 30): "too_slow"}
    assert look_up(str(tmp_path), row, [(1, 30)], Budget(time.monotonic(), 5)) == {(1, 30): "too_slow"}


def test_store_that_does_not_respond_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(tmp_path, build_bundle())
    module._memory._found.clear()
    row = find_row(tmp_path / "bundles" / "1" / "c.zip")
    monkeypatch.setattr(module, "_PASSING_S", 0.0)
    assert look_up(str(tmp_path / "nowhere"), row, [(1, 30)], Budget(time.monotonic() + 30, 5)) == {(1, 30): "unavailable"}
    assert isinstance(look_up(str(tmp_path), row, [(1, 30)], Budget(time.monotonic() + 30, 5))[1, 30], dict)


def test_script_without_a_map_says_so(tmp_path: Path) -> None:
    manifest = {"files": {"a.js": {"type": "minified_source", "url": "~/a.js", "headers": {"debug-id": DEBUG_ID}}}}
    assert ask(tmp_path, zip_files({"a.js": SCRIPT, "manifest.json": json.dumps(manifest).encode()})) == {(1, 30): "no_map"}


BROKEN_BUNDLES = {
    "no zip": b"no zip at all",
    "empty": b"",
    "cut": build_bundle()[:-40],
    "no manifest": zip_files({"a.js": SCRIPT}),
    "a manifest that is no JSON": zip_files({"manifest.json": b"{"}),
    "a manifest without files": zip_files({"manifest.json": b"[]"}),
    "a deep manifest": zip_files({"manifest.json": b'{"files":' + b"[" * 100_000}),
    "a manifest that unpacks to 50 MB": zip_files({"manifest.json": b" " * 50_000_000}),
    "too many files": zip_files({f"{number}": b"" for number in range(5_001)}, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("name", BROKEN_BUNDLES)
def test_bundle_that_cannot_be_read_is_invalid(tmp_path: Path, name: str) -> None:
    (tmp_path / "bundle").write_bytes(BROKEN_BUNDLES[name])
    with pytest.raises(Invalid):
        list_scripts(tmp_path / "bundle")


@pytest.mark.parametrize("headers", [None, [], {"debug-id": 7, "sourcemap": 7}, {"SourceMap": "//[", "Debug-Id": "x" * 10_000}])
def test_odd_entries_of_a_manifest_are_skipped(tmp_path: Path, headers: Any) -> None:
    files = {
        "a.js": {"type": "minified_source", "url": "~/a.js", "headers": headers},
        "b": 7,
        "c": {"type": "minified_source", "url": 7},
    }
    (tmp_path / "bundle").write_bytes(zip_files({"a.js": SCRIPT, "manifest.json": json.dumps({"files": files}).encode()}))
    (script,) = list_scripts(tmp_path / "bundle")
    assert (script.url, script.debug_id, script.map) == ("~/a.js", None, None)


def test_map_is_found_by_the_name_that_the_script_gives(tmp_path: Path) -> None:
    files = {
        "a.js": {"type": "minified_source", "url": "~/assets/a.js", "headers": {"sourcemap": "../maps/a.js.map?v=1"}},
        "m": {"type": "source_map", "url": "~/maps/a.js.map"},
        "n": {"type": "source_map", "url": "~/assets/a.js.map"},
    }
    contents = {"a.js": SCRIPT, "m": build_map(), "n": b"{}", "manifest.json": json.dumps({"files": files}).encode()}
    (tmp_path / "bundle").write_bytes(zip_files(contents))
    (script,) = list_scripts(tmp_path / "bundle")
    assert script.map is not None
    packed = (tmp_path / "bundle").read_bytes()[script.map.start : script.map.start + script.map.size]
    assert zlib.decompress(packed, -15) == build_map()


def test_debug_id_has_one_spelling() -> None:
    assert {read_debug_id(text) for text in (DEBUG_ID, DEBUG_ID.upper(), DEBUG_ID.replace("-", ""), f" {DEBUG_ID}")} == {DEBUG_ID}
    assert [read_debug_id(value) for value in (None, 7, "", "x", DEBUG_ID + "-1", "z" * 36)] == [None] * 6


def test_frame_keeps_its_minified_place() -> None:
    frame = {
        "filename": "/srv/dist/main.js",
        "function": "f",
        "lineno": 1,
        "colno": 30,
        "in_app": True,
        "vars": {"r": "x"},
        "module": "main",
    }
    mapped = apply_token(frame, TOKEN)
    assert (mapped["filename"], mapped["function"], mapped["lineno"], mapped["in_app"]) == ("src/pay.ts", "pay", 5, True)
    assert (mapped["context_line"], mapped["pre_context"], mapped["vars"]) == ("  totalOf({});", ["a"], {"r": "x"})
    assert "module" not in mapped
    assert mapped["minified"] == {name: frame[name] for name in ("filename", "function", "module", "lineno", "colno")}
    assert not is_of_a_script(mapped)
    assert apply_token(frame, "broken") == {**frame, "source_map": "broken"}


@pytest.mark.parametrize(
    ("source", "filename", "in_app"),
    [
        ("webpack://shop/./src/pay.ts", "src/pay.ts", True),
        ("webpack://_N_E/./src/app/page.tsx?1a2b", "src/app/page.tsx", True),
        ("turbopack:///[project]/src/pay.ts", "src/pay.ts", True),
        ("../../node_modules/lib/index.js", "node_modules/lib/index.js", False),
        ("webpack/bootstrap", "webpack/bootstrap", False),
        ("/", "/", True),
    ],
)
def test_sources_are_named_without_the_bundler(source: str, filename: str, in_app: bool) -> None:
    mapped = apply_token({"filename": "a.js", "lineno": 1, "colno": 1}, {**TOKEN, "source": source})
    assert (mapped["filename"], mapped["in_app"]) == (filename, in_app)


def test_lines_of_a_source_hold_nothing_private() -> None:
    lines = ["// call jane.roe@example.com", "const key = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';", "a\0b\ud800"]
    mapped = json.dumps(
        apply_token({"filename": "a.js", "lineno": 1, "colno": 1}, {**TOKEN, "context_line": lines[1], "pre_context": lines})
    )
    assert "jane" not in mapped
    assert "4eC39" not in mapped
    assert "\\u0000" not in mapped


@pytest.mark.parametrize(
    "meta", [None, 7, {"images": 7}, {"images": [7, {}, {"code_file": 7, "debug_id": DEBUG_ID}, {"code_file": "a"}]}]
)
def test_odd_debug_meta_names_nothing(meta: Any) -> None:
    assert list_debug_ids({"debug_meta": meta}) == {}


def test_addresses_are_compared_as_sentry_cli_writes_them() -> None:
    def named(address: str) -> list[str]:
        return [found[3] for found in Script(1, "", "shop@1", "", address).by_address]

    assert named("https://shop.example/assets/a.js") == ["https://shop.example/assets/a.js", "~/assets/a.js"]
    assert named("app:///a.js") == ["app:///a.js", "~/a.js"]
    assert named("/srv/a.js") == ["/srv/a.js", "~/srv/a.js"]
    assert list(Script(1, "", "", "", "/srv/a.js").by_address) == []


def test_store_keeps_and_forgets(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    write_file(url, "chunks/a", b"0123456789")
    assert (has_file(url, "chunks/a"), has_file(url, "chunks/b")) == (True, False)
    assert (read_file(url, "chunks/a"), read_file(url, "chunks/a", 2, 3), read_file(url, "chunks/a", 2, 0)) == (
        b"0123456789",
        b"234",
        b"",
    )
    sweep_chunks(url)
    assert has_file(url, "chunks/a")
    remove_file(url, "chunks/a")
    remove_file(url, "chunks/a")
    with pytest.raises(FilesUnavailable):
        read_file(url, "chunks/a")


@pytest.mark.parametrize("url", ["s3://maps", "s3://maps/prefix"])
def test_bucket_holds_the_same_files(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto import mock_aws

    from callwatch import file_store

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with mock_aws():
        file_store._make_client.cache_clear()
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="maps")
        write_file(url, "chunks/a", b"0123456789")
        assert (has_file(url, "chunks/a"), has_file(url, "chunks/b")) == (True, False)
        assert read_file(url, "chunks/a", 2, 3) == b"234"
        remove_file(url, "chunks/a")
        with pytest.raises(FilesUnavailable):
            read_file(url, "chunks/a")
        with pytest.raises(FilesUnavailable):
            write_file("s3://others", "a", b"")
    file_store._make_client.cache_clear()
