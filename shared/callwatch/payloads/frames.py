"""One zstd frame for each line of an object: readable alone, and replaceable by a frame of the same size."""

from collections.abc import Iterable, Iterator

# What an erased line leaves: an object without an event, so that readers of the whole file stay in step.
BLANK_LINE = b"{}\n"
MAX_LINE_BYTES = 8 * 1024 * 1024
_LEVEL = 3
# An average frame; what of a step lies behind the frame is read again.
_STEP_BYTES = 2_048
_MAGIC = b"\x28\xb5\x2f\xfd"
# A single segment, whose size is given in four bytes.
_DESCRIPTOR = 0b1010_0000
_BLOCK_BYTES = 128 * 1024
_BLOCK_HEADER_BYTES, _HEADER_BYTES = 3, 9


def pack_lines(lines: Iterable[bytes]) -> list[bytes]:
    """Each line as a frame of its own."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True)
    return [compressor.compress(line) for line in lines]


def unpack_line(frame: bytes) -> bytes:
    """The line in a frame. Raises ValueError for anything but one whole frame of at most MAX_LINE_BYTES."""
    import zstandard

    try:
        if zstandard.frame_content_size(frame) > MAX_LINE_BYTES:
            raise ValueError("the frame is larger than any line")
        return bytes(zstandard.ZstdDecompressor().decompress(frame, MAX_LINE_BYTES, allow_extra_data=False))
    except zstandard.ZstdError:
        raise ValueError("not a whole zstd frame") from None


def iterate_frames(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """First byte, size and line of each frame of a whole object. Raises ValueError for a damaged one."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    view, start = memoryview(content), 0
    while start < len(view):
        reader, parts, end = decompressor.decompressobj(), [], start
        try:
            while not reader.eof and end < len(view):
                parts.append(reader.decompress(view[end : end + _STEP_BYTES]))
                end = min(len(view), end + _STEP_BYTES)
        except zstandard.ZstdError:
            raise ValueError("not a zstd frame") from None
        if not reader.eof:
            raise ValueError("the last frame is not whole")
        end -= len(reader.unused_data)
        yield start, end - start, b"".join(parts)
        start = end


def is_blank(line: bytes) -> bool:
    """Whether a line is what an erased one leaves."""
    return line.lstrip(b" ") == BLANK_LINE


def build_blank_frame(size: int) -> bytes:
    """A frame of exactly this many bytes that holds BLANK_LINE after spaces: what comes after it stays in its place.

    Raises ValueError for a size below that of the smallest such frame.
    """
    sizes = _list_blocks(size - _HEADER_BYTES)
    content = BLANK_LINE.rjust(sum(sizes))
    if len(content) > sum(sizes):
        raise ValueError(f"no frame of {size} bytes holds a line")
    frame = bytearray(_MAGIC + bytes([_DESCRIPTOR]) + len(content).to_bytes(4, "little"))
    start = 0
    for number, block in enumerate(sizes, 1):
        frame += (block << 3 | (number == len(sizes))).to_bytes(_BLOCK_HEADER_BYTES, "little")
        frame += content[start : start + block]
        start += block
    return bytes(frame)


def _list_blocks(room: int) -> list[int]:
    """Sizes of raw blocks that fill a room together with their headers."""
    sizes = []
    while room > _BLOCK_HEADER_BYTES:
        size = min(room - _BLOCK_HEADER_BYTES, _BLOCK_BYTES)
        left = room - _BLOCK_HEADER_BYTES - size
        if 0 < left <= _BLOCK_HEADER_BYTES:
            # The rest must hold a header and a byte.
            size -= _BLOCK_HEADER_BYTES + 1 - left
        sizes.append(size)
        room -= _BLOCK_HEADER_BYTES + size
    return sizes
