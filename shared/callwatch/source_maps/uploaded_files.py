"""The names of uploaded files in their store, and how parts of uploads leave it."""

import time
from pathlib import Path

CHUNKS = "chunks"
_CHUNK_S = 24 * 3600


def build_bundle_name(project_id: int, checksum: str) -> str:
    """The name of a bundle in the store."""
    return f"bundles/{project_id}/{checksum}.zip"


def build_chunk_name(checksum: str) -> str:
    """The name of a part of a bundle that is being uploaded; the store forgets it after a day."""
    return f"{CHUNKS}/{checksum}"


def sweep_chunks(url: str) -> None:
    """Remove parts of uploads that nobody finished within a day. A bucket does so by a rule of its own."""
    if url.startswith("s3://"):
        return
    oldest = time.time() - _CHUNK_S
    for path in (Path(url) / CHUNKS).glob("*"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except OSError:
            # Another process took it away.
            continue
